// Package escaped finds secrets in texts whatever their URL-encoding.
package escaped

import (
	"strconv"
	"strings"
)

// Replace replaces a secret in the text, also where some or all of its characters are URL-encoded, once or more often. The
// secret has no percent signs.
func Replace(text, secret, replacement string) string {
	if secret == "" {
		return text
	}
	var replaced strings.Builder
	for text != "" {
		if width := widthOf(secret, text); width > 0 {
			replaced.WriteString(replacement)
			text = text[width:]
			continue
		}
		replaced.WriteByte(text[0])
		text = text[1:]
	}
	return replaced.String()
}

// widthOf returns the length of the secret at the start of the text, or 0 if it is not there.
func widthOf(secret, text string) int {
	total := 0
	for _, b := range []byte(secret) {
		width := widthOfByte(b, text[total:])
		if width == 0 {
			return 0
		}
		total += width
	}
	return total
}

func widthOfByte(b byte, text string) int {
	if text == "" {
		return 0
	}
	if text[0] == b {
		return 1
	}
	digits := 1
	for strings.HasPrefix(text[digits:], "25") { // an escaped percent sign
		digits += 2
	}
	end := digits + 2
	if text[0] != '%' || len(text) < end {
		return 0
	}
	value, err := strconv.ParseUint(text[digits:end], 16, 8)
	if err != nil || byte(value) != b {
		return 0
	}
	return end
}
