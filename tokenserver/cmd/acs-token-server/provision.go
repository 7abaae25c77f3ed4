package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/acs-go/identity/tokenserver"
	"github.com/acs-go/identity/tokenserver/oidc"
	"github.com/schollz/progressbar/v3"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"
)

const (
	// provisionRate stays below the 1000 identities in 30 seconds that Communication Services allows a resource.
	provisionRate    = 30
	provisionWorkers = 8
	provisionTries   = 10
	reportInterval   = 10 * time.Second
)

// provision creates the identities of a list of users. It writes to the table that the server reads, so that what was
// done is skipped when it is started again.
func (p program) provision(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("provision", flag.ContinueOnError)
	flags.SetOutput(p.stderr)
	perSecond := flags.Float64("rate", provisionRate, "identities to create in a second")
	issuer := flags.String("issuer", "", "the users' issuer `URL`, needed with several issuers")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil || flags.NArg() != 1 {
		return errUsage
	}
	if !(*perSecond > 0) { // which NaN is not, either
		return errors.New("-rate must be greater than 0")
	}
	c, err := loadConfig(p.environ)
	if err != nil {
		return err
	}
	if *issuer == "" && len(c.issuers) == 1 {
		*issuer = c.issuers[0].URL
	}
	if !slices.ContainsFunc(c.issuers, func(known oidc.Issuer) bool { return known.URL == *issuer }) {
		return errors.New("-issuer must be one of the configuration's issuers")
	}
	subjects, err := readSubjects(flags.Arg(0))
	if err != nil {
		return err
	}
	s, err := newProduction(ctx, ctx, c, p.logger(max(c.LogLevel, slog.LevelWarn)), nil)
	if err != nil {
		return err
	}
	defer func() { _ = s.close() }()
	return p.createAll(ctx, s.server, *issuer, subjects, rate.NewLimiter(rate.Limit(*perSecond), 1))
}

// byteOrderMark may begin a file in UTF-8.
const byteOrderMark = "\ufeff"

// readSubjects returns the lines of a file that are not empty. It is an error if one of them cannot be a subject.
func readSubjects(path string) ([]string, error) {
	file, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("the list of users: %w", withoutPath(err))
	}
	defer func() { _ = file.Close() }()
	var subjects []string
	lines := bufio.NewScanner(file)
	number := 0
	for lines.Scan() {
		number++
		line := lines.Text()
		if number == 1 {
			line = strings.TrimPrefix(line, byteOrderMark)
		}
		subject := strings.Trim(line, " ")
		if subject == "" {
			continue
		}
		if strings.HasPrefix(subject, byteOrderMark) {
			return nil, fmt.Errorf("line %d of the list begins with a byte order mark", number)
		}
		if !utf8.ValidString(subject) {
			return nil, fmt.Errorf("line %d of the list is not UTF-8", number)
		}
		if err := tokenserver.CheckSubject(subject); err != nil {
			return nil, fmt.Errorf("line %d of the list: %w", number, err)
		}
		subjects = append(subjects, subject)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("line %d of the list: %w", number+1, err)
	}
	return subjects, nil
}

func (p program) createAll(ctx context.Context, server *tokenserver.Server, issuer string, subjects []string, limit *rate.Limiter) error {
	show := newProgress(p.stderr, p.isTerminal, len(subjects))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(provisionWorkers)
	for _, subject := range subjects {
		if ctx.Err() != nil {
			break
		}
		group.Go(func() error {
			if err := ensure(ctx, server, tokenserver.User{Issuer: issuer, Subject: subject}, limit); err != nil {
				return err
			}
			show.add()
			return nil
		})
	}
	err := group.Wait()
	done := show.finish()
	if err == nil && done < len(subjects) {
		err = context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("%d of %d users have an identity; start it again to go on: %w", done, len(subjects), err)
	}
	return nil
}

// ensure tries again after failures that may be transient. An interruption lets the creation that is under way end,
// because its identity would be lost.
func ensure(ctx context.Context, server *tokenserver.Server, user tokenserver.User, limit *rate.Limiter) error {
	var err error
	for try := range provisionTries {
		id, findErr := server.FindUser(ctx, user)
		if findErr == nil && id != "" {
			return nil
		}
		if err := limit.Wait(ctx); err != nil {
			return err
		}
		if _, _, err = server.EnsureUser(context.WithoutCancel(ctx), user); err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(min(time.Second<<try, 30*time.Second)):
		}
	}
	return err
}

// progress is a bar on a terminal, and a line now and then elsewhere.
type progress struct {
	w     io.Writer
	bar   *progressbar.ProgressBar // nil: lines
	total int

	mu       sync.Mutex
	done     int
	reported time.Time
}

func newProgress(w io.Writer, isTerminal bool, total int) *progress {
	p := &progress{w: w, total: total, reported: time.Now()}
	if isTerminal {
		p.bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionShowCount(),
			progressbar.OptionShowIts(), progressbar.OptionSetDescription("identities"))
	}
	return p
}

func (p *progress) add() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.bar != nil {
		_ = p.bar.Add(1)
	} else if time.Since(p.reported) >= reportInterval {
		p.report()
	}
}

func (p *progress) report() {
	p.reported = time.Now()
	_, _ = fmt.Fprintf(p.w, "%d of %d users have an identity\n", p.done, p.total)
}

// finish ends the display, and returns how many users are done.
func (p *progress) finish() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		_, _ = fmt.Fprintln(p.w)
	}
	p.report()
	return p.done
}
