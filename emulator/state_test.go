package emulator_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/acs-go/identity/emulator"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func export(t *testing.T, handler *emulator.Handler) string {
	t.Helper()
	var exported bytes.Buffer
	require.NoError(t, handler.Export(&exported))
	return exported.String()
}

// populated returns a service with something of everything that a state has, and its tokens.
func populated(t *testing.T) (s *service, tokens map[string]error) {
	t.Helper()
	s = start(t)
	first := s.createUser(t)
	revoked := s.issueToken(t, first)
	s.send(t, http.MethodPost, revokePath(first), "")
	valid := s.issueToken(t, first)
	custom := decode[userBody](t, s.createCustom(t, `{"customId":"<é>","createTokenWithScopes":["chat","voip"]}`).body)
	gone := s.createUser(t)
	deleted := s.issueToken(t, gone)
	s.send(t, http.MethodDelete, deletePath(gone), "")
	s.send(t, http.MethodPut, assignmentPath, `{"principalType":"user","clientIds":["`+appID+`"]}`)
	s.send(t, http.MethodPut, strings.Replace(assignmentPath, assignmentObject, otherID, 1), `{"principalType":"resourceAccount"}`)
	s.patch(t, `{"`+tenantID+`":`+entraAssignment+`,"`+appID+`":`+entraAssignment+`}`)
	teams := decode[tokenBody](t, s.send(t, http.MethodPost, teamsPath, exchangeBody(s.entraToken(), appID, objectID)).body)
	return s, map[string]error{
		valid: nil, custom.AccessToken.Token: nil, teams.Token: nil,
		revoked: emulator.ErrTokenRevoked, deleted: emulator.ErrUserDeleted, "x": emulator.ErrTokenMalformed,
	}
}

func assertTokens(t *testing.T, handler *emulator.Handler, tokens map[string]error) {
	t.Helper()
	for token, want := range tokens {
		_, err := handler.InspectToken(token)
		assert.ErrorIs(t, err, want)
	}
}

func TestImportRestoresWhatExportWrote(t *testing.T) {
	t.Parallel()
	s, tokens := populated(t)
	assertTokens(t, s.Handler, tokens)
	exported := export(t, s.Handler)

	restored := newHandlerWith(t, &emulator.Options{Now: s.clock.Now})
	serve(t, restored, http.MethodPost, createPath, "")
	require.NoError(t, restored.Import(strings.NewReader(exported)))
	assert.Equal(t, s.AccessKey(), restored.AccessKey())
	assert.Equal(t, "https://"+resourceID+".communication.azure.com", restored.Endpoint())
	assert.Equal(t, s.Users(), restored.Users())
	assertTokens(t, restored, tokens)
	assert.Equal(t, exported, export(t, restored))
	require.NoError(t, restored.Import(strings.NewReader(strings.Replace(exported, resourceID, strings.ToUpper(resourceID), 1))))
	assert.Equal(t, exported, export(t, restored), "a resource ID in upper case is the same one")

	// The restored emulator goes on where the other one was.
	again := serve(t, restored, http.MethodPost, "/identities"+customIDQuery, `{"customId":"<é>"}`)
	assert.Contains(t, again.Body.String(), s.Users()[1].ID)
	assert.Equal(t, http.StatusOK, serve(t, restored, http.MethodPut, assignmentPath, `{"principalType":"user"}`).Code, "the assignment exists")
	issued := serve(t, restored, http.MethodPost, issuePath(s.Users()[0].ID), `{"scopes":["chat"]}`)
	assertTokens(t, restored, map[string]error{decode[tokenBody](t, issued.Body.String()).Token: nil})
}

func TestExportIsReadable(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.createCustom(t, `{"customId":"alice"}`)
	s.issueToken(t, s.Users()[0].ID)
	exported := regexp.MustCompile(`"tokenKey": "[A-Za-z0-9+/=]+"`).ReplaceAllString(export(t, s.Handler), `"tokenKey": "..."`)
	assert.Equal(t, `{
  "version": 1,
  "resourceId": "`+resourceID+`",
  "accessKey": "`+s.AccessKey()+`",
  "tokenKey": "...",
  "tokensIssued": 1,
  "tokensReset": 0,
  "users": [
    {
      "id": "`+s.Users()[0].ID+`",
      "customId": "alice",
      "tokensIssued": 1,
      "lastTokenIssuedAt": "2025-07-24T06:10:16Z"
    }
  ],
  "teamsExtensionAssignments": [],
  "entraAssignments": []
}
`, exported)
}

func TestExportLeavesOutOffsetFaultsAndRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	before := export(t, s.Handler)
	s.SetClockOffset(time.Hour)
	s.Inject(emulator.Fault{Status: 500, Body: "fault"})
	s.send(t, http.MethodGet, "/", "")
	assert.Equal(t, before, export(t, s.Handler))
	require.NoError(t, s.Import(strings.NewReader(before)))
	assert.Equal(t, time.Hour, s.ClockOffset())
	assert.Len(t, s.Faults(), 1)
	assert.Len(t, s.Requests(), 1)
}

func TestExportReportsErrorsOfTheWriter(t *testing.T) {
	t.Parallel()
	reader, writer := io.Pipe()
	broken := errors.New("broken")
	require.NoError(t, reader.CloseWithError(broken))
	require.ErrorIs(t, newHandler(t).Export(writer), broken)
}

func TestInvalidStatesAreNotImported(t *testing.T) {
	t.Parallel()
	s, tokens := populated(t)
	valid := export(t, s.Handler)
	user := s.Users()[0].ID
	replace := func(pattern, replacement string) string {
		t.Helper()
		replaced := regexp.MustCompile(pattern).ReplaceAllLiteralString(valid, replacement)
		require.NotEqual(t, valid, replaced, pattern)
		return replaced
	}
	otherCurve, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	p384Key, err := x509.MarshalPKCS8PrivateKey(otherCurve)
	require.NoError(t, err)
	rsaKey := "MIIBVQIBADANBgkqhkiG9w0BAQEFAASCAT8wggE7AgEAAkEA"
	for name, test := range map[string]struct{ state, message string }{
		"empty":                      {"", "malformed or incomplete JSON at byte"},
		"truncated":                  {valid[:len(valid)/2], "malformed or incomplete JSON at byte"},
		"without the last byte":      {strings.TrimRight(valid, "}\n"), "malformed or incomplete JSON at byte"},
		"not JSON":                   {"<html>", "malformed or incomplete JSON at byte 1"},
		"a string":                   {`"text"`, "wrong type"},
		"null":                       {"null", "null is not allowed"},
		"empty object":               {"{}", "version is missing"},
		"two states":                 {valid + valid, "malformed or incomplete JSON at byte"},
		"garbage after the state":    {valid + "x", "malformed or incomplete JSON at byte"},
		"NULs after the state":       {valid + "\x00\x00", "malformed or incomplete JSON at byte"},
		"unknown field":              {replace(`"version": 1`, `"version": 1, "x": 1`), "unknown name"},
		"other version":              {replace(`"version": 1`, `"version": 0`), "version is not 1"},
		"newer version":              {replace(`"version": 1`, `"version": 2`), "it has version 2 of the format, and this emulator reads version 1: use a newer emulator"},
		"newer version with more":    {replace(`"version": 1`, `"version": 2, "x": {}`), "it has version 2 of the format"},
		"users twice":                {replace(`"teamsExtensionAssignments"`, `"users": [], "teamsExtensionAssignments"`), "users is repeated"},
		"users in two letter cases":  {replace(`"teamsExtensionAssignments"`, `"USERS": [], "teamsExtensionAssignments"`), "another letter case"},
		"users null":                 {replace(`"users": `, `"users": null, "x": `), "users: null is not allowed"},
		"users null at the end":      {replace(`\n}\n$`, `,"users": null}`), "users is repeated"},
		"no users":                   {replace(`(?s)"users": .*"teamsExtensionAssignments"`, `"teamsExtensionAssignments"`), "users is missing"},
		"null users":                 {replace(`(?s)"users": .*"teamsExtensionAssignments"`, `"users": null, "teamsExtensionAssignments"`), "users: null is not allowed"},
		"no Entra assignments":       {replace(`(?s),\s*"entraAssignments": .*`, `}`), "entraAssignments is missing"},
		"custom ID not Unicode":      {replace(`<é>`, `\ud800`), "not valid UTF-8"},
		"no resource":                {replace(`"resourceId": "[^"]*"`, `"resourceId": ""`), "resourceId"},
		"resource not a GUID":        {replace(`"resourceId": "[^"]*"`, `"resourceId": "x"`), "resourceId"},
		"other resource":             {replace(`"resourceId": "[^"]*"`, `"resourceId": "`+otherID+`"`), "users[0]: id is not that of a user of the resource"},
		"no access key":              {replace(`"accessKey": "[^"]*"`, `"accessKey": ""`), "accessKey is missing"},
		"access key not base64":      {replace(`"accessKey": "`, `"accessKey": "!`), "accessKey is not base64"},
		"access key a number":        {replace(`"accessKey": "[^"]*"`, `"accessKey": 1`), "accessKey has the wrong type"},
		"no token key":               {replace(`"tokenKey": "[^"]*"`, `"tokenKey": ""`), "tokenKey is not a P-256 key"},
		"token key not base64":       {replace(`"tokenKey": "`, `"tokenKey": "!`), "an invalid value"},
		"damaged token key":          {replace(`"tokenKey": "MI`, `"tokenKey": "AA`), "tokenKey is not a P-256 key"},
		"P-384 token key":            {replace(`"tokenKey": "[^"]*"`, `"tokenKey": "`+base64.StdEncoding.EncodeToString(p384Key)+`"`), "tokenKey is not a P-256 key"},
		"RSA token key":              {replace(`"tokenKey": "[^"]*"`, `"tokenKey": "`+rsaKey+`"`), "tokenKey is not a P-256 key"},
		"negative count":             {replace(`"tokensIssued": \d+,\n  "tokensReset"`, `"tokensIssued": -1, "tokensReset"`), "tokensIssued has the wrong type"},
		"reset after the last token": {replace(`"tokensReset": 0`, `"tokensReset": 1000`), "tokensReset is more than tokensIssued"},
		"user of another form":       {replace(regexp.QuoteMeta(user), user+"x"), "users[0]: id"},
		"Entra user":                 {replace(regexp.QuoteMeta(user), user+"_"+otherID), "users[0]: id"},
		"duplicate user":             {replace(regexp.QuoteMeta(s.Users()[1].ID), user), "users[1]: id is a duplicate"},
		"duplicate custom ID":        {replace(`"id": "`+regexp.QuoteMeta(user)+`"`, `"customId": "<é>", "id": "`+user+`"`), "users[1]: customId is a duplicate"},
		"long custom ID":             {replace(`"<é>"`, `"`+strings.Repeat("é", 257)+`"`), "users[1]: customId is too long"},
		"time not a time":            {replace(`"2025-07-24T06:10:16Z"`, `"yesterday"`), "an invalid value"},
		"tokens without a time":      {replace(`,\s*"lastTokenIssuedAt": "[^"]*"`, ``), "users[0]: tokensIssued does not fit lastTokenIssuedAt"},
		"time without tokens":        {replace(`"tokensIssued": \d+,\s*"lastTokenIssuedAt"`, `"lastTokenIssuedAt"`), "users[0]: tokensIssued does not fit lastTokenIssuedAt"},
		"more tokens than issued":    {replace(`"tokensIssued": 2,`, `"tokensIssued": 1000,`), "users[0]: tokensIssued is out of range"},
		"time after the year 9999":   {replace(`"lastTokenIssuedAt": "[^"]*"`, `"lastTokenIssuedAt": "9999-12-31T23:59:59-14:00"`), "users[0]: lastTokenIssuedAt is out of range"},
		"time before the year 1":     {replace(`"lastTokenIssuedAt": "[^"]*"`, `"lastTokenIssuedAt": "0000-01-01T00:00:00+14:00"`), "users[0]: lastTokenIssuedAt is out of range"},
		"count that overflows":       {replace(`"tokensIssued": \d+,\n  "tokensReset"`, `"tokensIssued": 18446744073709551615, "tokensReset"`), "tokensIssued is out of range"},
		"negative tokens":            {replace(`"tokensIssued": 2,`, `"tokensIssued": -2,`), "users[0]: tokensIssued is out of range"},
		"later tokens revoked":       {replace(`"tokensRevoked": \d+`, `"tokensRevoked": 1000`), "users[0]: tokensRevoked is out of range"},
		"duplicate assignment":       {replace(otherID, assignmentObject), "teamsExtensionAssignments[1]: duplicate"},
		"assignment without a type":  {replace(`"principalType": "user"`, `"principalType": ""`), "teamsExtensionAssignments[0]: invalid assignment"},
		"assignment of no tenant":    {replace(`"tenantId": "[^"]*"`, `"tenantId": ""`), "teamsExtensionAssignments[0]: invalid assignment"},
		"assignment of no object":    {replace(`"objectId": "[^"]*"`, `"objectId": "x"`), "teamsExtensionAssignments[0]: invalid assignment"},
		"duplicate Entra assignment": {replace(`"objectId": "`+appID, `"objectId": "`+tenantID), "entraAssignments[1]: duplicate"},
		"Entra assignment of no one": {replace(`"objectId": "`+appID, `"objectId": "`), "entraAssignments[1]: invalid assignment"},
		"Entra assignment, type":     {replace(`"group"`, `"resourceAccount"`), "entraAssignments[0]: invalid assignment"},
		"client not a GUID":          {replace(`"`+appID+`"`, `"x"`), "teamsExtensionAssignments[0]: invalid assignment"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := s.Import(strings.NewReader(test.state))
			require.ErrorContains(t, err, "emulator: importing a state: ")
			require.ErrorContains(t, err, test.message)
			assert.NotContains(t, err.Error(), s.AccessKey()[:10])
		})
	}
	t.Cleanup(func() {
		assert.Equal(t, valid, export(t, s.Handler), "an error must leave the state as it was")
		assertTokens(t, s.Handler, tokens)
	})
}

func TestImportReportsErrorsOfTheReader(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	require.ErrorIs(t, newHandler(t).Import(iotest.ErrReader(broken)), broken)
}

// TestErrorsOfImportShowNoKey damages a state at every byte, with what quoting errors would quote.
func TestErrorsOfImportShowNoKey(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	valid := export(t, handler)
	for i := range valid {
		for _, insert := range []string{`"`, "\\", "}", "\n", "1"} {
			if err := handler.Import(strings.NewReader(valid[:i] + insert + valid[i:])); err != nil {
				require.NotContains(t, err.Error(), handler.AccessKey()[:10])
			}
		}
		if err := handler.Import(strings.NewReader(valid[:i])); err != nil {
			require.NotContains(t, err.Error(), handler.AccessKey()[:10])
		}
		require.NoError(t, handler.Import(strings.NewReader(valid)))
	}
}

func TestResetDeletesEverythingButTheKeys(t *testing.T) {
	t.Parallel()
	s, tokens := populated(t)
	key := s.AccessKey()
	s.Inject(emulator.Fault{Status: 500})
	s.SetClockOffset(time.Minute)
	s.Reset()
	assert.Empty(t, s.Users())
	assert.Empty(t, s.Faults())
	assert.Empty(t, s.Requests())
	assert.Zero(t, s.ClockOffset())
	assert.Equal(t, key, s.AccessKey())
	for token := range tokens {
		_, err := s.InspectToken(token)
		require.Error(t, err)
	}
	assert.Equal(t, http.StatusNotFound, s.send(t, http.MethodGet, assignmentPath, "").StatusCode)
	assert.Equal(t, `{"value":[]}`, s.listEntra(t))
	assert.Contains(t, s.createUser(t), resourceID)

	again := s.createCustom(t, `{"customId":"<é>","createTokenWithScopes":["chat"]}`)
	teams := s.send(t, http.MethodPost, teamsPath, exchangeBody(s.entraToken(), appID, objectID))
	assertTokens(t, s.Handler, map[string]error{
		decode[userBody](t, again.body).AccessToken.Token: nil,
		decode[tokenBody](t, teams.body).Token:            nil,
	})

	restored := newHandler(t)
	require.NoError(t, restored.Import(strings.NewReader(export(t, s.Handler))))
	for token := range tokens {
		_, err := restored.InspectToken(token)
		require.Error(t, err, "a reset survives export and import")
	}
}

func TestStateDuringRequests(t *testing.T) {
	t.Parallel()
	handler := newHandler(t)
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			for range 20 {
				got := serve(t, handler, http.MethodPost, createPath, `{"createTokenWithScopes":["chat"]}`)
				assert.Equal(t, http.StatusCreated, got.Code)
			}
		})
		group.Go(func() {
			var exported bytes.Buffer
			assert.NoError(t, handler.Export(&exported))
			assert.True(t, json.Valid(exported.Bytes()))
			assert.NoError(t, handler.Import(&exported))
			handler.Users()
			handler.Reset()
		})
	}
	group.Wait()
}
