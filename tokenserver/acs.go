package tokenserver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
)

// A kind is one of the kinds of requests that Communication Services limits separately. Its value is a label of metrics.
type kind string

const (
	kindCreate   kind = "create"
	kindIssue    kind = "issue"
	kindRevoke   kind = "revoke"
	kindDelete   kind = "delete"
	kindExchange kind = "exchange" // of the tokens of Teams users
)

// An acs calls Communication Services. While the service asks for a pause with requests of a kind, it sends none.
type acs struct {
	client  *identity.Client
	now     func() time.Time
	metrics Metrics

	mu     sync.Mutex
	paused map[kind]time.Time // until when
}

func newACS(options Options) *acs {
	return &acs{client: options.Client, now: options.Now, metrics: options.Metrics, paused: make(map[kind]time.Time)}
}

func (a *acs) createUser(ctx context.Context) (id string, err error) {
	err = a.call(ctx, kindCreate, func(ctx context.Context) error {
		response, err := a.client.CreateUser(ctx, nil)
		id = response.User.ID
		if created, ok := identity.CreatedUserOf(err); ok { // the response was damaged
			id, err = created.ID, nil
		}
		return err
	})
	return id, err
}

func (a *acs) issue(ctx context.Context, id string, scopes []identity.TokenScope, lifetime time.Duration) (token identity.AccessToken, err error) {
	err = a.call(ctx, kindIssue, func(ctx context.Context) error {
		user := identity.CommunicationUserIdentifier{ID: id}
		response, err := a.client.GetToken(ctx, user, scopes, &identity.GetTokenOptions{TokenExpiresIn: &lifetime})
		token = response.AccessToken
		return err
	})
	return token, err
}

func (a *acs) exchange(ctx context.Context, parameters identity.TeamsUserTokenParameters) (token identity.AccessToken, err error) {
	err = a.call(ctx, kindExchange, func(ctx context.Context) error {
		response, err := a.client.GetTokenForTeamsUser(ctx, parameters, nil)
		token = response.AccessToken
		return err
	})
	return token, err
}

func (a *acs) revoke(ctx context.Context, id string) error {
	return a.call(ctx, kindRevoke, func(ctx context.Context) error {
		_, err := a.client.RevokeTokens(ctx, identity.CommunicationUserIdentifier{ID: id}, nil)
		return err
	})
}

func (a *acs) delete(ctx context.Context, id string) error {
	return a.call(ctx, kindDelete, func(ctx context.Context) error {
		_, err := a.client.DeleteUser(ctx, identity.CommunicationUserIdentifier{ID: id}, nil)
		return err
	})
}

// call sends a request of a kind, and others after failures that may be transient.
func (a *acs) call(ctx context.Context, of kind, send func(context.Context) error) error {
	if wait := a.pause(of); wait > 0 {
		cause := fmt.Errorf("waiting, as Communication Services asked for requests of the kind %q", of)
		return errUnavailable.because(cause).after(wait)
	}
	begin := time.Now()
	counted := false
	options := retries
	options.ShouldRetry = func(response *http.Response, err error) bool {
		counted = true
		return a.note(of, response) && (err != nil || slices.Contains(transient, response.StatusCode))
	}
	err := send(policy.WithRetryOptions(ctx, options))
	if !counted { // the client had no other try: the request's time was over, or would be before the next one
		a.note(of, responseOf(err))
	}
	a.metrics.ServiceCall(string(of), time.Since(begin))
	if wait := a.pause(of); err != nil && wait > 0 {
		return errUnavailable.because(err).after(wait)
	}
	return err
}

// note counts a request, and reports whether another one may follow. There is no response if the request failed.
func (a *acs) note(of kind, response *http.Response) bool {
	if response == nil {
		a.metrics.ServiceRequest(string(of), 0)
		return true
	}
	a.metrics.ServiceRequest(string(of), response.StatusCode)
	return !a.remember(of, response)
}

func responseOf(err error) *http.Response {
	if failure, ok := errors.AsType[*azcore.ResponseError](err); ok {
		return failure.RawResponse
	}
	return nil
}

// retries keep a request short: callers get the service's Retry-After at once.
var retries = policy.RetryOptions{
	MaxRetries:    2,
	TryTimeout:    5 * time.Second,
	RetryDelay:    200 * time.Millisecond,
	MaxRetryDelay: 2 * time.Second,
}

// transient are the statuses that azcore repeats requests for.
var transient = []int{
	http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway,
	http.StatusServiceUnavailable, http.StatusGatewayTimeout,
}

// maxPause bounds what a response may ask for, in case a gateway errs.
const maxPause = time.Hour

// remember pauses the requests of a kind if the response asks for it, and reports whether it does.
func (a *acs) remember(of kind, response *http.Response) bool {
	if response.StatusCode != http.StatusTooManyRequests && response.StatusCode != http.StatusServiceUnavailable {
		return false
	}
	wait := retryAfter(response.Header, a.now())
	if wait <= 0 {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if until := a.now().Add(min(wait, maxPause)); until.After(a.paused[of]) {
		a.paused[of] = until
	}
	return true
}

// pause returns for how long requests of a kind must wait.
func (a *acs) pause(of kind) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.paused[of].Sub(a.now())
}

// retryAfter returns how long a response asks to wait, in either form of RFC 9110.
func retryAfter(header http.Header, now time.Time) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if date, err := http.ParseTime(value); err == nil {
		return date.Sub(now)
	}
	return 0
}

// isGone reports whether the service itself responded that it does not know an identity. A gateway's 404 is not that.
func isGone(err error) bool {
	response, ok := errors.AsType[*azcore.ResponseError](err)
	if !ok || response.StatusCode != http.StatusNotFound {
		return false
	}
	known, ok := identity.CommunicationErrorOf(err)
	return ok && known.Code != ""
}
