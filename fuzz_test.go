package identity_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/acs-go/identity"
	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/require"
)

// An error must not depend on a secret: with another one of the same form it is the
// same error. The tokens begin alike because package json quotes the character that it
// stumbles over, which outside of a string is one of the first three.
const (
	otherToken = "secure-world"
	otherKey   = "b3RoZXItYWNjZXNzLWtleTE="
)

// FuzzResponse answers every operation with any status and any body.
func FuzzResponse(f *testing.F) {
	service := &fixedAnswer{}
	clients := map[string]*identity.Client{} // which take longer to make than to use
	for _, op := range operations {
		client, err := identity.NewClientFromConnectionString("endpoint="+testEndpoint+";accesskey="+testKey, op.options(service))
		require.NoError(f, err)
		clients[op.name] = client
	}
	f.Fuzz(func(t *testing.T, status int, before, after string) {
		for _, op := range operations {
			errorText := func(body string) string {
				*service = fixedAnswer{status, body}
				got, err := op.call(t.Context(), clients[op.name])
				return checkOutcome(t, op, *service, got, err)
			}
			errorText(before + after)
			require.Equal(t, errorText(before+otherToken+after), errorText(before+secretToken+after), op.name)
		}
	})
}

// fixedAnswer is a script that keeps no requests.
type fixedAnswer struct {
	status int
	body   string
}

func (a *fixedAnswer) Do(req *http.Request) (*http.Response, error) {
	resp := response(a.status, a.body)
	resp.Request = req
	return resp, nil
}

// checkOutcome checks what holds for any answer. It returns the text of the error,
// without the parts of the answer that may be there.
func checkOutcome(t *testing.T, op operation, answer fixedAnswer, got any, err error) string {
	t.Helper()
	if err == nil {
		require.True(t, answer.status == op.status || op.method == http.MethodPut && answer.status == http.StatusOK, op.name)
		requireComplete(t, got)
		return ""
	}
	require.Zero(t, got, op.name)
	responseError, isResponseError := errors.AsType[*azcore.ResponseError](err)
	if answer.status >= http.StatusBadRequest {
		require.True(t, isResponseError, op.name)
		return ""
	}
	if isResponseError {
		kept, err := io.ReadAll(responseError.RawResponse.Body)
		require.NoError(t, err)
		require.Empty(t, kept, op.name)
	}
	text, userID, found := strings.Cut(err.Error(), " for the user ")
	if found {
		var created struct{ Identity struct{ ID string } }
		require.NoError(t, json.Unmarshal([]byte(answer.body), &created))
		require.Equal(t, created.Identity.ID, userID)
	}
	return text
}

func requireComplete(t *testing.T, response any) {
	t.Helper()
	switch r := response.(type) {
	case identity.CreateUserResponse:
		require.NotEmpty(t, r.User.ID)
	case identity.CreateUserAndTokenResponse:
		require.NotEmpty(t, r.User.ID)
		requireToken(t, r.AccessToken)
	case identity.GetTokenResponse:
		requireToken(t, r.AccessToken)
	case identity.GetTokenForTeamsUserResponse:
		requireToken(t, r.AccessToken)
	case identity.ExchangeTeamsExtensionTokenResponse:
		require.NotEmpty(t, r.User.RawID())
		requireToken(t, r.AccessToken)
	case identity.GetUserDetailResponse:
		require.NotEmpty(t, r.User.ID)
		require.Equal(t, time.UTC, r.LastTokenIssuedAt.Location())
	case identity.GetTeamsExtensionAssignmentResponse:
		requireAssignment(t, r.TeamsExtensionAssignment)
	case identity.SetTeamsExtensionAssignmentResponse:
		requireAssignment(t, r.TeamsExtensionAssignment)
	default:
		require.Zero(t, response, "all that a response of this type can be")
	}
}

func requireToken(t *testing.T, token identity.AccessToken) {
	t.Helper()
	require.NotEmpty(t, token.Token)
	require.NotZero(t, token.ExpiresOn)
	require.Equal(t, time.UTC, token.ExpiresOn.Location())
}

func requireAssignment(t *testing.T, assignment identity.TeamsExtensionAssignment) {
	t.Helper()
	require.NotEmpty(t, assignment.TenantID)
	require.NotEmpty(t, assignment.ObjectID)
	require.NotEmpty(t, assignment.PrincipalType)
}

// FuzzAccessToken decodes what a client may get from a server in place of a token.
func FuzzAccessToken(f *testing.F) {
	before := identity.AccessToken{Token: secretToken, ExpiresOn: tokenExpiresOn}
	f.Fuzz(func(t *testing.T, data []byte) {
		token := before
		err := json.Unmarshal(data, &token)
		requireTokenAsSent(t, data, token, err)
		if err != nil || string(bytes.TrimSpace(data)) == "null" {
			require.Equal(t, before, token, "nothing is changed")
			return
		}
		require.Equal(t, time.UTC, token.ExpiresOn.Location())
		encoded, err := json.Marshal(token)
		require.NoError(t, err)
		var decoded identity.AccessToken
		require.NoError(t, json.Unmarshal(encoded, &decoded))
		require.Equal(t, token, decoded)
	})
}

// requireTokenAsSent checks tokens whose expiry package time can read, and JSON can hold
// in UTC.
func requireTokenAsSent(t *testing.T, data []byte, token identity.AccessToken, err error) {
	t.Helper()
	var sent struct{ Token, ExpiresOn string }
	if json.Unmarshal(data, &sent) != nil {
		return
	}
	expiresOn, parseErr := time.Parse(time.RFC3339, sent.ExpiresOn)
	if _, formatErr := expiresOn.UTC().MarshalText(); parseErr != nil || formatErr != nil {
		return
	}
	require.NoError(t, err)
	require.Equal(t, sent.Token, token.Token)
	require.Equal(t, expiresOn.UTC(), token.ExpiresOn)
}

// FuzzUnmarshalIdentifier decodes any JSON as an identifier, and as each of the kinds.
func FuzzUnmarshalIdentifier(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		identifier, err := identity.UnmarshalIdentifier(data)
		require.NotEqual(t, err == nil, identifier == nil)
		for _, before := range allKinds {
			requireKindAgrees(t, data, before, identifier)
		}
		if err != nil {
			return
		}
		requireAsSent(t, data, identifier)
		encoded, err := json.Marshal(identifier)
		require.NoError(t, err)
		decoded, err := identity.UnmarshalIdentifier(encoded)
		require.NoError(t, err)
		require.Equal(t, identifier, decoded)
		require.True(t, identity.Equal(identifier, decoded))
	})
}

// requireKindAgrees decodes the data into a variable that holds an identifier of one kind.
func requireKindAgrees(t *testing.T, data []byte, before, want identity.Identifier) {
	t.Helper()
	variable := reflect.New(reflect.TypeOf(before))
	variable.Elem().Set(reflect.ValueOf(before))
	err := variable.Interface().(json.Unmarshaler).UnmarshalJSON(data)
	if want != nil && want.Kind() == before.Kind() {
		require.NoError(t, err)
		require.Equal(t, want, variable.Elem().Interface())
		return
	}
	require.Equal(t, string(data) == "null", err == nil)
	require.Equal(t, before, variable.Elem().Interface(), "nothing is changed")
}

// requireAsSent compares the identifier with the raw ID and the kind in the data.
func requireAsSent(t *testing.T, data []byte, identifier identity.Identifier) {
	t.Helper()
	var sent struct {
		Kind               identity.IdentifierKind
		RawID              string
		CommunicationUser  map[string]any
		PhoneNumber        map[string]any
		MicrosoftTeamsUser map[string]any
		MicrosoftTeamsApp  map[string]any
		TeamsExtensionUser map[string]any
	}
	require.NoError(t, json.Unmarshal(data, &sent))
	details := map[identity.IdentifierKind]map[string]any{
		identity.IdentifierKindCommunicationUser:  sent.CommunicationUser,
		identity.IdentifierKindPhoneNumber:        sent.PhoneNumber,
		identity.IdentifierKindMicrosoftTeamsUser: sent.MicrosoftTeamsUser,
		identity.IdentifierKindMicrosoftTeamsApp:  sent.MicrosoftTeamsApp,
		identity.IdentifierKindTeamsExtensionUser: sent.TeamsExtensionUser,
	}
	maps.DeleteFunc(details, func(_ identity.IdentifierKind, d map[string]any) bool { return d == nil })
	require.LessOrEqual(t, len(details), 1)
	kind := identity.IdentifierKindUnknown
	for k := range details {
		if sent.Kind == "" || sent.Kind == k {
			kind = k
		}
	}
	require.Equal(t, kind, identifier.Kind())
	if sent.RawID == "" {
		require.Equal(t, identity.IdentifierKindCommunicationUser, kind)
		return
	}
	require.Equal(t, sent.RawID, identifier.RawID())
}

// FuzzIdentifierFromRawID compares the parser with the forms of raw IDs.
func FuzzIdentifierFromRawID(f *testing.F) {
	f.Fuzz(func(t *testing.T, rawID string) {
		identifier := identity.IdentifierFromRawID(rawID)
		require.Equal(t, identifierByForm(rawID), identifier)
		require.Equal(t, rawID, identifier.RawID())
		if phone, isPhone := identifier.(identity.PhoneNumberIdentifier); isPhone {
			require.Equal(t, rawID == "4:anonymous", phone.IsAnonymous())
			require.Equal(t, assertedID.FindStringSubmatch(rawID)[1], phone.AssertedID())
		}
		data, err := json.Marshal(identifier)
		if !utf8.ValidString(rawID) {
			require.ErrorContains(t, err, "UTF-8")
			return
		}
		require.NoError(t, err)
		if rawID == "" {
			return // which counts as missing in JSON
		}
		decoded, err := identity.UnmarshalIdentifier(data)
		require.NoError(t, err)
		require.Equal(t, identifier, decoded)
	})
}

// The forms that the official libraries know.
var (
	phoneNumber        = regexp.MustCompile(`(?s)^4:(.*)$`)
	assertedID         = regexp.MustCompile(`(?:_([^_]*))?$`)
	teamsExtensionUser = regexp.MustCompile(`^8:(acs|dod-acs|gcch-acs):([^:_]*)_([^:_]*)_([^:_]*)$`)
	communicationUser  = regexp.MustCompile(`^8:(acs|dod-acs|gcch-acs|spool):[^:]*$`)
	teamsUser          = regexp.MustCompile(`^8:(orgid|dod|gcch|teamsvisitor):([^:]*)$`)
	teamsApp           = regexp.MustCompile(`^28:(orgid|dod|gcch):([^:]*)$`)

	clouds = map[string]identity.CloudEnvironment{
		"acs": "public", "orgid": "public", "teamsvisitor": "public",
		"dod-acs": "dod", "dod": "dod",
		"gcch-acs": "gcch", "gcch": "gcch",
	}
)

func identifierByForm(rawID string) identity.Identifier {
	if parts := phoneNumber.FindStringSubmatch(rawID); parts != nil {
		return identity.PhoneNumberIdentifier{PhoneNumber: parts[1]}
	}
	if parts := teamsExtensionUser.FindStringSubmatch(rawID); parts != nil {
		return identity.TeamsExtensionUserIdentifier{ResourceID: parts[2], TenantID: parts[3], UserID: parts[4], Cloud: clouds[parts[1]]}
	}
	if communicationUser.MatchString(rawID) {
		return identity.CommunicationUserIdentifier{ID: rawID}
	}
	if parts := teamsUser.FindStringSubmatch(rawID); parts != nil {
		return identity.MicrosoftTeamsUserIdentifier{UserID: parts[2], IsAnonymous: parts[1] == "teamsvisitor", Cloud: clouds[parts[1]]}
	}
	if parts := teamsApp.FindStringSubmatch(rawID); parts != nil {
		return identity.MicrosoftTeamsAppIdentifier{AppID: parts[2], Cloud: clouds[parts[1]]}
	}
	return identity.UnknownIdentifier{ID: rawID}
}

// FuzzEndpoint sends a request to every endpoint that the client accepts.
func FuzzEndpoint(f *testing.F) {
	f.Fuzz(func(t *testing.T, before, after string) {
		checkEndpoint(t, before+after)
		require.Equal(t, checkEndpoint(t, before+otherToken+after), checkEndpoint(t, before+secretToken+after))
	})
}

// checkEndpoint returns the text of the error.
func checkEndpoint(t *testing.T, endpoint string) string {
	t.Helper()
	base, err := baseURL(t, endpoint)
	if err != nil {
		require.False(t, plainEndpoint.MatchString(endpoint) && !strings.Contains(endpoint, "accesskey"), endpoint)
		return err.Error()
	}
	require.Equal(t, normalized(t, endpoint), base)
	again, err := baseURL(t, base)
	require.NoError(t, err)
	require.Equal(t, base, again)
	return ""
}

// baseURL returns where a client for the endpoint sends its requests to.
func baseURL(t *testing.T, endpoint string) (string, error) {
	t.Helper()
	return sendRequest(t, func(options *identity.ClientOptions) (*identity.Client, error) {
		credential, err := identity.NewSharedKeyCredential(testKey)
		require.NoError(t, err)
		return identity.NewClientWithSharedKeyCredential(endpoint, credential, options)
	})
}

// plainEndpoint is what nothing can be said against.
var plainEndpoint = regexp.MustCompile(`^https://([a-z]{1,60}(\.[a-z]{1,60})*|\[::1\])(:[1-9]\d{0,3})?/?$`)

// acceptedEndpoint has the parts scheme, host, port and path. Nothing in it needs
// quoting in a URL, and a name is too short for a token.
var acceptedEndpoint = regexp.MustCompile(`^(?:((?i:https?))://)?([\w-]{1,63}(?:\.[\w-]{1,63})*|\[[\da-fA-F:.]+\])(:\d+)?((?:/[\w.~%-]*)*)$`)

// normalized is the form in which an endpoint is part of URLs.
func normalized(t *testing.T, endpoint string) string {
	t.Helper()
	require.Regexp(t, acceptedEndpoint, endpoint)
	parts := acceptedEndpoint.FindStringSubmatch(endpoint)
	scheme, host, port, path := strings.ToLower(parts[1]), parts[2], parts[3], strings.TrimRight(parts[4], "/")
	if scheme == "" {
		require.Regexp(t, `[.:]`, host+port, "which tells a host from a key")
		scheme = "https"
	}
	_, err := net.LookupPort("tcp", strings.TrimPrefix(port, ":"))
	require.NoError(t, err)
	unescaped, err := url.PathUnescape(path)
	require.NoError(t, err)
	require.Regexp(t, `^[\w.~/-]*$`, unescaped)
	if scheme == "https" && port == ":443" || scheme == "http" && port == ":80" {
		port = ""
	}
	return scheme + "://" + host + port + path
}

// FuzzConnectionString compares clients made from connection strings with clients made
// from the parts.
func FuzzConnectionString(f *testing.F) {
	f.Fuzz(func(t *testing.T, before, endpoint, after string) {
		require.Equal(t, connectionStringError(before+strings.TrimRight(otherKey, "=")+after), connectionStringError(before+strings.TrimRight(testKey, "=")+after))
		if strings.Contains(endpoint, ";") {
			return // which is more than one part
		}
		want, wantErr := baseURL(t, strings.TrimSpace(endpoint))
		got, err := sendRequest(t, func(options *identity.ClientOptions) (*identity.Client, error) {
			return identity.NewClientFromConnectionString(before+";endpoint="+endpoint+";accesskey="+testKey+";"+after, options)
		})
		if err != nil && wantErr == nil {
			require.ErrorContains(t, err, "connectionString")
			require.NotEmpty(t, strings.Trim(before+after, "; \n"), "which is what is wrong then")
			return
		}
		require.Equal(t, wantErr == nil, err == nil)
		require.Equal(t, want, got)
	})
}

func connectionStringError(connectionString string) string {
	client, err := identity.NewClientFromConnectionString(connectionString, nil)
	if err == nil {
		return ""
	}
	if client != nil {
		return "an error and a client"
	}
	return err.Error()
}

// sendRequest sends a request to a service that has testKey, and returns the part of the
// URL before the operation's path.
func sendRequest(t *testing.T, newClient func(*identity.ClientOptions) (*identity.Client, error)) (string, error) {
	t.Helper()
	service, err := emulator.NewHandler(&emulator.Options{AccessKey: testKey})
	require.NoError(t, err)
	transport := &wire{service: service}
	options := scriptedOptions(transport)
	options.InsecureAllowCredentialWithHTTP = true
	client, err := newClient(options)
	if err != nil {
		require.Nil(t, client)
		return "", err
	}
	_, err = client.DeleteUser(t.Context(), someUser, nil)
	require.NotNil(t, transport.received, "%v", err)
	require.False(t, identity.HasCode(err, identity.ErrorCodeDenied), "what is signed must be what is sent")
	base, found := strings.CutSuffix(transport.received.RequestURI, "/identities/8:acs:a_b?api-version=2025-06-30")
	require.True(t, found, transport.received.RequestURI)
	return transport.scheme + "://" + transport.received.Host + base, nil
}

// wire brings requests to a service in the form that they have on the network.
type wire struct {
	service  http.Handler
	scheme   string
	received *http.Request
}

func (w *wire) Do(req *http.Request) (*http.Response, error) {
	var sent bytes.Buffer
	if err := req.Write(&sent); err != nil {
		return nil, err
	}
	received, err := http.ReadRequest(bufio.NewReader(&sent))
	if err != nil {
		return nil, err
	}
	w.scheme, w.received = req.URL.Scheme, received
	recorder := httptest.NewRecorder()
	w.service.ServeHTTP(recorder, received)
	resp := recorder.Result()
	resp.Request = req
	return resp, nil
}
