package redact

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
)

// TransportError returns the error of a transport without what it quotes of a response, and
// without the URL that a redirect led to. An error that shows neither stays as it is, unless
// its text has more than 64 KiB.
//
// net/http, net/textproto and HTTP/2 quote what they cannot parse. errors.Is and errors.As
// find the whole chain of the error; loggers that unwrap it do not.
func TransportError(err error, requestURL string) error {
	outer, ok := err.(*url.Error) //nolint:errorlint // a wrapper around one has a text of its own
	if !ok || outer == nil || outer.Err == nil {
		return withoutQuotations(err)
	}
	return &url.Error{Op: outer.Op, URL: requestURL, Err: TransportError(outer.Err, requestURL)}
}

func withoutQuotations(err error) error {
	err = Readable(err)
	text := err.Error()
	// net/http quotes whole lines, which may be as long as a server makes them.
	shown := quotation.ReplaceAllString(text[:min(len(text), maxSearched)], `${1}${2}"..."`)
	if shown == text {
		return err
	}
	return &withheld{shown, &err}
}

var errReadable = errors.New("readable")

// Readable returns the error, or another one if its methods panic. Code that returns a nil
// pointer as an error does so by mistake, and often together with a success.
func Readable(err error) (readable error) {
	defer func() {
		if recover() != nil {
			readable = fmt.Errorf("error of type %T whose methods panic, as those of a nil pointer do", err)
		}
	}()
	_ = err.Error()
	_ = errors.Is(err, errReadable) // unwraps it to the end
	return err
}

// quotation matches what Go's packages quote of a response, after the words with which they
// do. Other quotations stay, such as the name in a certificate.
var quotation = regexp.MustCompile(`(?s)(failed to parse Location header ).*` +
	`|((?:malformed HTTP (?:response|status code|version)|malformed MIME header(?: initial line:| line:|: missing colon:)` +
	`|bad Content-Length|multiple Content-Length headers; got|bad trailer key` +
	`|(?:unsupported transfer encoding|too many transfer encodings):` +
	`|; (?:(?:invalid|duplicate) pseudo-header|invalid header field (?:name|value for))) |ErrCode=[^,"]*, debug=)` +
	`(?:\[(?:"(?:[^"\\]|\\.)*\\?"? ?)*\]?|"(?:[^"\\]|\\.)*\\?"?)`)

// withheld is an error whose text withholds what the original quotes of a response.
type withheld struct {
	text     string
	original *error // a pointer, so that printing the error with its fields shows an address
}

func (e *withheld) Error() string { return e.text }

// Is reports whether the original is or wraps the target.
func (e *withheld) Is(target error) bool { return errors.Is(*e.original, target) }

// As finds the target in the chain of the original.
func (e *withheld) As(target any) bool { return errors.As(*e.original, target) }
