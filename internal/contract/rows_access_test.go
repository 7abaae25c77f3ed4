package contract

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/acs-go/identity"
)

var teamsUsers = []row{
	{
		request: `POST /teamsUser/:exchangeAccessToken {"token":"","appId":"{appId}","userId":""}`,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			_, err := client.GetTokenForTeamsUser(ctx, identity.TeamsUserTokenParameters{ClientID: v["appId"]}, nil)
			return err
		},
		status: http.StatusUnauthorized, body: invalidAccessToken, beforeVersions: true,
	},
	{
		request: `POST /teamsUser/:exchangeAccessToken {"token":"invalid","appId":"{appId}","userId":"{userId}"}`,
		status:  http.StatusUnauthorized, body: invalidAccessToken, beforeVersions: true,
	},
	{request: `POST /teamsUser/:exchangeAccessToken {}`, status: http.StatusBadRequest, body: validationError, beforeVersions: true},
	{request: `POST /teamsUser/:exchangeAccessToken {"appId":"{appId}","userId":"{userId}"}`, status: http.StatusBadRequest, body: validationError, beforeVersions: true},
	{
		request: `POST /teamsUser/:exchangeAccessToken {"token":"{teamsToken}","appId":"{appId}","userId":"{userId}"}`,
		status:  http.StatusOK, body: `{"token":"<token>","expiresOn":"<time>"}`,
	},
	{request: `POST /teamsUser/:exchangeAccessToken {"token":"{teamsToken}","appId":"","userId":"{userId}"}`, status: http.StatusBadRequest, body: teamsError("AppId"), beforeVersions: true},
	{request: `POST /teamsUser/:exchangeAccessToken {"token":"{teamsToken}","appId":"name","userId":"{userId}"}`, status: http.StatusBadRequest, body: teamsError("appId")},
	{request: `POST /teamsUser/:exchangeAccessToken {"token":"{teamsToken}","appId":"{random}","userId":"{userId}"}`, status: http.StatusBadRequest, body: teamsError("appId")},
	{request: `POST /teamsUser/:exchangeAccessToken {"token":"{teamsToken}","appId":"{appId}","userId":""}`, status: http.StatusBadRequest, body: teamsError("UserId"), beforeVersions: true},
	{request: `POST /teamsUser/:exchangeAccessToken {"token":"{teamsToken}","appId":"{appId}","userId":"name"}`, status: http.StatusBadRequest, body: teamsError("userId")},
	{request: `POST /teamsUser/:exchangeAccessToken {"token":"{teamsToken}","appId":"{appId}","userId":"{random}"}`, status: http.StatusBadRequest, body: teamsError("userId")},
}

// teamsError is the response to a bad value in the exchange of a Teams user's token.
func teamsError(field string) string {
	return `{"error":{"code":"ValidationError","message":"<text>","target":"` + field + `"}}`
}

// previewUsers are the operations of the preview on users.
var previewUsers = []row{
	{
		request: `POST /identities {"customId":"{customId}"}`, version: previewVersion,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			_, err := client.CreateUser(ctx, &identity.CreateUserOptions{CustomID: new(v["customId"])})
			return err
		},
		status: http.StatusCreated, body: `{"identity":{"customId":"{customId}","id":"<user>"}}`, user: "custom",
	},
	{
		request: `POST /identities {"customId":"{customId}","createTokenWithScopes":["voip"],"expiresInMinutes":60}`, version: previewVersion,
		status: http.StatusCreated, body: `{"identity":{"customId":"{customId}","lastTokenIssuedAt":"<in 0s>","id":"{custom}"},"accessToken":` + tokenForAnHour + `}`,
	},
	{
		request: `GET /identities/{custom}`, version: previewVersion,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			_, err := client.GetUserDetail(ctx, v.user("custom"), nil)
			return err
		},
		status: http.StatusOK, body: `{"customId":"{customId}","lastTokenIssuedAt":"<in 0s>","id":"{custom}"}`,
	},
	{request: `GET /identities/{foreign}`, version: previewVersion, status: http.StatusUnauthorized, body: notOwned, unknown: "details of a user of another resource"},
	{request: `GET /identities/{deleted}`, version: previewVersion, status: http.StatusNotFound, body: notFound, unknown: "deleted users"},
	{request: `POST /identities {"customId":""}`, version: previewVersion, status: http.StatusBadRequest, body: teamsError("CustomId"), unknown: "custom IDs that are too short"},
}

const noRecording = "operations without a recorded session"

// assignments are the operations of the Teams extension and of Entra users.
var assignments = []row{
	{
		request: `GET /access/teamsExtension/tenants/{tenantId}/assignments/{random}`,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			_, err := client.GetTeamsExtensionAssignment(ctx, v["tenantId"], v["random"], nil)
			return err
		},
		status: http.StatusNotFound, body: notFound, unknown: noRecording,
	},
	{
		request: `PUT /access/teamsExtension/tenants/{tenantId}/assignments/{random} {"principalType":"user","clientIds":["{appId}"]}`,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			parameters := identity.TeamsExtensionAssignmentParameters{PrincipalType: identity.TeamsExtensionPrincipalTypeUser, ClientIDs: []string{v["appId"]}}
			_, err := client.SetTeamsExtensionAssignment(ctx, v["tenantId"], v["random"], parameters, nil)
			return err
		},
		status: http.StatusCreated, body: `{"objectId":"{random}","tenantId":"{tenantId}","principalType":"user","clientIds":["{appId}"]}`, unknown: noRecording,
	},
	{
		request: `DELETE /access/teamsExtension/tenants/{tenantId}/assignments/{random}`,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			_, err := client.DeleteTeamsExtensionAssignment(ctx, v["tenantId"], v["random"], nil)
			return err
		},
		status: http.StatusNoContent, unknown: noRecording,
	},
	{
		request: `POST /access/teamsExtension/:exchangeAccessToken {}`,
		call: func(ctx context.Context, client *identity.Client, _ values) error {
			_, err := client.ExchangeTeamsExtensionToken(ctx, identity.TeamsExtensionTokenParameters{EntraToken: "invalid"}, nil)
			return err
		},
		status: http.StatusUnauthorized, body: invalidAccessToken, beforeVersions: true, unknown: noRecording,
	},
	{request: `GET /access/entra/assignments/{random}`, version: previewVersion, status: http.StatusNotFound, body: notFound, unknown: noRecording},
	{
		request: `PUT /access/entra/assignments/{random} {"tenantId":"{tenantId}","principalType":"user","clientIds":["{appId}"]}`, version: previewVersion,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			parameters := identity.EntraAssignmentParameters{TenantID: v["tenantId"], PrincipalType: identity.EntraPrincipalTypeUser, ClientIDs: []string{v["appId"]}}
			_, err := client.SetEntraAssignment(ctx, v["random"], parameters, nil)
			return err
		},
		status: http.StatusCreated, body: `{"objectId":"{random}","tenantId":"{tenantId}","principalType":"user","clientIds":["{appId}"]}`, unknown: noRecording,
	},
	{
		request: `GET /access/entra/assignments`, version: previewVersion,
		call: func(ctx context.Context, client *identity.Client, _ values) error {
			_, err := client.NewListEntraAssignmentsPager(nil).NextPage(ctx)
			return err
		},
		status: http.StatusOK, body: `{"value":[{"objectId":"{random}","tenantId":"{tenantId}","principalType":"user","clientIds":["{appId}"]}]}`, unknown: noRecording,
	},
	{
		request: `PATCH /access/entra/assignments {"{random}":null}`, version: previewVersion,
		call: func(ctx context.Context, client *identity.Client, v values) error {
			_, err := client.UpdateEntraAssignments(ctx, map[string]*identity.EntraAssignmentParameters{v["random"]: nil}, nil)
			return err
		},
		status: http.StatusOK, body: `{"value":[]}`, unknown: noRecording,
	},
	{request: `DELETE /access/entra/assignments/{random}`, version: previewVersion, status: http.StatusNoContent, unknown: noRecording},
	{
		request: `POST /access/entra/:exchangeAccessToken {}`, version: previewVersion,
		call: func(ctx context.Context, client *identity.Client, _ values) error {
			_, err := client.ExchangeEntraToken(ctx, identity.EntraTokenParameters{EntraToken: "invalid"}, nil)
			return err
		},
		status: http.StatusUnauthorized, body: invalidAccessToken, beforeVersions: true, unknown: noRecording,
	},
}

// credentials are requests for a user of another resource: the service accepts the credential before it says so.
var credentials = []row{
	signed("date", 0, notOwned, ""), // as .NET signed until 2021
	signed("x-ms-date", -4*time.Minute, notOwned, clockWindow),
	signed("x-ms-date", -6*time.Minute, notOwned, clockWindow),
	signed("x-ms-date", -14*time.Minute, notOwned, clockWindow),
	signed("x-ms-date", -16*time.Minute, denied, clockWindow),
	signed("x-ms-date", -time.Hour, denied, clockWindow),
	signed("x-ms-date", 4*time.Minute, notOwned, clockWindow),
	signed("x-ms-date", 6*time.Minute, notOwned, clockWindow),
	signed("x-ms-date", 14*time.Minute, notOwned, clockWindow),
	signed("x-ms-date", 16*time.Minute, denied, clockWindow),
	tampered("without Authorization", func(r *http.Request) { r.Header.Del("Authorization") }),
	tampered("with another signature", func(r *http.Request) {
		before, _, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
		r.Header.Set("Authorization", before+"Signature="+hashOfBraces)
	}),
	tampered("with the content hash of {}", func(r *http.Request) { r.Header.Set("X-Ms-Content-Sha256", hashOfBraces) }),
	tampered("without x-ms-date", func(r *http.Request) { r.Header.Del("X-Ms-Date") }),
}

const (
	clockWindow  = "how far the clock may be off"
	hashOfBraces = "RBNvo1WzZ4oRRq0W9+hknpT7T8If536DEMBg9hyq/4o="
)

// signed is a request with a signature of another time.
func signed(dateHeader string, offset time.Duration, body, unknown string) row {
	return row{
		request: `DELETE /identities/{foreign}`, onlyKey: true,
		edit:   func(t target, r *http.Request) { t.sign(r, dateHeader, time.Now().Add(offset)) },
		edited: fmt.Sprintf("%s: now %+g min", dateHeader, offset.Minutes()),
		status: http.StatusUnauthorized, body: body, beforeVersions: body == denied, unknown: unknown,
	}
}

func tampered(edited string, edit func(*http.Request)) row {
	return row{
		request: `DELETE /identities/{foreign}`, onlyKey: true,
		edit: func(_ target, r *http.Request) { edit(r) }, edited: edited,
		status: http.StatusUnauthorized, body: denied, beforeVersions: true, unknown: "rejected credentials",
	}
}

var protocol = []row{
	{request: `POST //identities {}`, status: http.StatusCreated, body: created, unknown: "repeated slashes at the start of the path"},
	{request: `POST /identities/ {}`, status: http.StatusNotFound, body: notFound, beforeVersions: true, unknown: "a slash at the end of the path"},
	{request: `POST /Identities {}`, status: http.StatusNotFound, body: notFound, beforeVersions: true, unknown: "capital letters in the path"},
	{request: `GET /identities`, status: http.StatusMethodNotAllowed, body: `{"error":{"code":"MethodNotAllowed","message":"<text>"}}`, beforeVersions: true, unknown: "methods that a path lacks"},
	{request: `POST /identities {"createTokenWithScopes":`, status: http.StatusBadRequest, body: validationError, beforeVersions: true, unknown: "malformed JSON"},
	{request: `POST /identities {"createTokenWithScopes":"chat"}`, status: http.StatusBadRequest, body: validationError, beforeVersions: true, unknown: "values of the wrong type"},
	{
		request: `POST /identities {}`, edit: func(_ target, r *http.Request) { r.Header.Set("Content-Type", "text/plain") }, edited: "Content-Type: text/plain",
		status: http.StatusUnsupportedMediaType, body: `{"error":{"code":"UnsupportedMediaType","message":"<text>"}}`, beforeVersions: true, unknown: "a body that is not JSON by its type",
	},
	{
		request: `POST /identities {}`, edit: func(_ target, r *http.Request) { r.Header.Del("Content-Type") }, edited: "without Content-Type",
		status: http.StatusCreated, body: created, unknown: "a body without a type",
	},
	{request: `POST /identities {}`, version: "2099-01-01", status: http.StatusBadRequest, body: `{"error":{"code":"UnsupportedApiVersion","message":"<text>"}}`, unknown: "API versions that do not exist"},
	{request: `GET /identities/{user}`, status: http.StatusBadRequest, body: `{"error":{"code":"UnsupportedApiVersion","message":"<text>"}}`, unknown: "operations that an API version lacks"},
}
