package emulator

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	keySize      = 64
	maxClockSkew = 15 * time.Minute

	dateHeader        = "date"
	msDateHeader      = "x-ms-date"
	hostHeader        = "host"
	contentHashHeader = "x-ms-content-sha256"
)

// Messages of rejected credentials.
const (
	deniedGeneric     = "Denied by the resource provider."
	deniedContentHash = "Request 'x-ms-content-sha256' differs from generated content hash."

	deniedNoCredential  = deniedGeneric + " The request needs exactly one Authorization header."
	deniedScheme        = deniedGeneric + " The Authorization header needs the scheme HMAC-SHA256 or Bearer."
	deniedEmptyToken    = deniedGeneric + " The bearer token is empty."
	deniedUserToken     = deniedGeneric + " The bearer token is the access token of a user, which is no credential for managing users and tokens: use an access key or a token of Entra ID."
	deniedMalformed     = deniedGeneric + " The Authorization header does not have the form 'HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=<base64>'."
	deniedSignedHeaders = deniedGeneric + " SignedHeaders must name x-ms-date or date, host and x-ms-content-sha256, each once, separated by semicolons."
	deniedMissingHeader = deniedGeneric + " Every header that SignedHeaders names must be sent exactly once."
	deniedDateFormat    = deniedGeneric + " The date does not have the form 'Mon, 02 Jan 2006 15:04:05 GMT'."
	deniedDateRange     = deniedGeneric + " The date differs by more than 15 minutes from the time of the service."
	deniedSignature     = deniedGeneric + " The signature does not match."
)

// An accessKey signs requests.
type accessKey struct {
	secret []byte
}

// newAccessKey decodes a key, or makes a random one if the text is empty.
func newAccessKey(encoded string) (*accessKey, error) {
	if encoded == "" {
		secret := make([]byte, keySize)
		_, _ = rand.Read(secret) // never fails
		return &accessKey{secret}, nil
	}
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(secret) == 0 {
		return nil, errors.New("emulator: Options.AccessKey is not base64")
	}
	return &accessKey{secret}, nil
}

// String returns the key in base64.
func (k *accessKey) String() string {
	return base64.StdEncoding.EncodeToString(k.secret)
}

func (k *accessKey) sign(text string) []byte {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func denied(message string) *serviceError {
	return rejected(http.StatusUnauthorized, "Denied", message).beforeVersioning()
}

func (h *Handler) checkCredential(c *call) *serviceError {
	values := c.request.Header.Values("Authorization")
	if len(values) != 1 || values[0] == "" {
		return denied(deniedNoCredential)
	}
	scheme, credentials, _ := strings.Cut(values[0], " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return checkBearer(credentials)
	case strings.EqualFold(scheme, "HMAC-SHA256"):
		return h.checkSignature(c, credentials)
	default:
		return denied(deniedScheme)
	}
}

func checkBearer(token string) *serviceError {
	token = strings.TrimSpace(token)
	switch {
	case token == "":
		return denied(deniedEmptyToken)
	case isUserToken(token):
		return denied(deniedUserToken)
	default:
		return nil
	}
}

// isUserToken reports whether a token has the payload of those that services and emulators issue to users, also if it is
// damaged otherwise, for example quoted or cut off.
func isUserToken(token string) bool {
	parts := strings.Split(token, ".")
	if len(parts) < 2 {
		return false
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return false
	}
	var claims struct {
		UserID *string `json:"skypeid"`
	}
	return json.Unmarshal(payload, &claims) == nil && claims.UserID != nil
}

func (h *Handler) checkSignature(c *call, credentials string) *serviceError {
	names, signature, ok := parseCredentials(credentials)
	if !ok {
		return denied(deniedMalformed + adviceOnCredentials(credentials))
	}
	if !coversRequired(names) {
		return denied(deniedSignedHeaders)
	}
	values, ok := signedValues(c.request, names)
	if !ok {
		return denied(deniedMissingHeader)
	}
	if rejection := checkDates(names, values, h.clock.now()); rejection != nil {
		return rejection
	}
	if sent := c.request.Header.Get(contentHashHeader); sent != contentHash(c.body) {
		return denied(c.explainContentHash(sent))
	}
	signed := stringToSign{c.request.Method, requestTarget(c.request), names, values}
	if !c.state.key.verifySignature(signed, c.request.Host, signature) {
		return denied(c.explainSignature(signed, signature))
	}
	return nil
}

// parseCredentials reads "SignedHeaders=a;b;c&Signature=base64".
func parseCredentials(credentials string) (names []string, signature []byte, ok bool) {
	list, encoded, ok := splitCredentials(credentials)
	if !ok {
		return nil, nil, false
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, nil, false
	}
	return strings.Split(strings.ToLower(list), ";"), signature, true
}

const signedHeadersPrefix = "SignedHeaders="

func splitCredentials(credentials string) (names, signature string, ok bool) {
	rest, ok := strings.CutPrefix(credentials, signedHeadersPrefix)
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "&Signature=")
}

// coversRequired reports whether the names include those that a signature must cover, and none twice.
func coversRequired(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	if len(slices.Compact(sorted)) != len(names) {
		return false
	}
	hasDate := slices.ContainsFunc(names, isDate)
	return hasDate && slices.Contains(names, hostHeader) && slices.Contains(names, contentHashHeader)
}

// signedValues returns the values of the named headers in the order of the names, without the host.
func signedValues(r *http.Request, names []string) ([]string, bool) {
	values := make([]string, len(names))
	for i, name := range names {
		if name == hostHeader {
			continue // verifySignature tries more than one
		}
		sent := r.Header.Values(name)
		if len(sent) != 1 {
			return nil, false
		}
		values[i] = sent[0]
	}
	return values, true
}

func checkDates(names, values []string, now time.Time) *serviceError {
	for i, name := range names {
		if !isDate(name) {
			continue
		}
		date, err := time.Parse(http.TimeFormat, values[i])
		if err != nil {
			return denied(explainDateFormat(values[i]))
		}
		if now.Sub(date).Abs() > maxClockSkew {
			return denied(explainDateRange(date, now))
		}
	}
	return nil
}

func isDate(name string) bool {
	return name == msDateHeader || name == dateHeader
}

func contentHash(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// A stringToSign is what a signature is over.
type stringToSign struct {
	method string
	target string   // path and query
	names  []string // of the signed headers, in lower case
	values []string // of these headers, in the order of the names
}

// String returns the text that is signed.
func (s stringToSign) String() string {
	return s.method + "\n" + s.target + "\n" + strings.Join(s.values, ";")
}

// with returns a copy with another value of a header.
func (s stringToSign) with(name, value string) stringToSign {
	s.values = slices.Clone(s.values)
	s.values[slices.Index(s.names, name)] = value
	return s
}

// verifySignature reports whether the signature fits the string with the host or, as some clients sign it, with the host
// without its port.
func (k *accessKey) verifySignature(signed stringToSign, host string, signature []byte) bool {
	return hmac.Equal(signature, k.sign(signed.with(hostHeader, host).String())) ||
		hmac.Equal(signature, k.sign(signed.with(hostHeader, withoutPort(host)).String()))
}

// withoutPort returns the host without its port. Brackets of an IPv6 address stay, because clients sign them.
func withoutPort(host string) string {
	colon := strings.LastIndexByte(host, ':')
	if colon <= strings.LastIndexByte(host, ']') {
		return host
	}
	return host[:colon]
}
