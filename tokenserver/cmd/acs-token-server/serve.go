package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const shutdownTimeout = 10 * time.Second

// serve runs until the context ends, and then finishes the requests that are under way.
func (p program) serve(ctx context.Context) error {
	c, isDevelopment, err := loadConfig(p.environ)
	if err != nil {
		return err
	}
	logger := p.logger(c.LogLevel)
	work, stopWork := context.WithCancel(context.WithoutCancel(ctx)) // outlives the requests
	defer stopWork()

	var listening net.ListenConfig
	public, err := listening.Listen(ctx, "tcp", c.Addr)
	if err != nil {
		return fmt.Errorf("ADDR: %w", err)
	}
	defer func() { _ = public.Close() }()
	admin, err := listening.Listen(ctx, "tcp", c.AdminAddr)
	if err != nil {
		return fmt.Errorf("ADMIN_ADDR: %w", err)
	}
	defer func() { _ = admin.Close() }()

	url := "http://" + public.Addr().String()
	var s *stack
	if isDevelopment {
		s, _, err = newDevelopment(work, c, url, logger)
	} else {
		s, err = newProduction(work, c, logger)
	}
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }()

	_, _ = fmt.Fprintln(p.stdout, url)
	logger.InfoContext(ctx, "listening", "url", url, "admin", admin.Addr().String(), "development", isDevelopment)
	var background sync.WaitGroup
	background.Go(func() { s.server.Run(work) })
	err = serveBoth(ctx, logger, listener{public, s.handler}, listener{admin, adminHandler(s)})
	stopWork()
	background.Wait()
	return err
}

type listener struct {
	net.Listener
	handler http.Handler
}

// serveBoth serves until the context ends or one of the listeners fails.
func serveBoth(ctx context.Context, logger *slog.Logger, listeners ...listener) error {
	failed := make(chan error, len(listeners))
	servers := make([]*http.Server, len(listeners))
	for i, l := range listeners {
		servers[i] = newHTTPServer(l.handler, logger)
		go func() { failed <- servers[i].Serve(l) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	for _, server := range servers {
		err = errors.Join(err, server.Shutdown(ending))
	}
	return err
}

func newHTTPServer(handler http.Handler, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      15 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// adminHandler is for the operators' tools, not for the internet.
func adminHandler(s *stack) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
		defer cancel()
		if err := s.ready(ctx); err != nil {
			http.Error(w, "not ready", http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("ready\n"))
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{}))
	return mux
}

// healthcheck succeeds if the server answers /healthz.
func (p program) healthcheck(ctx context.Context, args []string) error {
	var url string
	if len(args) == 1 {
		url = args[0]
	} else {
		c, _, err := loadConfig(p.environ)
		if err != nil {
			return err
		}
		host, port, err := net.SplitHostPort(c.AdminAddr)
		if err != nil {
			return err
		}
		if address := net.ParseIP(host); host == "" || address != nil && address.IsUnspecified() {
			host = "127.0.0.1"
		}
		url = "http://" + net.JoinHostPort(host, port) + "/healthz"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil) //nolint:gosec // the operator names the URL
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request) //nolint:gosec // the operator names the URL
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("healthcheck: status %d", response.StatusCode)
	}
	return nil
}
