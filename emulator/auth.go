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

// What the service says when it refuses a request.
const (
	reasonGeneric     = "Denied by the resource provider."
	reasonContentHash = "Request 'x-ms-content-sha256' differs from generated content hash."

	reasonNoAuthorization = reasonGeneric + " The request needs exactly one Authorization header."
	reasonScheme          = reasonGeneric + " The Authorization header needs the scheme HMAC-SHA256 or Bearer."
	reasonEmptyToken      = reasonGeneric + " The bearer token is empty."
	reasonMalformed       = reasonGeneric + " The Authorization header does not have the form 'HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=<base64>'."
	reasonSignedHeaders   = reasonGeneric + " SignedHeaders must name x-ms-date or date, host and x-ms-content-sha256, each once."
	reasonMissingHeader   = reasonGeneric + " Every header that SignedHeaders names must be sent exactly once."
	reasonDateFormat      = reasonGeneric + " The date does not have the form 'Mon, 02 Jan 2006 15:04:05 GMT'."
	reasonSignature       = reasonGeneric + " The signature does not match. Verified were the method '%s', the path and query '%s' and the host '%s', with the resource's access key."
	reasonDateRange       = reasonGeneric + " The date differs by more than 15 minutes from the time of the service."
)

// An accessKey signs requests.
type accessKey struct {
	secret []byte
}

// newAccessKey decodes a key. An empty one gives a random key.
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

func (k *accessKey) sign(text string) []byte {
	mac := hmac.New(sha256.New, k.secret)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

// authenticate returns why a request is refused, or "" if it is not.
func (h *Handler) authenticate(r *http.Request, body []byte) string {
	values := r.Header.Values("Authorization")
	if len(values) != 1 || values[0] == "" {
		return reasonNoAuthorization
	}
	scheme, credentials, _ := strings.Cut(values[0], " ")
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		return checkBearer(credentials)
	case strings.EqualFold(scheme, "HMAC-SHA256"):
		return h.checkSignature(r, body, credentials)
	default:
		return reasonScheme
	}
}

func checkBearer(token string) string {
	if strings.TrimSpace(token) == "" {
		return reasonEmptyToken
	}
	return ""
}

func (h *Handler) checkSignature(r *http.Request, body []byte, credentials string) string {
	names, signature, ok := parseCredentials(credentials)
	if !ok {
		return reasonMalformed
	}
	if !namesRequired(names) {
		return reasonSignedHeaders
	}
	values, ok := signedValues(r, names)
	if !ok {
		return reasonMissingHeader
	}
	if reason := checkDates(names, values, h.now()); reason != "" {
		return reason
	}
	if r.Header.Get(contentHashHeader) != contentHash(body) {
		return reasonContentHash
	}
	if !h.signatureFits(r, names, values, signature) {
		return fmt.Sprintf(reasonSignature, r.Method, requestTarget(r), r.Host)
	}
	return ""
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

// namesRequired reports whether the names hold those that a signature must cover, and none twice.
func namesRequired(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	if len(slices.Compact(sorted)) != len(names) {
		return false
	}
	hasDate := slices.Contains(names, msDateHeader) || slices.Contains(names, dateHeader)
	return hasDate && slices.Contains(names, hostHeader) && slices.Contains(names, contentHashHeader)
}

// signedValues returns the values of the named headers but host, in the order of the names.
func signedValues(r *http.Request, names []string) ([]string, bool) {
	values := make([]string, len(names))
	for i, name := range names {
		if name == hostHeader {
			continue // signatureFits tries more than one
		}
		sent := r.Header.Values(name)
		if len(sent) != 1 {
			return nil, false
		}
		values[i] = sent[0]
	}
	return values, true
}

func checkDates(names, values []string, now time.Time) string {
	for i, name := range names {
		if name != msDateHeader && name != dateHeader {
			continue
		}
		date, err := time.Parse(http.TimeFormat, values[i])
		if err != nil {
			return reasonDateFormat
		}
		if now.Sub(date).Abs() > maxClockSkew {
			return reasonDateRange
		}
	}
	return ""
}

func contentHash(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// signatureFits reports whether the signature covers the values. Some clients sign the host without its port.
func (h *Handler) signatureFits(r *http.Request, names, values []string, signature []byte) bool {
	for _, host := range []string{r.Host, withoutPort(r.Host)} {
		values[slices.Index(names, hostHeader)] = host
		text := r.Method + "\n" + requestTarget(r) + "\n" + strings.Join(values, ";")
		if hmac.Equal(signature, h.key.sign(text)) {
			return true
		}
	}
	return false
}

// withoutPort keeps the brackets of an IPv6 address, as clients that sign without the port do.
func withoutPort(host string) string {
	colon := strings.LastIndexByte(host, ':')
	if colon <= strings.LastIndexByte(host, ']') {
		return host
	}
	return host[:colon]
}
