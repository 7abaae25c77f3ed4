package systemtest_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	soakers      = 32  // goroutines that create users with custom IDs, and as many without
	soakUsers    = 6   // that each of them creates if ACS_SOAK does not say how long to go on
	soakTrouble  = 0.2 // the part of the requests that meet a fault
	soakerHeader = "Soaker"
)

// soakFaults are equally likely. What they answer with a success status does not have what the operations need.
var soakFaults = []emulator.Fault{
	{Status: http.StatusTooManyRequests},
	{Status: http.StatusTooManyRequests, Header: http.Header{"Retry-After": {"0"}}},
	{Status: http.StatusInternalServerError},
	{Status: http.StatusBadGateway, Header: http.Header{"Content-Type": {"text/html"}}, Body: "<html>Bad gateway</html>"},
	{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"Thu, 01 Jan 2026 00:00:00 GMT"}}},
	{Status: http.StatusGatewayTimeout},
	{Drop: emulator.DropBefore},
	{Drop: emulator.DropAfter},
	{Truncate: 60},
	{Status: http.StatusOK},
	{Status: http.StatusCreated},
	{Status: http.StatusOK, Body: halfAnAnswer},
	{Status: http.StatusCreated, Body: halfAnAnswer},
}

const halfAnAnswer = `{"identity":{},"accessToken":{"expiresOn":"2026-10-20T12:48:08Z"},"expiresOn":"2026-10-20T12:48:08Z","customId":"somebody"}`

// TestSoak calls a service at which a fifth of all requests goes wrong, from many goroutines. The service keeps what
// went wrong with the last request of each call, so the test knows how the call must end.
//
// It counts goroutines, so no other test may run at the same time.
func TestSoak(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Cleanup(func() {
		// The client's goroutines end by themselves, a moment after their connections.
		deadline := time.Now().Add(5 * time.Second)
		for runtime.NumGoroutine() > before && time.Now().Before(deadline) {
			runtime.Gosched()
		}
		assert.LessOrEqual(t, runtime.NumGoroutine(), before)
	})
	seed := soakSeed(t)
	t.Run("with custom IDs", func(t *testing.T) {
		t.Parallel()
		unknown, _ := soak(t, seed, true)
		assert.Zero(t, unknown)
	})
	t.Run("without custom IDs", func(t *testing.T) {
		t.Parallel()
		unknown, lost := soak(t, seed, false)
		assert.Equal(t, lost, unknown, "every lost answer leaves one user behind")
	})
}

func soakSeed(t *testing.T) uint64 {
	t.Helper()
	seed := rand.Uint64()
	if value := os.Getenv("ACS_SOAK_SEED"); value != "" {
		var err error
		seed, err = strconv.ParseUint(value, 10, 64)
		require.NoError(t, err)
	}
	t.Logf("ACS_SOAK_SEED=%d repeats this run, as far as the order of goroutines allows", seed)
	return seed
}

// soakLength returns whether a goroutine that has created so many users goes on.
func soakLength(t *testing.T) func(users int) bool {
	t.Helper()
	value := os.Getenv("ACS_SOAK")
	if value == "" {
		return func(users int) bool { return users < soakUsers }
	}
	length, err := time.ParseDuration(value)
	require.NoError(t, err)
	end := time.Now().Add(length)
	return func(int) bool { return time.Now().Before(end) }
}

// soak returns how many users exist that no call returned, and how many answers to the creation of one were lost.
func soak(t *testing.T, seed uint64, customIDs bool) (unknown, lost int) {
	t.Helper()
	service := newFlakyService(t, seed)
	client := service.newClient(t, customIDs)
	goOn := soakLength(t)
	started := time.Now()
	all := make([]*soaker, soakers)
	var group sync.WaitGroup
	for i := range all {
		name := strconv.Itoa(i)
		all[i] = &soaker{
			t:         t,
			service:   service,
			client:    client,
			ctx:       policy.WithHTTPHeader(t.Context(), http.Header{soakerHeader: {name}}),
			random:    rand.New(rand.NewPCG(seed, uint64(i))),
			name:      name,
			customIDs: customIDs,
		}
		group.Go(func() { all[i].work(goOn) })
	}
	group.Wait()
	elapsed := time.Since(started)
	service.close(t)

	var calls, failed int
	var lives []*life
	for _, soaker := range all {
		calls += soaker.calls
		failed += soaker.failed
		lives = append(lives, soaker.lives...)
	}
	unknown = countUnknown(t, lives, service.Users())
	t.Logf("%d calls, %.0f a second; %d of %d requests met a fault, %d calls failed; nobody knows %d of %d users",
		calls, float64(calls)/elapsed.Seconds(), service.faulty, service.requests, failed, unknown, len(lives)+unknown)
	return unknown, service.lost
}

// countUnknown compares the users that calls returned with those that exist. It returns how many of these no call
// returned.
func countUnknown(t *testing.T, lives []*life, users []identity.CommunicationUserIdentifier) (unknown int) {
	t.Helper()
	fates := map[identity.CommunicationUserIdentifier]fate{}
	for _, life := range lives {
		_, known := fates[life.user]
		assert.False(t, known, "%s was created twice", life.user.ID)
		fates[life.user] = life.fate
	}
	for _, user := range users {
		fate, known := fates[user]
		if !known {
			unknown++
		}
		assert.NotEqual(t, deleted, fate, user.ID)
		delete(fates, user)
	}
	for user, fate := range fates {
		assert.NotEqual(t, alive, fate, "%s does not exist", user.ID)
	}
	return unknown
}

// A flakyService is an emulator at which requests go wrong.
type flakyService struct {
	*emulator.Handler
	server      *httptest.Server
	connections atomic.Int64

	mu       sync.Mutex // also keeps a fault for the request that it is meant for
	random   *rand.Rand
	met      map[string]*emulator.Fault // what the last request of each soaker met, nil for nothing
	requests int
	faulty   int
	lost     int
}

func newFlakyService(t *testing.T, seed uint64) *flakyService {
	t.Helper()
	handler, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
	require.NoError(t, err)
	s := &flakyService{Handler: handler, random: rand.New(rand.NewPCG(seed, soakers)), met: map[string]*emulator.Fault{}}
	s.server = httptest.NewUnstartedServer(s)
	s.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			s.connections.Add(1)
		case http.StateClosed:
			s.connections.Add(-1)
		}
	}
	s.server.StartTLS()
	return s
}

func (s *flakyService) newClient(t *testing.T, customIDs bool) *identity.Client {
	t.Helper()
	s.server.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = soakers
	options := identitytest.NewOptions(s.server.Client())
	if customIDs {
		options.APIVersion = identitytest.PreviewAPIVersion
	}
	client, err := identity.NewClientFromConnectionString("endpoint="+s.server.URL+";accesskey="+s.AccessKey(), options)
	require.NoError(t, err)
	return client
}

func (s *flakyService) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests++
	var fault *emulator.Fault
	if s.random.Float64() < soakTrouble {
		s.faulty++
		fault = new(soakFaults[s.random.IntN(len(soakFaults))])
		fault.Times = 1
		s.Inject(*fault)
	}
	if fault != nil && isCreation(r) && (fault.Drop == emulator.DropAfter || fault.Truncate > 0) {
		s.lost++
	}
	s.met[r.Header.Get(soakerHeader)] = fault
	s.Handler.ServeHTTP(w, r)
}

func isCreation(r *http.Request) bool {
	return r.URL.Path == "/identities"
}

// lastFault returns what the last request of a soaker met, if it sent one since it last asked.
func (s *flakyService) lastFault(soaker string) (fault *emulator.Fault, sent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault, sent = s.met[soaker]
	delete(s.met, soaker)
	return fault, sent
}

func (s *flakyService) close(t *testing.T) {
	t.Helper()
	s.server.Client().CloseIdleConnections()
	s.server.Close()
	assert.Zero(t, s.connections.Load(), "connections are open")
}

// A soaker looks after users, one at a time.
type soaker struct {
	t         *testing.T
	service   *flakyService
	client    *identity.Client
	ctx       context.Context
	random    *rand.Rand
	name      string
	customIDs bool
	lives     []*life
	calls     int
	failed    int
}

func (s *soaker) work(goOn func(users int) bool) {
	for users := 0; goOn(users) && !s.t.Failed(); users++ {
		life := &life{soaker: s}
		if s.customIDs {
			life.customID = new(s.name + "/" + strconv.Itoa(users))
		}
		if life.begin() {
			life.goOn()
			s.lives = append(s.lives, life)
		}
	}
}

// call makes a call and checks how it ends. It reports whether it succeeded.
func call[Response any](s *soaker, operation func() (Response, error)) (Response, bool) {
	response, err := operation()
	s.calls++
	fault, sent := s.service.lastFault(s.name)
	assert.True(s.t, sent, "the call made no request: %v", err)
	assert.True(s.t, explains(fault, err), "after %+v: %v", fault, err)
	if err != nil {
		s.failed++
		assert.Zero(s.t, response)
	}
	return response, err == nil
}

// explains reports whether a call whose last request met the fault ends with the error.
func explains(fault *emulator.Fault, err error) bool {
	responseError, refused := errors.AsType[*azcore.ResponseError](err)
	switch {
	case fault == nil:
		return err == nil
	case refused || fault.Status >= http.StatusBadRequest:
		return refused && responseError.StatusCode == fault.Status
	case fault.Status != 0:
		return strings.HasPrefix(fmt.Sprint(err), "identity: response has no ")
	case fault.Truncate > 0:
		return err == nil || errors.Is(err, io.ErrUnexpectedEOF) // an answer without a body is never cut
	default:
		return errors.Is(err, io.EOF)
	}
}

// A life is what a soaker knows of a user.
type life struct {
	*soaker
	customID *string
	user     identity.CommunicationUserIdentifier
	tokens   []string // which are valid
	fate     fate
}

type fate int

const (
	alive fate = iota
	deleted
	uncertain // the deletion failed
)

// begin creates the user. Only with a custom ID may it try again.
func (l *life) begin() bool {
	for !l.create() {
		if l.customID == nil || l.t.Failed() {
			return false
		}
	}
	return true
}

func (l *life) goOn() {
	steps := []func(){l.getToken, l.revokeTokens}
	if l.customID != nil {
		steps = append(steps, l.getDetail, func() { l.create() })
	}
	for range l.random.IntN(6) {
		steps[l.random.IntN(len(steps))]()
	}
	for _, token := range l.tokens {
		l.assertValid(token)
	}
	if l.random.IntN(2) == 0 {
		l.delete()
	}
	l.tokens = nil
}

func (l *life) create() bool {
	if l.random.IntN(2) == 0 {
		created, ok := call(l.soaker, func() (identity.CreateUserResponse, error) {
			return l.client.CreateUser(l.ctx, &identity.CreateUserOptions{CustomID: l.customID})
		})
		return ok && l.is(created.User)
	}
	created, ok := call(l.soaker, func() (identity.CreateUserAndTokenResponse, error) {
		return l.client.CreateUserAndToken(l.ctx, identitytest.ChatScopes, &identity.CreateUserAndTokenOptions{CustomID: l.customID})
	})
	return ok && l.is(created.User) && l.has(created.AccessToken)
}

func (l *life) getToken() {
	got, ok := call(l.soaker, func() (identity.GetTokenResponse, error) {
		return l.client.GetToken(l.ctx, l.user, identitytest.ChatScopes, nil)
	})
	if ok {
		l.has(got.AccessToken)
	}
}

func (l *life) getDetail() {
	got, ok := call(l.soaker, func() (identity.GetUserDetailResponse, error) {
		return l.client.GetUserDetail(l.ctx, l.user, nil)
	})
	if ok {
		assert.Equal(l.t, l.user, got.User)
		assert.Equal(l.t, *l.customID, got.CustomID)
	}
}

func (l *life) revokeTokens() {
	_, ok := call(l.soaker, func() (identity.RevokeTokensResponse, error) {
		return l.client.RevokeTokens(l.ctx, l.user, nil)
	})
	if ok {
		l.assertEnded("revoked")
	}
	l.tokens = nil // a call that failed may have done its work
}

func (l *life) delete() {
	_, ok := call(l.soaker, func() (identity.DeleteUserResponse, error) {
		return l.client.DeleteUser(l.ctx, l.user, nil)
	})
	l.fate = uncertain
	if ok {
		l.fate = deleted
		l.assertEnded("deleted")
	}
}

// is notes who the user is: the same at every creation.
func (l *life) is(user identity.CommunicationUserIdentifier) bool {
	l.user = cmp.Or(l.user, user)
	return assert.Equal(l.t, l.user, user)
}

func (l *life) has(token identity.AccessToken) bool {
	l.tokens = append(l.tokens, token.Token)
	return l.assertValid(token.Token)
}

func (l *life) assertValid(token string) bool {
	claims, err := l.service.InspectToken(token)
	return assert.NoError(l.t, err) && assert.Equal(l.t, l.user.RawID(), claims.RawID)
}

func (l *life) assertEnded(end string) {
	for _, token := range l.tokens {
		_, err := l.service.InspectToken(token)
		assert.ErrorContains(l.t, err, end)
	}
}
