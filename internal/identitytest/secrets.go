package identitytest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

// AssertNoSecret asserts that a text contains neither the payload of SecretToken nor AccessKey, in any form in which packages fmt and
// encoding/json write them.
func AssertNoSecret(t *testing.T, text string, messageAndArguments ...any) {
	t.Helper()
	for line := range strings.Lines(text) {
		if HoldsSecret(line) {
			assert.Fail(t, "a secret is shown: "+line, messageAndArguments...)
		}
	}
}

// AssertNoSecretInError asserts that no form of an error, nor of those that it wraps, contains a secret.
func AssertNoSecretInError(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%q", "%x"} {
		AssertNoSecret(t, fmt.Sprintf(verb, err))
	}
	for _, form := range []any{err, []error{err}} {
		AssertNoSecret(t, JSON(form)+TextLog(form)+JSONLog(form))
	}
	switch wrapper := err.(type) { //nolint:errorlint // every link of the chain has its turn
	case interface{ Unwrap() error }:
		AssertNoSecretInError(t, wrapper.Unwrap())
	case interface{ Unwrap() []error }:
		for _, wrapped := range wrapper.Unwrap() {
			AssertNoSecretInError(t, wrapped)
		}
	}
}

// HoldsSecret reports whether a text contains what [AssertNoSecret] looks for.
func HoldsSecret(text string) bool {
	return slices.ContainsFunc(writtenSecrets, func(secret string) bool { return strings.Contains(text, secret) })
}

// writtenSecrets are the token and the key, as they are and as packages fmt and encoding/json write them.
var writtenSecrets = func() []string {
	var all []string
	for _, secret := range []string{secretPayload, AccessKey, "secret-access-key"} {
		all = append(all, base64.StdEncoding.EncodeToString([]byte(secret)))
		for _, format := range Formats {
			written := strings.Trim(strings.TrimPrefix(fmt.Sprintf(format, []byte(secret)), "[]byte"), `[]{}"`)
			if len(written) >= len(secret) {
				all = append(all, written)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}()

// Formats are all that package fmt has for values, and common mistakes.
var Formats = func() []string {
	formats := []string{"", "%!"}
	for _, verb := range "bcdeEfFgGoOqstTvxXU" {
		for _, flag := range []string{"", "+", "#", " ", "0", "-", "10", "10.2"} {
			formats = append(formats, "%"+flag+string(verb))
		}
	}
	return formats
}()

// TextLog returns what slog's text handler writes for a value.
func TextLog(value any) string {
	var output bytes.Buffer
	logInAllWays(slog.NewTextHandler(&output, nil), value)
	return output.String()
}

// JSONLog returns what slog's JSON handler writes for a value.
func JSONLog(value any) string {
	var output bytes.Buffer
	logInAllWays(slog.NewJSONHandler(&output, nil), value)
	return output.String()
}

func logInAllWays(handler slog.Handler, value any) {
	logger := slog.New(handler)
	logger.Info("value", "value", value)
	logger.Info("group", slog.Group("group", "value", value))
	logger.With("value", value).Info("with")
	logger.WithGroup("group").With("value", value).Info("with a group")
}

// JSON returns a value as JSON; empty if it cannot be JSON.
func JSON(value any) string {
	data, _ := json.Marshal(value)
	return string(data)
}

// MalformedAccessKeys are texts that contain a secret and are not access keys.
func MalformedAccessKeys() []string {
	return []string{
		SecretToken,
		"Bearer " + SecretToken,
		AccessKey + "!",
		AccessKey + AccessKey,
		strings.TrimSuffix(AccessKey, "="),
		"\"" + AccessKey + "\"",
		"accesskey=" + AccessKey,
		"\x00" + AccessKey,
		"\xff" + AccessKey,
	}
}
