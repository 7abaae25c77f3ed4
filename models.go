package identity

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime/datetime"
	"github.com/acs-go/identity/internal/redact"
)

// AccessToken grants a user access to the chat and calling services. It is a secret:
// whoever has it acts as the user.
//
// Formatting or logging it shows only the expiry. Exception: fmt prints the token of an
// AccessToken in an unexported field.
//
// The JSON of an AccessToken, {"token": "...", "expiresOn": "..."}, holds the token, so
// that a server can hand it to its client.
//
// Do not embed it: its methods would replace the JSON, formatting and logging of your
// struct. Use a named field.
type AccessToken struct {
	// Token is the value to hand to the client. Do not rely on its format: the service
	// may change it.
	Token string `json:"token"`
	// ExpiresOn is when the token expires, in UTC.
	ExpiresOn time.Time `json:"expiresOn"`
}

// UnmarshalJSON reads the JSON that the service and [AccessToken] itself produce. As with
// encoding/json, null is a no-op.
func (t *AccessToken) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	var model accessTokenModel
	if err := json.Unmarshal(data, &model); err != nil {
		return err
	}
	*t = model.accessToken()
	return nil
}

// Format redacts the token.
func (t AccessToken) Format(state fmt.State, _ rune) {
	_, _ = io.WriteString(state, "AccessToken{Token: "+redact.Replacement+", ExpiresOn: "+t.ExpiresOn.Format(time.RFC3339)+"}")
}

// LogValue redacts the token.
func (t AccessToken) LogValue() slog.Value {
	return slog.GroupValue(slog.String("token", redact.Replacement), slog.Time("expiresOn", t.ExpiresOn))
}

// ParseAccessToken returns an access token with the expiry that it carries, for tokens whose
// expiry was not kept. It reads the claim exp and verifies nothing: use it for tokens from
// a source you trust.
//
// Some tokens are opaque, and the service may change the format of the others (see
// [identity model]): prefer the ExpiresOn that came with the token. A token that is not
// a JWT with an expiry is an error, which does not quote it. An expired token is not an
// error.
//   - token - the token, such as the Token of an [AccessToken]
//
// [identity model]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model#access-tokens
func ParseAccessToken(token string) (AccessToken, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || strings.ContainsFunc(token, invalidInToken) {
		return AccessToken{}, errors.New("identity: token is not a JWT, so its expiry cannot be read")
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return AccessToken{}, errors.New("identity: token has an invalid payload, so its expiry cannot be read")
	}
	var claims map[string]any // a struct would also get the value of EXP
	_ = json.Unmarshal(payload, &claims)
	expiresAt, ok := claims["exp"].(float64) // in seconds since 1970
	if !ok || expiresAt <= 0 || expiresAt > maxUnixTime {
		return AccessToken{}, errors.New("identity: token has no valid exp, so its expiry cannot be read")
	}
	return AccessToken{Token: token, ExpiresOn: time.Unix(int64(expiresAt), 0).UTC()}, nil
}

// invalidInToken reports whether a header cannot carry a token with this character.
func invalidInToken(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }

// maxUnixTime is the last second that JSON can hold, at the end of the year 9999.
const maxUnixTime = 253402300799

func (t AccessToken) forAzcore() azcore.AccessToken {
	return azcore.AccessToken{Token: t.Token, ExpiresOn: t.ExpiresOn}
}

func (t AccessToken) missing() string {
	switch {
	case t.Token == "":
		return "token"
	case t.ExpiresOn.IsZero():
		return "expiresOn"
	default:
		return ""
	}
}

// timestamp is a time in the JSON of the service, in UTC. The service may escape the plus
// sign of an offset: encoding/json unescapes it for UnmarshalText, but time.Time reads
// the raw JSON.
type timestamp time.Time

func (t *timestamp) UnmarshalText(text []byte) error {
	parsed, err := parseTime(text)
	utc := parsed.UTC()
	// In UTC, the year can be one that JSON cannot hold.
	if err != nil || utc.Year() < 0 || utc.Year() > 9999 {
		return errors.New("invalid RFC 3339 time")
	}
	*t = timestamp(utc)
	return nil
}

func parseTime(text []byte) (time.Time, error) {
	var parsed time.Time
	if err := parsed.UnmarshalText(text); err == nil {
		return parsed, nil
	}
	// Slower, but it accepts a time without an offset as UTC.
	var lenient datetime.RFC3339
	err := lenient.UnmarshalText(text)
	return time.Time(lenient), err
}

// accessTokenModel is the JSON of an access token.
type accessTokenModel struct {
	Token     string    `json:"token"`
	ExpiresOn timestamp `json:"expiresOn"`
}

func (m accessTokenModel) accessToken() AccessToken {
	return AccessToken{Token: m.Token, ExpiresOn: time.Time(m.ExpiresOn)}
}

func (m accessTokenModel) missing() string { return m.accessToken().missing() }

type userModel struct {
	ID string `json:"id"`
}

func (u userModel) user() CommunicationUserIdentifier {
	return CommunicationUserIdentifier{ID: u.ID}
}

type userResult struct {
	Identity userModel `json:"identity"`
}

func (u userResult) missing() string {
	if u.Identity.ID == "" {
		return "identity.id"
	}
	return ""
}

type userAndToken struct {
	Identity    userModel        `json:"identity"`
	AccessToken accessTokenModel `json:"accessToken"`
}

func (u userAndToken) missing() string {
	if field := (userResult{u.Identity}).missing(); field != "" {
		return field
	}
	if field := u.AccessToken.missing(); field != "" {
		return "accessToken." + field
	}
	return ""
}
