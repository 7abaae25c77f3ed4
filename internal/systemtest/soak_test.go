package systemtest_test

import (
	"cmp"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strconv"
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
	soakWorkers  = 32  // goroutines that create users with custom IDs, and as many without
	soakUsers    = 6   // that each of them creates if ACS_SOAK does not say how long to go on
	soakFaulty   = 0.2 // the share of requests that meet a fault
	workerHeader = "Worker"
)

// soakFaults are equally likely. Those with a success status lack required fields.
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
	{Status: http.StatusOK, Body: incompleteBody},
	{Status: http.StatusCreated, Body: incompleteBody},
}

const incompleteBody = `{"identity":{},"accessToken":{"expiresOn":"2026-10-20T12:48:08Z"},"expiresOn":"2026-10-20T12:48:08Z","customId":"somebody"}`

// TestSoak calls a service at which a fifth of all requests fails, from many goroutines. The service records the fault
// of the last request of each call, so the test knows how the call must end.
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
		orphaned, _ := soak(t, seed, true)
		assert.Zero(t, orphaned)
	})
	t.Run("without custom IDs", func(t *testing.T) {
		t.Parallel()
		orphaned, lost := soak(t, seed, false)
		assert.Equal(t, lost, orphaned, "every lost response orphans one user")
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
	t.Logf("ACS_SOAK_SEED=%d repeats this run, except for the order of goroutines", seed)
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

// soak returns how many users exist that no call returned, and how many responses to the creation of one were lost.
func soak(t *testing.T, seed uint64, customIDs bool) (orphaned, lost int) {
	t.Helper()
	service := newFlakyService(t, seed)
	client := service.newClient(t, customIDs)
	goOn := soakLength(t)
	started := time.Now()
	all := make([]*worker, soakWorkers)
	var group sync.WaitGroup
	for i := range all {
		name := strconv.Itoa(i)
		all[i] = &worker{
			t:         t,
			service:   service,
			client:    client,
			ctx:       policy.WithHTTPHeader(t.Context(), http.Header{workerHeader: {name}}),
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
	var users []*trackedUser
	for _, worker := range all {
		calls += worker.calls
		failed += worker.failed
		users = append(users, worker.users...)
	}
	orphaned = countOrphaned(t, users, service.Users())
	t.Logf("%d calls, %.0f a second; %d of %d requests met a fault, %d calls failed; %d of %d users are orphaned",
		calls, float64(calls)/elapsed.Seconds(), service.faulty, service.requests, failed, orphaned, len(users)+orphaned)
	return orphaned, service.lost
}

// countOrphaned compares the users that calls returned with those that exist. It returns how many of these no call
// returned.
func countOrphaned(t *testing.T, users []*trackedUser, existing []emulator.User) (orphaned int) {
	t.Helper()
	states := map[identity.CommunicationUserIdentifier]userState{}
	for _, u := range users {
		_, known := states[u.user]
		assert.False(t, known, "%s was created twice", u.user.ID)
		states[u.user] = u.state
	}
	for _, stored := range existing {
		user := identity.CommunicationUserIdentifier{ID: stored.ID}
		state, known := states[user]
		if !known {
			orphaned++
		}
		assert.NotEqual(t, deleted, state, user.ID)
		delete(states, user)
	}
	for user, state := range states {
		assert.NotEqual(t, present, state, "%s does not exist", user.ID)
	}
	return orphaned
}

// A flakyService is an emulator at which requests fail.
type flakyService struct {
	*emulator.Handler
	server      *httptest.Server
	connections atomic.Int64

	mu       sync.Mutex // also held while a request meets its fault
	random   *rand.Rand
	met      map[string]*emulator.Fault // the fault of the last request of each worker; nil: none
	requests int
	faulty   int
	lost     int
}

func newFlakyService(t *testing.T, seed uint64) *flakyService {
	t.Helper()
	handler, err := emulator.NewHandler(&emulator.Options{DiscardRequests: true})
	require.NoError(t, err)
	s := &flakyService{Handler: handler, random: rand.New(rand.NewPCG(seed, soakWorkers)), met: map[string]*emulator.Fault{}}
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
	s.server.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = soakWorkers
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
	if s.random.Float64() < soakFaulty {
		s.faulty++
		fault = new(soakFaults[s.random.IntN(len(soakFaults))])
		fault.Times = 1
		s.Inject(*fault)
	}
	if fault != nil && isCreation(r) && (fault.Drop == emulator.DropAfter || fault.Truncate > 0) {
		s.lost++
	}
	s.met[r.Header.Get(workerHeader)] = fault
	s.Handler.ServeHTTP(w, r)
}

func isCreation(r *http.Request) bool {
	return r.URL.Path == "/identities"
}

// lastFault returns the fault of the last request of a worker, if it sent one since the last call of lastFault.
func (s *flakyService) lastFault(worker string) (fault *emulator.Fault, sent bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault, sent = s.met[worker]
	delete(s.met, worker)
	return fault, sent
}

func (s *flakyService) close(t *testing.T) {
	t.Helper()
	s.server.Client().CloseIdleConnections()
	s.server.Close()
	assert.Zero(t, s.connections.Load(), "connections are open")
}

// A worker creates, uses and deletes users, one at a time.
type worker struct {
	t         *testing.T
	service   *flakyService
	client    *identity.Client
	ctx       context.Context
	random    *rand.Rand
	name      string
	customIDs bool
	users     []*trackedUser
	calls     int
	failed    int
}

func (w *worker) work(goOn func(users int) bool) {
	for users := 0; goOn(users) && !w.t.Failed(); users++ {
		user := &trackedUser{worker: w}
		if w.customIDs {
			user.customID = new(w.name + "/" + strconv.Itoa(users))
		}
		if user.createWithRetries() {
			user.use()
			w.users = append(w.users, user)
		}
	}
}

// call makes a call and checks how it ends. It reports whether it succeeded.
func call[Response any](w *worker, operation func() (Response, error)) (Response, bool) {
	response, err := operation()
	w.calls++
	fault, sent := w.service.lastFault(w.name)
	assert.True(w.t, sent, "the call made no request: %v", err)
	assert.True(w.t, explains(fault, err), "after %+v: %v", fault, err)
	if err != nil {
		w.failed++
		assert.Zero(w.t, response)
	}
	return response, err == nil
}

// explains reports whether a call whose last request met the fault ends with the error.
func explains(fault *emulator.Fault, err error) bool {
	responseError, isResponse := errors.AsType[*azcore.ResponseError](err)
	switch {
	case fault == nil:
		return err == nil
	case fault.Truncate > 0:
		return err == nil || errors.Is(err, io.ErrUnexpectedEOF) // a response without a body is never truncated
	case fault.Status != 0:
		return isResponse && responseError.StatusCode == fault.Status
	default:
		return errors.Is(err, io.EOF)
	}
}

// A trackedUser is what a worker knows about a user.
type trackedUser struct {
	*worker
	customID *string
	user     identity.CommunicationUserIdentifier
	tokens   []string // which are valid
	state    userState
}

type userState int

const (
	present userState = iota
	deleted
	uncertain // the deletion failed
)

// createWithRetries creates the user. Only with a custom ID may it try again.
func (u *trackedUser) createWithRetries() bool {
	for !u.create() {
		if u.customID == nil || u.t.Failed() {
			return false
		}
	}
	return true
}

func (u *trackedUser) use() {
	steps := []func(){u.getToken, u.revokeTokens}
	if u.customID != nil {
		steps = append(steps, u.getDetail, func() { u.create() })
	}
	for range u.random.IntN(6) {
		steps[u.random.IntN(len(steps))]()
	}
	for _, token := range u.tokens {
		u.assertValid(token)
	}
	if u.random.IntN(2) == 0 {
		u.delete()
	}
	u.tokens = nil
}

func (u *trackedUser) create() bool {
	if u.random.IntN(2) == 0 {
		created, ok := call(u.worker, func() (identity.CreateUserResponse, error) {
			return u.client.CreateUser(u.ctx, &identity.CreateUserOptions{CustomID: u.customID})
		})
		return ok && u.is(created.User)
	}
	created, ok := call(u.worker, func() (identity.CreateUserAndTokenResponse, error) {
		return u.client.CreateUserAndToken(u.ctx, identitytest.ChatScopes, &identity.CreateUserAndTokenOptions{CustomID: u.customID})
	})
	return ok && u.is(created.User) && u.has(created.AccessToken)
}

func (u *trackedUser) getToken() {
	got, ok := call(u.worker, func() (identity.GetTokenResponse, error) {
		return u.client.GetToken(u.ctx, u.user, identitytest.ChatScopes, nil)
	})
	if ok {
		u.has(got.AccessToken)
	}
}

func (u *trackedUser) getDetail() {
	got, ok := call(u.worker, func() (identity.GetUserDetailResponse, error) {
		return u.client.GetUserDetail(u.ctx, u.user, nil)
	})
	if ok {
		assert.Equal(u.t, u.user, got.User)
		assert.Equal(u.t, *u.customID, got.CustomID)
	}
}

func (u *trackedUser) revokeTokens() {
	_, ok := call(u.worker, func() (identity.RevokeTokensResponse, error) {
		return u.client.RevokeTokens(u.ctx, u.user, nil)
	})
	if ok {
		u.assertEnded("revoked")
	}
	u.tokens = nil // a call that failed may have done its work
}

func (u *trackedUser) delete() {
	_, ok := call(u.worker, func() (identity.DeleteUserResponse, error) {
		return u.client.DeleteUser(u.ctx, u.user, nil)
	})
	u.state = uncertain
	if ok {
		u.state = deleted
		u.assertEnded("deleted")
	}
}

// is records the user, which is the same at every creation.
func (u *trackedUser) is(user identity.CommunicationUserIdentifier) bool {
	u.user = cmp.Or(u.user, user)
	return assert.Equal(u.t, u.user, user)
}

func (u *trackedUser) has(token identity.AccessToken) bool {
	u.tokens = append(u.tokens, token.Token)
	return u.assertValid(token.Token)
}

func (u *trackedUser) assertValid(token string) bool {
	claims, err := u.service.InspectToken(token)
	return assert.NoError(u.t, err) && assert.Equal(u.t, u.user.RawID(), claims.RawID)
}

func (u *trackedUser) assertEnded(end string) {
	for _, token := range u.tokens {
		_, err := u.service.InspectToken(token)
		assert.ErrorContains(u.t, err, end)
	}
}
