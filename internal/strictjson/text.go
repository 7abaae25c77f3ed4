package strictjson

import (
	"bytes"
	"errors"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// ErrText is the error of [CheckText].
var ErrText = errors.New("a string is not valid UTF-8 or has half of a surrogate pair")

// CheckText returns an error if a string of valid JSON is not Unicode text: encoding/json replaces what is not by U+FFFD,
// so that different strings become one.
func CheckText(data []byte) error {
	if !utf8.Valid(data) {
		return ErrText
	}
	for {
		escape := bytes.IndexByte(data, '\\')
		if escape < 0 {
			return nil
		}
		size, ok := escapeSize(data[escape:])
		if !ok {
			return ErrText
		}
		data = data[escape+size:]
	}
}

// escapeSize returns the length of the escape that the text starts with, or of two that are a surrogate pair.
func escapeSize(text []byte) (size int, ok bool) {
	unit, isUnicode := escapedUnit(text)
	switch {
	case !isUnicode:
		return 2, true
	case !utf16.IsSurrogate(unit):
		return 6, true
	default:
		second, _ := escapedUnit(text[6:])
		return 12, utf16.DecodeRune(unit, second) != utf8.RuneError
	}
}

// escapedUnit returns the UTF-16 code unit of an escape like \u00e9.
func escapedUnit(text []byte) (unit rune, ok bool) {
	if len(text) < 6 || text[1] != 'u' {
		return 0, false
	}
	parsed, err := strconv.ParseUint(string(text[2:6]), 16, 16)
	return rune(parsed), err == nil && text[0] == '\\'
}
