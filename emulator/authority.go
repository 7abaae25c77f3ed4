package emulator

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/acs-go/identity"
	"github.com/golang-jwt/jwt/v5"
)

const (
	authorityTokenLifetime = time.Hour
	authorityTenantID      = "adf50000-0000-4000-8000-000000000000" // of tenants whose name is not a GUID
	audienceInCloud        = "https://communication.azure.com/"
)

// authorityOperations make the emulator an authority of Entra ID, without credentials, versions, faults and limits.
var authorityOperations = []operation{
	{name: signIn, method: http.MethodGet, path: "/{tenant}/v2.0/.well-known/openid-configuration", serve: discovery("/v2.0", "/oauth2/v2.0")},
	{name: signIn, method: http.MethodGet, path: "/{tenant}/.well-known/openid-configuration", serve: discovery("", "/oauth2")},
	{name: signIn, method: http.MethodGet, path: "/common/UserRealm/{user}", serve: (*Handler).userRealm},
	{name: signIn, method: http.MethodPost, path: "/{tenant}/oauth2/v2.0/token", serve: (*Handler).entraToken},
	{name: signIn, method: http.MethodPost, path: "/{tenant}/oauth2/token", serve: (*Handler).entraToken},
}

// signIn is the name of these operations.
const signIn = "EntraToken"

// isSignIn reports whether the request is one to the authority.
func (c *call) isSignIn() bool {
	return c.operationName() == signIn
}

// Cloud returns a configuration that makes the credentials of azidentity sign in at the handler. They also need the
// Transport of [Handler.ClientOptions]. Use the tenant "adfs": for other tenants, azidentity asks Microsoft's servers
// about the host, unless DisableInstanceDiscovery is set.
func (h *Handler) Cloud() cloud.Configuration {
	return cloudOf(h.Endpoint() + "/")
}

// Cloud returns a configuration that makes the credentials of azidentity sign in at the server. They also need the
// Transport of [Server.ClientOptions]. Use the tenant "adfs": for other tenants, azidentity asks Microsoft's servers
// about the host, unless DisableInstanceDiscovery is set.
func (s *Server) Cloud() cloud.Configuration {
	return cloudOf(s.Endpoint())
}

func cloudOf(endpoint string) cloud.Configuration {
	return cloud.Configuration{
		ActiveDirectoryAuthorityHost: endpoint,
		Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			identity.ServiceName: {Audience: audienceInCloud, Endpoint: endpoint},
		},
	}
}

// discovery returns the OpenID configuration of a tenant.
func discovery(issuerPath, oauthPath string) func(*Handler, *call) (*response, *serviceError) {
	return func(_ *Handler, c *call) (*response, *serviceError) {
		tenant := origin(c.request) + "/" + url.PathEscape(c.params["tenant"])
		return success(http.StatusOK, map[string]string{
			"issuer":                        tenant + issuerPath,
			"authorization_endpoint":        tenant + oauthPath + "/authorize",
			"token_endpoint":                tenant + oauthPath + "/token",
			"device_authorization_endpoint": tenant + oauthPath + "/devicecode",
			"jwks_uri":                      tenant + "/discovery" + issuerPath + "/keys",
		}), nil
	}
}

// userRealm says that the authority itself checks the user's password.
func (*Handler) userRealm(c *call) (*response, *serviceError) {
	_, domain, _ := strings.Cut(c.params["user"], "@")
	return success(http.StatusOK, map[string]string{
		"ver":                 "1.0",
		"account_type":        "Managed",
		"domain_name":         cmp.Or(domain, "contoso.example"),
		"cloud_instance_name": "microsoftonline.com",
		"cloud_audience_urn":  "urn:federation:MicrosoftOnline",
	}), nil
}

// oauthError is the form of the authority's errors.
type oauthError struct {
	Code        string `json:"error"`
	Description string `json:"error_description"`
}

func rejectedGrant(code, description string) *serviceError {
	return &serviceError{status: http.StatusBadRequest, code: code, message: description, isOAuth: true}
}

type oauthToken struct {
	TokenType    string `json:"token_type"`
	Scope        string `json:"scope"`
	ExpiresIn    int    `json:"expires_in"`
	ExtExpiresIn int    `json:"ext_expires_in"`
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token,omitempty"`
	IDToken      string `json:"id_token,omitempty"`
	ClientInfo   string `json:"client_info,omitempty"`
}

// A principal is who signs in: a client, or a user with a client.
type principal struct {
	origin   string
	tenantID string
	clientID string
	user     string // empty: the client itself
	scope    string
}

// entraToken responds to the grants that need no browser.
func (h *Handler) entraToken(c *call) (*response, *serviceError) {
	form, err := url.ParseQuery(string(c.body))
	if err != nil || c.bodyErr != nil {
		return nil, rejectedGrant("invalid_request", "The body is not a form.")
	}
	if !isText(form) {
		return nil, rejectedGrant("invalid_request", "A value in the form is not valid UTF-8.")
	}
	p := principal{
		origin:   origin(c.request),
		tenantID: tenantIDOf(c.params["tenant"]),
		clientID: form.Get("client_id"),
		scope:    form.Get("scope"),
	}
	if p.clientID == "" {
		return nil, rejectedGrant("invalid_request", "The client_id is missing.")
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		return h.clientGrant(p, cmp.Or(form.Get("client_secret"), form.Get("client_assertion")))
	case "password":
		return h.passwordGrant(p, form.Get("username"), form.Get("password"))
	case "refresh_token":
		return h.refreshGrant(p, form.Get("refresh_token"))
	default:
		return nil, rejectedGrant("unsupported_grant_type", "The emulator supports client_credentials, password and refresh_token.")
	}
}

// isText reports whether all values are valid UTF-8, without which different names would become the same.
func isText(form url.Values) bool {
	for _, values := range form {
		if slices.ContainsFunc(values, func(value string) bool { return !utf8.ValidString(value) }) {
			return false
		}
	}
	return true
}

func (h *Handler) clientGrant(p principal, secret string) (*response, *serviceError) {
	if secret == "" {
		return nil, rejectedGrant("invalid_client", "The client_secret is missing.")
	}
	return success(http.StatusOK, h.oauthToken(p)), nil
}

func (h *Handler) passwordGrant(p principal, user, password string) (*response, *serviceError) {
	if user == "" || password == "" {
		return nil, rejectedGrant("invalid_grant", "The username or the password is missing.")
	}
	p.user = user
	token := h.oauthToken(p)
	token.IDToken = h.authorityToken(p, p.clientID)
	token.ClientInfo = clientInfo(p)
	if strings.Contains(" "+p.scope+" ", " offline_access ") {
		token.RefreshToken = base64.RawURLEncoding.EncodeToString([]byte(user))
	}
	return success(http.StatusOK, token), nil
}

func (h *Handler) refreshGrant(p principal, refreshToken string) (*response, *serviceError) {
	user, err := base64.RawURLEncoding.DecodeString(refreshToken)
	if err != nil || len(user) == 0 || !utf8.Valid(user) {
		return nil, rejectedGrant("invalid_grant", "The refresh_token is missing or malformed.")
	}
	p.user = string(user)
	return success(http.StatusOK, h.oauthToken(p)), nil
}

func (h *Handler) oauthToken(p principal) oauthToken {
	audience, _, _ := strings.Cut(p.scope, " ")
	return oauthToken{
		TokenType:    "Bearer",
		Scope:        p.scope,
		ExpiresIn:    int(authorityTokenLifetime.Seconds()),
		ExtExpiresIn: int(authorityTokenLifetime.Seconds()),
		AccessToken:  h.authorityToken(p, audience),
	}
}

// authorityToken returns a token for the audience. As with [Handler.EntraToken], its signature is of a random key.
func (h *Handler) authorityToken(p principal, audience string) string {
	now := h.clock.shifted()
	claims := jwt.MapClaims{
		"iss":   p.origin + "/" + p.tenantID + "/v2.0",
		"aud":   audience,
		"iat":   now.Unix(),
		"nbf":   now.Unix(),
		"exp":   now.Add(authorityTokenLifetime).Unix(),
		"appid": p.clientID,
		"oid":   p.objectID(),
		"sub":   p.objectID(),
		"tid":   p.tenantID,
		"uti":   newTokenID(),
		"ver":   "1.0",
	}
	if p.user != "" {
		claims["scp"] = p.scope
		claims["name"] = p.user
		claims["upn"] = p.user
		claims["preferred_username"] = p.user
	}
	key := randomBytes()
	return mustSign(jwt.NewWithClaims(jwt.SigningMethodHS256, claims), key[:])
}

// objectID is derived from the name, so that it is the same for every emulator.
func (p principal) objectID() string {
	sum := sha256.Sum256([]byte(strings.ToLower(cmp.Or(p.user, p.clientID))))
	return guidOf([16]byte(sum[:]))
}

func tenantIDOf(tenant string) string {
	if isGUID(tenant) {
		return strings.ToLower(tenant)
	}
	return authorityTenantID
}

// clientInfo is what MSAL makes the ID of an account from.
func clientInfo(p principal) string {
	info, _ := json.Marshal(map[string]string{"uid": p.objectID(), "utid": p.tenantID}) // strings can always be encoded
	return base64.RawURLEncoding.EncodeToString(info)
}
