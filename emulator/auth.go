package emulator

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
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
	deniedMalformed     = deniedGeneric + " The Authorization header does not have the form 'HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=<base64>'."
	deniedSignedHeaders = deniedGeneric + " SignedHeaders must name x-ms-date or date, host and x-ms-content-sha256, each once."
	deniedMissingHeader = deniedGeneric + " Every header that SignedHeaders names must be sent exactly once."
	deniedDateFormat    = deniedGeneric + " The date does not have the form 'Mon, 02 Jan 2006 15:04:05 GMT'."
	deniedDateRange     = deniedGeneric + " The date differs by more than 15 minutes from the time of the service."
	deniedSignature     = deniedGeneric + " The signature does not match. Verified were the method '%s', the path and query '%s' and the host '%s', with the resource's access key."
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
	if strings.TrimSpace(token) == "" {
		return denied(deniedEmptyToken)
	}
	return nil
}

func (h *Handler) checkSignature(c *call, credentials string) *serviceError {
	names, signature, ok := parseCredentials(credentials)
	if !ok {
		return denied(deniedMalformed)
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
	if c.request.Header.Get(contentHashHeader) != contentHash(c.body) {
		return denied(deniedContentHash)
	}
	if !c.state.key.verifySignature(c.request, names, values, signature) {
		return denied(fmt.Sprintf(deniedSignature, c.request.Method, requestTarget(c.request), c.request.Host))
	}
	return nil
}

// parseCredentials reads "SignedHeaders=a;b;c&Signature=base64".
func parseCredentials(credentials string) (names []string, signature []byte, ok bool) {
	rest, ok := strings.CutPrefix(credentials, "SignedHeaders=")
	if !ok {
		return nil, nil, false
	}
	list, encoded, ok := strings.Cut(rest, "&Signature=")
	if !ok {
		return nil, nil, false
	}
	signature, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return nil, nil, false
	}
	return strings.Split(strings.ToLower(list), ";"), signature, true
}

// coversRequired reports whether the names include those that a signature must cover, and none twice.
func coversRequired(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	if len(slices.Compact(sorted)) != len(names) {
		return false
	}
	hasDate := slices.Contains(names, msDateHeader) || slices.Contains(names, dateHeader)
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
		if name != msDateHeader && name != dateHeader {
			continue
		}
		date, err := time.Parse(http.TimeFormat, values[i])
		if err != nil {
			return denied(deniedDateFormat)
		}
		if now.Sub(date).Abs() > maxClockSkew {
			return denied(deniedDateRange)
		}
	}
	return nil
}

func contentHash(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// verifySignature reports whether the signature is that of the values. Some clients sign the host without its port.
func (k *accessKey) verifySignature(r *http.Request, names, values []string, signature []byte) bool {
	for _, host := range []string{r.Host, withoutPort(r.Host)} {
		values[slices.Index(names, hostHeader)] = host
		text := r.Method + "\n" + requestTarget(r) + "\n" + strings.Join(values, ";")
		if hmac.Equal(signature, k.sign(text)) {
			return true
		}
	}
	return false
}

// withoutPort returns the host without its port. Brackets of an IPv6 address stay, because clients sign them.
func withoutPort(host string) string {
	colon := strings.LastIndexByte(host, ':')
	if colon <= strings.LastIndexByte(host, ']') {
		return host
	}
	return host[:colon]
}
