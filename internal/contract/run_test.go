package contract

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/golang-jwt/jwt/v5"
)

// run sends the rows to a target, deletes what they created, and reports what differs.
func run(ctx context.Context, t target, rows []row) (found report) {
	w := &wire{target: t}
	defer func() { found.results = append(found.results, w.cleanUp(context.WithoutCancel(ctx))...) }()
	v := newValues(t)
	for _, r := range rows {
		if err := w.reasonToStop(ctx); err != nil {
			found.results = append(found.results, result{request: r.title(), expected: r.expected(), seen: "not sent: " + err.Error()})
			return found
		}
		if r.onlyKey && t.accessKey == "" {
			continue
		}
		found.results = append(found.results, w.send(context.WithoutCancel(ctx), r, v)) // what it creates must become known
		if w.last != nil {
			found.versions = cmp.Or(found.versions, w.last.resp.Header.Get("api-supported-versions"))
			found.times = cmp.Or(found.times, formOfTimes(w.last.body))
		}
	}
	return found
}

// reasonToStop returns why the other rows are not sent. Each attempt at a resource that cannot be reached, or for which
// there is no Entra token, may take minutes.
func (w *wire) reasonToStop(ctx context.Context) error {
	if w.tried && !w.responded {
		return errors.New("the first request got no response")
	}
	return context.Cause(ctx)
}

var (
	expiry = regexp.MustCompile(`"expiresOn": *"([^"]*)"`)
	digit  = regexp.MustCompile(`\d`)
)

// formOfTimes returns the expiry of a token with zeros for its digits: recorded sessions end with +00:00, Microsoft's
// tests for 2026-09-23 with Z.
func formOfTimes(body []byte) string {
	found := expiry.FindSubmatch(body)
	if found == nil {
		return ""
	}
	return digit.ReplaceAllLiteralString(string(found[1]), "0")
}

func newValues(t target) values {
	v := values{
		"foreign":  "8:acs:00000000-0000-0000-0000-000000000000_00000000-0000-0000-0000-000000000000",
		"random":   newGUID(),
		"tenantId": newGUID(),
		"appId":    newGUID(),
		"userId":   newGUID(),
		"customId": "contract-" + newGUID(),
	}
	if t.teamsToken == "" {
		return v
	}
	claims := struct {
		jwt.RegisteredClaims
		AppID    string `json:"appid"`
		ObjectID string `json:"oid"`
	}{}
	if _, _, err := jwt.NewParser().ParseUnverified(t.teamsToken, &claims); err == nil {
		v["teamsToken"], v["appId"], v["userId"] = t.teamsToken, claims.AppID, claims.ObjectID
	}
	return v
}

func newGUID() string {
	id, err := runtime.NewUUID()
	if err != nil {
		panic(err) // the system has no random numbers
	}
	return id
}

// learn keeps the user of a response, and the IDs that can be made from it.
func (v values) learn(r row, body []byte) {
	user := string(communicationUser.Find(body))
	if r.user == "" || user == "" {
		return
	}
	v[r.user] = user
	if r.user == "user" {
		resource, _, _ := strings.Cut(user, "_")
		v["never"] = resource + "_" + newGUID()
		v["user%3A"] = strings.ReplaceAll(user, ":", "%3A")
	}
}

func (r row) title() string {
	title := r.request
	if r.version != "" {
		title += " (" + r.version + ")"
	}
	if r.edited != "" {
		title += " (" + r.edited + ")"
	}
	return title
}

// send sends the request of a row and compares the response.
func (w *wire) send(ctx context.Context, r row, v values) result {
	compared := result{request: r.title(), unknown: r.unknown, expected: r.expected()}
	if _, missing := v.insert(r.request); missing != "" {
		compared.notSent, compared.seen = true, "not sent: there is no "+missing
		return compared
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	w.tried, w.last, w.edit = true, nil, r.edit
	defer func() { w.edit = nil }()
	var err error
	if r.call == nil {
		err = w.sendRaw(ctx, r, v)
	} else {
		err = w.call(ctx, r, v)
	}
	if w.last == nil {
		compared.seen = w.withoutHost(v.name(fmt.Sprintf("no response: %v", err)))
		return compared
	}
	compared.seen = w.last.describe(r, v)
	if r.call != nil && (err == nil) != (w.last.resp.StatusCode < http.StatusMultipleChoices) {
		returned, _, _ := strings.Cut(fmt.Sprint(err), "\n")
		compared.seen += fmt.Sprintf("; the client returned %q", w.withoutHost(v.name(returned)))
	}
	compared.message = w.withoutHost(v.name(messageOf(w.last.body)))
	v.learn(r, w.last.body)
	return compared
}

// withoutHost hides whose resource it is. A service may respond with another case of the host.
func (w *wire) withoutHost(text string) string {
	_, host, _ := strings.Cut(w.target.endpoint, "://")
	return regexp.MustCompile("(?i)"+regexp.QuoteMeta(host)).ReplaceAllLiteralString(text, "<host>")
}

func messageOf(body []byte) string {
	var rejection struct {
		Error struct {
			Message string `json:"message"`
		} `json:"error"`
	}
	_ = json.Unmarshal(body, &rejection) // no message otherwise
	return rejection.Error.Message
}

func (w *wire) call(ctx context.Context, r row, v values) error {
	client, err := w.client(r.version)
	if err != nil {
		return err
	}
	return r.call(ctx, client, v)
}

func (w *wire) sendRaw(ctx context.Context, r row, v values) error {
	method, rest, _ := strings.Cut(r.request, " ")
	path, body, _ := strings.Cut(rest, " ")
	path, _ = v.insert(path)
	body, _ = v.insert(body)
	return w.request(ctx, method, path, cmp.Or(r.version, defaultVersion), body)
}

func (w *wire) request(ctx context.Context, method, path, version, body string) error {
	pipeline, err := w.pipeline()
	if err != nil {
		return err
	}
	req, err := runtime.NewRequest(ctx, method, w.target.endpoint+path+"?api-version="+url.QueryEscape(version))
	if err != nil {
		return err
	}
	req.Raw().Header.Set("Accept", "application/json")
	switch {
	case body != "":
		err = req.SetBody(readSeekNopCloser{bytes.NewReader([]byte(body))}, contentType(method))
	case path == "/identities":
		req.Raw().Header.Set("Content-Type", contentType(method))
	}
	if err != nil {
		return err
	}
	_, err = pipeline.Do(req)
	return err
}

type readSeekNopCloser struct{ *bytes.Reader }

func (readSeekNopCloser) Close() error { return nil }

func contentType(method string) string {
	if method == http.MethodPatch {
		return "application/merge-patch+json"
	}
	return "application/json"
}

// cleanUp deletes what the requests created, and returns what could not be deleted.
func (w *wire) cleanUp(ctx context.Context) []result {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	ctx = policy.WithRetryOptions(ctx, policy.RetryOptions{MaxRetries: 5, RetryDelay: w.target.retryDelay})
	var failed []result
	for _, created := range slices.Clone(w.created) {
		w.last = nil
		err := w.request(ctx, http.MethodDelete, created.path, created.version, "")
		left := result{request: "DELETE " + created.path, expected: "204"}
		switch {
		case w.last == nil:
			left.seen = w.withoutHost(fmt.Sprintf("not deleted: %v", err))
		case w.last.resp.StatusCode == http.StatusNoContent, w.last.resp.StatusCode == http.StatusNotFound:
			continue
		default:
			left.seen = fmt.Sprintf("not deleted: %d", w.last.resp.StatusCode)
		}
		failed = append(failed, left)
	}
	return failed
}
