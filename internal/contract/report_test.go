package contract

import (
	"cmp"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// result is what came of a row.
type result struct {
	request  string
	expected string
	seen     string
	message  string // of the error in the response; not compared
	unknown  string
	notSent  bool // because a value is missing
}

func (r result) differs() bool { return !r.notSent && r.expected != r.seen }

// report has the results of all rows.
type report struct {
	versions string // the first api-supported-versions
	times    string // the form of the first expiry
	results  []result
}

// differences are the results that contradict what is known.
func (r report) differences() []result {
	return r.filter(func(r result) bool { return r.differs() && r.unknown == "" })
}

// news are the results of rows about which nothing is known.
func (r report) news() []result {
	return r.filter(func(r result) bool { return r.unknown != "" && !r.notSent })
}

func (r report) filter(keep func(result) bool) []result {
	var kept []result
	for _, result := range r.results {
		if keep(result) {
			kept = append(kept, result)
		}
	}
	return kept
}

// String returns the differences and the news as a table of Markdown.
func (r report) String() string {
	var text strings.Builder
	notSent := r.filter(func(r result) bool { return r.notSent })
	fmt.Fprintf(&text, "%d requests, %d differences, %d not sent; expiresOn: %s; api-supported-versions: %s\n\n",
		len(r.results)-len(notSent), len(r.differences()), len(notSent), r.times, r.versions)
	text.WriteString("| | request | expected | seen |\n|---|---|---|---|\n")
	for _, difference := range r.differences() {
		writeRow(&text, "**difference**", difference)
	}
	for _, news := range r.news() {
		kind := "as in the emulator: "
		if news.differs() {
			kind = "**news**: "
		}
		writeRow(&text, kind+news.unknown, news)
	}
	for _, result := range notSent {
		writeRow(&text, "not sent", result)
	}
	return text.String()
}

func writeRow(text *strings.Builder, kind string, r result) {
	seen := r.seen
	if r.message != "" {
		seen += fmt.Sprintf(" message: %q", r.message)
	}
	cells := strings.NewReplacer("|", `\|`, "\n", " ", "`", "'")
	fmt.Fprintf(text, "| %s | `%s` | `%s` | `%s` |\n", kind, cells.Replace(r.request), cells.Replace(r.expected), cells.Replace(seen))
}

var timeLeft = regexp.MustCompile(`<in [^>]*>`)

// expected describes the response of a row as [exchange.describe] does.
func (r row) expected() string {
	text := fmt.Sprintf("%d %s", r.status, canonical(r.body))
	return strings.TrimSpace(text)
}

// describe describes the response, and what else is wrong with it or with the request.
func (e *exchange) describe(r row, v values) string {
	now, err := http.ParseTime(e.resp.Header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	described := strings.TrimSpace(fmt.Sprintf("%d %s", e.resp.StatusCode, v.describe(e.body, now)))
	if strings.Contains(r.body, "<time>") {
		described = timeLeft.ReplaceAllLiteralString(described, "<time>")
	}
	return strings.Join(append([]string{described}, append(e.wrongInRequest(r, v), e.wrongInHeaders(r)...)...), "; ")
}

// wrongInRequest compares what the client sent with the row.
func (e *exchange) wrongInRequest(r row, v values) []string {
	if r.call == nil {
		return nil
	}
	var wrong []string
	sent := strings.TrimSpace(e.request.Method + " " + e.request.URL.EscapedPath() + " " + string(e.sent))
	if want, _ := v.insert(r.request); sent != want {
		wrong = append(wrong, "the client sent "+v.name(sent))
	}
	if query, want := e.request.URL.RawQuery, "api-version="+cmp.Or(r.version, defaultVersion); query != want {
		wrong = append(wrong, "the client sent the query "+query)
	}
	if accept := e.request.Header.Get("Accept"); accept != "application/json" {
		wrong = append(wrong, fmt.Sprintf("the client sent Accept: %q", accept))
	}
	if got := e.request.Header.Get("Content-Type"); len(e.sent) > 0 && got != contentType(e.request.Method) {
		wrong = append(wrong, fmt.Sprintf("the client sent Content-Type: %q", got))
	}
	return wrong
}

// wrongInHeaders compares the headers that the recorded responses have.
func (e *exchange) wrongInHeaders(r row) []string {
	header := e.resp.Header
	var wrong []string
	check := func(name string, fits bool) {
		if !fits {
			wrong = append(wrong, fmt.Sprintf("%s: %q", name, header.Get(name)))
		}
	}
	wantType := "application/json; charset=utf-8"
	switch {
	case e.resp.StatusCode == http.StatusNoContent:
		wantType = ""
	case e.resp.StatusCode >= http.StatusBadRequest:
		wantType = "application/json"
	}
	check("Content-Type", header.Get("Content-Type") == wantType)
	check("api-supported-versions", (header.Get("api-supported-versions") == "") == r.beforeVersions)
	check("x-ms-client-request-id", header.Get("x-ms-client-request-id") == e.request.Header.Get("x-ms-client-request-id"))
	check("MS-CV", header.Get("MS-CV") != "")
	check("Request-Context", header.Get("Request-Context") == "appId=")
	check("X-Processing-Time", strings.HasSuffix(header.Get("X-Processing-Time"), "ms"))
	check("Strict-Transport-Security", header.Get("Strict-Transport-Security") != "")
	for _, name := range []string{"Location", "WWW-Authenticate", "ETag"} { // no recorded response has them
		check(name, header.Get(name) == "")
	}
	return wrong
}
