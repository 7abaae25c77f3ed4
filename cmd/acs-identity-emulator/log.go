package main

import (
	"context"
	"io"
	"log"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/lossy"
)

const (
	logText = "text"
	logJSON = "json"
	logOff  = "off"

	logWarnings = "" // text, but only warnings and errors: the default of exec
)

var logFormats = []string{logText, logJSON, logOff}

func newLog(format string, w io.Writer) *slog.Logger {
	switch format {
	case logJSON:
		return slog.New(slog.NewJSONHandler(w, nil))
	case logOff:
		return slog.New(slog.DiscardHandler)
	case logWarnings:
		return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
	default:
		return slog.New(slog.NewTextHandler(w, nil))
	}
}

// newLogOutput returns a writer for the log that never waits for whoever reads w.
func newLogOutput(format string, w io.Writer) *lossy.Writer {
	return lossy.NewWriter(w, func(w io.Writer, dropped int) {
		newLog(format, w).Warn("lines are missing from the log: its reader is too slow", "dropped", dropped)
	})
}

// logRequests starts logging requests, if there is a log. It returns a function that stops it.
func (p *program) logRequests(ctx context.Context) (stop func()) {
	if !p.log.Enabled(ctx, slog.LevelInfo) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx)) // until the last request has ended
	requests := p.handler.Watch(ctx)
	var logging sync.WaitGroup
	logging.Go(func() {
		logged := 0
		for request := range requests {
			p.logMissing(request.Number - logged - 1)
			logRequest(p.log, request)
			logged = request.Number
		}
		p.logMissing(p.lastNumber() - logged)
	})
	return func() {
		cancel()
		logging.Wait()
	}
}

// lastNumber returns the number of the last request.
func (p *program) lastNumber() int {
	requests := p.handler.Requests()
	if len(requests) == 0 {
		return 0
	}
	return requests[len(requests)-1].Number
}

func (p *program) logMissing(requests int) {
	if requests > 0 {
		p.log.Warn("requests are missing from the log: there were too many at once", "requests", requests)
	}
}

// logRequest omits what the client sent, which may be a secret in the wrong place: of an error it logs only the code.
func logRequest(logger *slog.Logger, request emulator.Request) {
	attributes := []any{
		slog.String("method", request.Method),
		slog.String("operation", request.Operation),
		slog.Int("status", request.Status),
		slog.Duration("duration", request.Duration),
	}
	if request.Error != "" {
		code, _, _ := strings.Cut(request.Error, ":")
		attributes = append(attributes, slog.String("error", code))
	}
	logger.Info("request", attributes...)
}

// An errorWriter logs what net/http reports.
type errorWriter struct {
	logger *slog.Logger
	trust  string // how a client comes to trust the certificate
}

func newErrorLog(logger *slog.Logger, trust string) *log.Logger {
	return log.New(errorWriter{logger, trust}, "", 0)
}

// Write implements [io.Writer].
func (w errorWriter) Write(line []byte) (int, error) {
	text := strings.TrimSpace(string(line))
	rest, ok := strings.CutPrefix(text, "http: TLS handshake error from ")
	if !ok {
		w.logger.Error(text)
		return len(line), nil
	}
	address, reason, _ := strings.Cut(rest, ": ")
	client, _, _ := net.SplitHostPort(address)
	attributes := []any{slog.String("client", client), slog.String("error", reason)}
	if advice := w.adviceOn(reason); advice != "" {
		attributes = append(attributes, slog.String("advice", advice))
	}
	w.logger.Warn("TLS handshake failed", attributes...)
	return len(line), nil
}

const (
	trustByFile = "let the client trust the file of -certificate, or certificate.pem in the folder of -data, by SSL_CERT_FILE " +
		"(Go on Linux, curl), NODE_EXTRA_CA_CERTS (Node.js), REQUESTS_CA_BUNDLE (Python) or a trust store (Java), and name the " +
		"host that it uses with -host"
	trustInExec = "let the client trust the file that SSL_CERT_FILE names; before version 1.27, Go ignores the variable on " +
		"macOS and Windows"

	untrusted    = "the client does not trust the certificate: "                            // and trust
	disconnected = "the client ended the handshake; if it does not trust the certificate, " // and trust
)

// advice is what to do about failures of the TLS handshake with these texts. The first match holds.
var advice = []struct {
	text, advice string
}{
	{"tls: bad certificate", untrusted},
	{"tls: unknown certificate", untrusted}, // also "unknown certificate authority"
	{"tls: expired certificate", "the client's clock is wrong, or the certificate has expired: restart the emulator"},
	{"HTTP request to an HTTPS server", "the client uses http: give it the endpoint with https, or use -insecure-http"},
	{"does not look like a TLS handshake", "the client does not use TLS: give it the endpoint with https, or use -insecure-http"},
	{"unsupported versions", "the client must support TLS 1.2"},
	{"EOF", disconnected},
	{"connection reset", disconnected},
	{"bad record MAC", disconnected},              // Python
	{"remote error: tls: internal", disconnected}, // Java
}

// adviceOn returns what to do about a failed TLS handshake, or "".
func (w errorWriter) adviceOn(reason string) string {
	for _, known := range advice {
		if !strings.Contains(reason, known.text) {
			continue
		}
		if known.advice == untrusted || known.advice == disconnected {
			return known.advice + w.trust
		}
		return known.advice
	}
	return ""
}
