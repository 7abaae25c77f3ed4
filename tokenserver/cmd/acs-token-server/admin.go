package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/acs-go/identity/tokenserver/sqlite"
	"github.com/caarlos0/env/v11"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const (
	readyTimeout  = 2 * time.Second
	healthTimeout = 3 * time.Second
	maxMessage    = 8 << 10 // bytes of a request for a backup, and of an error
)

// adminHandler is for the operators' tools, not for the internet.
func adminHandler(s *stack, isDraining *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		if isDraining.Load() {
			http.Error(w, "draining", http.StatusServiceUnavailable)
			return
		}
		if err := s.ready(ctx); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("POST /backup", s.serveBackup)
	return mux
}

type backupRequest struct {
	File string `json:"file"`
}

// serveBackup copies the SQLite database to a file of this machine. Only its programs may ask: whoever else can reach
// the listener must not write files here, and neither must a web page in a browser of this machine.
func (s *stack) serveBackup(w http.ResponseWriter, r *http.Request) {
	peer := hostOfAddress(r.RemoteAddr)
	if !isLoopback(peer) || !isLoopback(hostOfHeader(r.Host)) || r.Header.Get("Origin") != "" ||
		r.Header.Get("Content-Type") != "application/json" {
		http.Error(w, "a backup is for programs of this machine only", http.StatusForbidden)
		return
	}
	if !s.isSQLite {
		http.Error(w, "the database is PostgreSQL: use pg_dump", http.StatusConflict)
		return
	}
	var request backupRequest
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxMessage)).Decode(&request)
	if err != nil || !filepath.IsAbs(request.File) {
		http.Error(w, "the request needs the absolute path of a file", http.StatusBadRequest)
		return
	}
	_ = http.NewResponseController(w).SetWriteDeadline(time.Time{}) // a large database takes long
	if err := sqlite.Backup(r.Context(), s.db, request.File); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func hostOfHeader(host string) string {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return strings.Trim(host, "[]")
	}
	return name
}

// backup has the running server copy its database.
func (p program) backup(ctx context.Context, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return errUsage
	}
	path, err := filepath.Abs(args[0])
	if err != nil {
		return err
	}
	base, err := p.adminURL()
	if err != nil {
		return err
	}
	body, err := json.Marshal(backupRequest{path})
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, base+"/backup", strings.NewReader(string(body)))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("backup: the server must run; no response at ADMIN_ADDR: %w", withoutAddress(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusNoContent {
		reason, _ := io.ReadAll(io.LimitReader(response.Body, maxMessage))
		return fmt.Errorf("backup: status %d: %s", response.StatusCode, strings.TrimSpace(string(reason)))
	}
	return nil
}

// healthcheck succeeds if the server responds to /healthz.
func (p program) healthcheck(ctx context.Context, args []string) error {
	if len(args) > 1 {
		return errUsage
	}
	base, err := p.adminURL()
	if err != nil {
		return err
	}
	url := base + "/healthz"
	if len(args) == 1 {
		url = args[0]
	}
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil) //nolint:gosec // the operator names the URL
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request) //nolint:gosec // the operator names the URL
	if err != nil {
		return fmt.Errorf("healthcheck: %w", withoutAddress(err))
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("healthcheck: status %d", response.StatusCode)
	}
	return nil
}

// adminURL returns where a server of this machine with the same ADMIN_ADDR listens. It reads nothing else.
func (p program) adminURL() (string, error) {
	variables := variablesOf(p.environ)
	c, _ := env.ParseAsWithOptions[struct {
		AdminAddr string `env:"ADMIN_ADDR" envDefault:"127.0.0.1:9090"`
	}](env.Options{Environment: variables})
	var found mistakes
	checkAddress("ADMIN_ADDR", c.AdminAddr, &found)
	if err := found.err(); err != nil {
		return "", err
	}
	host, port, err := net.SplitHostPort(c.AdminAddr)
	if address := net.ParseIP(host); host == "" || address != nil && address.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), err
}
