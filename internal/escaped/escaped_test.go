package escaped_test

import (
	"net/url"
	"testing"

	"github.com/acs-go/identity/internal/escaped"
	"github.com/stretchr/testify/assert"
)

const secret = "a2V5/a2V5+a2V5a2U="

func TestEverySpellingIsReplaced(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		secret,
		url.QueryEscape(secret),
		url.PathEscape(secret),
		url.QueryEscape(url.QueryEscape(url.QueryEscape(secret))),
		"a2V5%2fa2V5%2ba2V5a2U%3d",
		"a2V5%2Fa2V5+a2V5a2U=",
		"%612V5/a2V5+a2V5a2U=",
	} {
		assert.Equal(t, "x", escaped.Replace(text, secret, "x"))
		assert.Equal(t, "a2V5x%xx%2é", escaped.Replace("a2V5"+text+"%"+text+text+"%2é", secret, "x"))
	}
}

func TestOtherTextsStay(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"", "%", "%2", "%25", "%252", "a2V5%", "a2V5%2", "a2V5%2525", "a2V5%zz", "A2V5/a2V5+a2V5a2U=", "a2V5/a2V5+a2V5a2U", "a2V5%2Ga2V5+a2V5a2U=", "é\xff",
	} {
		assert.Equal(t, text, escaped.Replace(text, secret, "x"))
		assert.Equal(t, text, escaped.Replace(text, "", "x"))
	}
}
