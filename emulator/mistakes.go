package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
)

// A wrongText is what a client may have used in place of the right text, and by which mistake.
type wrongText struct{ mistake, text string }

// A wrongKey is what a client may have signed with, and by which mistake.
type wrongKey struct {
	mistake string
	secret  []byte
}

// wrongKeys are what clients make of an access key.
func wrongKeys(key *accessKey) []wrongKey {
	text := key.String()
	const (
		undecoded = "The key is the text of the access key: decode it from base64 before you sign."
		asText    = "The decoded access key was converted to text and back, which changes its bytes: keep it as bytes."
	)
	return []wrongKey{
		{undecoded, []byte(text)},
		{undecoded, []byte(text + "\n")},
		{undecoded, utf16Bytes(text, false)},
		{"The key is the text of the access key without the = at its end: keep it whole, and decode it from base64.", []byte(strings.TrimRight(text, "="))},
		{"The key is the access key encoded in base64 once more: decode it instead.", []byte(base64.StdEncoding.EncodeToString([]byte(text)))},
		{"The key is the decoded access key in hexadecimal: use its bytes.", []byte(hex.EncodeToString(key.secret))},
		{"The key is the decoded access key with a line feed at its end.", append(slices.Clone(key.secret), '\n')},
		{"The key lacks the NUL bytes of the decoded access key, which shell variables cannot hold.", slices.DeleteFunc(slices.Clone(key.secret), func(b byte) bool { return b == 0 })},
		{asText, []byte(latin1(key.secret))},
		{asText, []byte(strings.ToValidUTF8(string(key.secret), "\ufffd"))},
		{asText, []byte(string([]rune(string(key.secret))))},
		{"The key is empty.", nil},
	}
}

// latin1 returns the text that has a character for each byte.
func latin1(data []byte) string {
	var text strings.Builder
	for _, b := range data {
		text.WriteRune(rune(b))
	}
	return text.String()
}

// withoutHMAC returns the mistake of a client that made a digest of the text in another way than by HMAC, or "".
func withoutHMAC(key *accessKey, text string, digest []byte) string {
	sum := func(parts ...[]byte) []byte {
		hash := sha256.Sum256(slices.Concat(parts...))
		return hash[:]
	}
	switch {
	case hmac.Equal(digest, sum([]byte(text))):
		return "The signature is a SHA-256 hash without a key: use HMAC-SHA256 with the decoded access key."
	case hmac.Equal(digest, sum(key.secret, []byte(text))), hmac.Equal(digest, sum([]byte(text), key.secret)):
		return "The signature is a SHA-256 hash of the key and the string: use HMAC-SHA256."
	case hmac.Equal(digest, (&accessKey{[]byte(text)}).sign(string(key.secret))):
		return "The key and the string to sign are swapped."
	default:
		return ""
	}
}

// wrongTexts are what clients sign in place of the right string, whose host can be with or without its port.
func (c *call) wrongTexts(s stringToSign) []wrongText {
	var wrong []wrongText
	hashes := wrongHashes(c.body)
	for _, host := range []string{c.request.Host, withoutPort(c.request.Host)} {
		s = s.with(hostHeader, host)
		wrong = slices.Concat(wrong, wrongMethods(s), c.wrongTargets(s), c.wrongHosts(s), c.wrongDates(s), otherHashes(s, hashes), wrongOrders(s), wrongLayouts(s))
	}
	return wrong
}

func wrongMethods(s stringToSign) []wrongText {
	var wrong []wrongText
	methods := []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}
	for _, method := range append(methods, strings.ToLower(s.method), s.method[:1]+strings.ToLower(s.method[1:])) {
		mistake := fmt.Sprintf("The string to sign has the method '%s' instead of '%s'.", method, s.method)
		wrong = append(wrong, wrongText{mistake, s.withMethod(method).String()})
	}
	return wrong
}

func (s stringToSign) withMethod(method string) stringToSign {
	s.method = method
	return s
}

func (s stringToSign) withTarget(target string) stringToSign {
	s.target = target
	return s
}

func (c *call) wrongTargets(s stringToSign) []wrongText {
	const (
		wholeURL = "The string to sign has the whole URL: sign only its path and query."
		decoded  = "The path or the query was URL-decoded before it was signed: sign both as they are sent."
		encoded  = "The path or the query was URL-encoded before it was signed: sign both as they are sent."
		slashes  = "The string to sign has other slashes in its path: sign the path as it is sent."
		query    = "The query was parsed and put together again before it was signed: sign it as it is sent."
	)
	path, rawQuery, _ := strings.Cut(s.target, "?")
	values, _ := url.ParseQuery(rawQuery)
	pairs := strings.Split(rawQuery, "&")
	withoutVersion := slices.DeleteFunc(slices.Clone(pairs), func(pair string) bool { return strings.HasPrefix(pair, "api-version=") })
	var wrong []wrongText
	for _, other := range []wrongText{
		{"The string to sign has the path without its query: sign both, as they are sent.", path},
		{"The string to sign has a question mark without a query: sign the query as it is sent.", path + "?"},
		{"The string to sign has no api-version: sign the whole query, as it is sent.", targetOf(path, strings.Join(withoutVersion, "&"))},
		{"The string to sign has the query without its path: sign both, as they are sent.", rawQuery},
		{"The path and the query are on two lines: sign them in one, with the question mark.", path + "\n" + rawQuery},
		{wholeURL, "https://" + c.request.Host + s.target},
		{wholeURL, "http://" + c.request.Host + s.target},
		{wholeURL, "https://" + withoutPort(c.request.Host) + s.target},
		{"The string to sign has the host before the path: sign only the path and the query.", c.request.Host + s.target},
		{"The string to sign has the path without its first slash.", strings.TrimPrefix(s.target, "/")},
		{decoded, targetOf(unescaped(path), rawQuery)},
		{decoded, targetOf(path, unescaped(rawQuery))},
		{decoded, targetOf(unescaped(path), unescaped(rawQuery))},
		{encoded, targetOf(escapedPath(path), rawQuery)},
		{encoded, targetOf(strings.ReplaceAll(path, ":", "%3A"), rawQuery)},
		{encoded, targetOf(strings.ReplaceAll(path, ":", "%3a"), rawQuery)},
		{encoded, url.PathEscape(s.target)},
		{encoded, url.QueryEscape(s.target)},
		{slashes, targetOf(strings.TrimRight(path, "/"), rawQuery)},
		{slashes, targetOf(path+"/", rawQuery)},
		{slashes, "/" + strings.TrimLeft(s.target, "/")},
		{slashes, "/" + s.target},
		{"The path or the query was converted to lower case before it was signed: sign both as they are sent.", strings.ToLower(s.target)},
		{query, targetOf(path, values.Encode())},
		{query, targetOf(path, strings.Join(slices.Sorted(slices.Values(pairs)), "&"))},
		{query, targetOf(path, strings.Join(reversed(pairs), "&"))},
	} {
		wrong = append(wrong, wrongText{other.mistake, s.withTarget(other.text).String()})
	}
	return wrong
}

func targetOf(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

// unescaped returns the text without URL escapes, or as it is if they are malformed.
func unescaped(text string) string {
	if plain, err := url.PathUnescape(text); err == nil {
		return plain
	}
	return text
}

// escapedPath escapes what a path need not escape.
func escapedPath(path string) string {
	segments := strings.Split(path, "/")
	for i, segment := range segments {
		segments[i] = url.QueryEscape(segment)
	}
	return strings.Join(segments, "/")
}

func reversed(list []string) []string {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

func (c *call) wrongHosts(s stringToSign) []wrongText {
	const scheme = "The string to sign has the host with the scheme or the slash of its URL: sign the value of the header Host."
	host := c.request.Host
	name := withoutPort(host)
	port := strings.TrimPrefix(host, name)
	wrong := []wrongText{
		{scheme, "https://" + host},
		{scheme, "https://" + host + "/"},
		{scheme, "http://" + host},
		{scheme, host + "/"},
		{scheme, "https://" + name},
		{"The string to sign has no host.", ""},
		{"The string to sign has the host in upper case: sign the value of the header Host.", strings.ToUpper(host)},
		{"The string to sign has the host in lower case: sign the value of the header Host.", strings.ToLower(host)},
	}
	others := []string{name + ":443", name + ":80", c.state.resourceID + ".communication.azure.com"}
	for _, loopback := range []string{"localhost", "127.0.0.1", "[::1]"} {
		others = append(others, loopback, loopback+port)
	}
	for _, other := range others {
		mistake := fmt.Sprintf("The string to sign has the host '%s', and the header Host is '%s'.", other, host)
		wrong = append(wrong, wrongText{mistake, other})
	}
	for i := range wrong {
		wrong[i].text = s.with(hostHeader, wrong[i].text).String()
	}
	return wrong
}

// maxDelay is how many seconds are assumed between two dates of one request.
const maxDelay = 5

func (c *call) wrongDates(s stringToSign) []wrongText {
	name := s.names[slices.IndexFunc(s.names, isDate)]
	sent := c.request.Header.Get(name)
	date, _ := time.Parse(http.TimeFormat, sent) // checkDates has parsed it
	var wrong []wrongText
	add := func(mistake, value string) {
		wrong = append(wrong, wrongText{mistake, s.with(name, value).String()})
	}
	for seconds := -maxDelay; seconds <= maxDelay; seconds++ {
		other := date.Add(time.Duration(seconds) * time.Second).Format(http.TimeFormat)
		add(fmt.Sprintf("The string to sign has the date '%s', and the header %s has '%s': create the date once.", other, name, sent), other)
	}
	format := fmt.Sprintf("The string to sign has the date in another format: sign the value of the header %s, '%s'.", name, sent)
	for _, layout := range wrongDateLayouts {
		add(format, date.Format(layout))
	}
	add(format, strconv.FormatInt(date.Unix(), 10))
	add(format, strconv.FormatInt(date.UnixMilli(), 10))
	add("The string to sign has no date.", "")
	add(fmt.Sprintf("The string to sign has the value of the header Date, and SignedHeaders names %s.", name), c.request.Header.Get("Date"))
	add(fmt.Sprintf("The string to sign has the value of the header x-ms-date, and SignedHeaders names %s.", name), c.request.Header.Get(msDateHeader))
	return wrong
}

func otherHashes(s stringToSign, hashes []wrongText) []wrongText {
	const mistake = "The string to sign has another content hash than the header: sign the value of the header x-ms-content-sha256."
	var wrong []wrongText
	for _, other := range append(hashes, wrongText{"", ""}, wrongText{"", "UNSIGNED-PAYLOAD"}) {
		wrong = append(wrong, wrongText{mistake, s.with(contentHashHeader, other.text).String()})
	}
	return wrong
}

// maxOrdered limits the number of signed headers whose orders are tried.
const maxOrdered = 4

func wrongOrders(s stringToSign) []wrongText {
	if len(s.names) > maxOrdered {
		return nil
	}
	var wrong []wrongText
	for _, order := range permutations(len(s.names)) {
		names, other := make([]string, len(order)), s
		other.values = make([]string, len(order))
		for i, from := range order {
			names[i], other.values[i] = s.names[from], s.values[from]
		}
		const format = "The values in the string to sign have the order %s: they must have that of SignedHeaders, %s."
		wrong = append(wrong, wrongText{fmt.Sprintf(format, strings.Join(names, ";"), strings.Join(s.names, ";")), other.String()})
	}
	return wrong
}

// permutations returns the orders of n numbers.
func permutations(n int) [][]int {
	if n == 0 {
		return [][]int{nil}
	}
	var all [][]int
	for _, shorter := range permutations(n - 1) {
		for i := range n {
			all = append(all, slices.Insert(slices.Clone(shorter), i, n-1))
		}
	}
	return all
}

func wrongLayouts(s stringToSign) []wrongText {
	const (
		lineFeeds  = "The lines of the string to sign end with a carriage return and a line feed: separate them by a line feed alone."
		escapes    = `The string to sign has a backslash and an n in place of a line feed.`
		end        = "The string to sign ends with a line feed: nothing follows the content hash."
		semicolons = "The values of the signed headers are not separated by semicolons alone."
		names      = "The string to sign has the names of the headers: sign only their values, separated by semicolons."
		utf16Text  = "The string to sign was encoded in UTF-16: encode it in UTF-8."
	)
	text := s.String()
	start := s.method + "\n" + s.target + "\n"
	named := make([]string, len(s.names))
	for i, name := range s.names {
		named[i] = name + ":" + s.values[i]
	}
	wrong := []wrongText{
		{lineFeeds, strings.ReplaceAll(text, "\n", "\r\n")},
		{lineFeeds, strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"},
		{"The lines of the string to sign are separated by a carriage return: separate them by a line feed.", strings.ReplaceAll(text, "\n", "\r")},
		{escapes, strings.ReplaceAll(text, "\n", `\n`)},
		{escapes, strings.ReplaceAll(text, "\n", `\n`) + "\n"},
		{end, text + "\n"},
		{end, text + "\r\n"},
		{"The string to sign starts with a line feed.", "\n" + text},
		{"The string to sign ends with a semicolon: nothing follows the content hash.", text + ";"},
		{"The string to sign has no line feeds: separate method, path and headers by a line feed.", strings.ReplaceAll(text, "\n", "")},
		{"The string to sign has spaces in place of line feeds.", strings.ReplaceAll(text, "\n", " ")},
		{"The string to sign has semicolons in place of line feeds.", strings.ReplaceAll(text, "\n", ";")},
		{names, start + strings.Join(named, ";")},
		{names, start + strings.Join(named, "\n")},
		{"The string to sign has no method.", strings.TrimPrefix(text, s.method+"\n")},
		{"The string to sign has no path and query.", s.method + "\n" + strings.Join(s.values, ";")},
		{"The string to sign has quotation marks around it.", `"` + text + `"`},
		{"The string to sign was URL-encoded.", url.QueryEscape(text)},
		{utf16Text, string(utf16Bytes(text, false))},
		{utf16Text, string(utf16Bytes(text, true))},
	}
	for _, separator := range []string{"; ", ",", ", ", "\n", "\r\n", ":", "&", "|", " ", ""} {
		wrong = append(wrong, wrongText{semicolons, start + strings.Join(s.values, separator)})
	}
	return wrong
}

// utf16Bytes returns the text in UTF-16, without a byte order mark.
func utf16Bytes(text string, isBigEndian bool) []byte {
	var encoded []byte
	for _, unit := range utf16.Encode([]rune(text)) {
		if isBigEndian {
			encoded = binary.BigEndian.AppendUint16(encoded, unit)
		} else {
			encoded = binary.LittleEndian.AppendUint16(encoded, unit)
		}
	}
	return encoded
}
