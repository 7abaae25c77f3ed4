package identity_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"regexp"
	"testing"
	"unicode/utf8"

	"github.com/acs-go/identity"
	"github.com/acs-go/identity/internal/identitytest"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	resource = identitytest.ResourceID
	tenant   = identitytest.TenantID
	person   = identitytest.ObjectID
)

func TestIdentifierFromRawID(t *testing.T) {
	t.Parallel()
	for rawID, want := range map[string]identity.Identifier{
		"8:acs:" + resource + "_" + person:      identity.CommunicationUserIdentifier{ID: "8:acs:" + resource + "_" + person},
		"8:gcch-acs:" + resource + "_" + person: identity.CommunicationUserIdentifier{ID: "8:gcch-acs:" + resource + "_" + person},
		"8:spool:a_b_c":                         identity.CommunicationUserIdentifier{ID: "8:spool:a_b_c"},
		"8:acs:":                                identity.CommunicationUserIdentifier{ID: "8:acs:"},
		"8:acs:a_b_c_d":                         identity.CommunicationUserIdentifier{ID: "8:acs:a_b_c_d"},
		"8:acs:" + resource + "_" + tenant + "_" + person:      identity.TeamsExtensionUserIdentifier{UserID: person, TenantID: tenant, ResourceID: resource, Cloud: identity.CloudEnvironmentPublic},
		"8:dod-acs:" + resource + "_" + tenant + "_" + person:  identity.TeamsExtensionUserIdentifier{UserID: person, TenantID: tenant, ResourceID: resource, Cloud: identity.CloudEnvironmentDoD},
		"8:gcch-acs:" + resource + "_" + tenant + "_" + person: identity.TeamsExtensionUserIdentifier{UserID: person, TenantID: tenant, ResourceID: resource, Cloud: identity.CloudEnvironmentGCCH},
		"8:acs:__":                 identity.TeamsExtensionUserIdentifier{Cloud: identity.CloudEnvironmentPublic},
		"8:orgid:" + person:        identity.MicrosoftTeamsUserIdentifier{UserID: person, Cloud: identity.CloudEnvironmentPublic},
		"8:dod:" + person:          identity.MicrosoftTeamsUserIdentifier{UserID: person, Cloud: identity.CloudEnvironmentDoD},
		"8:gcch:" + person:         identity.MicrosoftTeamsUserIdentifier{UserID: person, Cloud: identity.CloudEnvironmentGCCH},
		"8:teamsvisitor:" + person: identity.MicrosoftTeamsUserIdentifier{UserID: person, IsAnonymous: true, Cloud: identity.CloudEnvironmentPublic},
		"28:orgid:" + person:       identity.MicrosoftTeamsAppIdentifier{AppID: person, Cloud: identity.CloudEnvironmentPublic},
		"28:dod:" + person:         identity.MicrosoftTeamsAppIdentifier{AppID: person, Cloud: identity.CloudEnvironmentDoD},
		"28:gcch:" + person:        identity.MicrosoftTeamsAppIdentifier{AppID: person, Cloud: identity.CloudEnvironmentGCCH},
		"4:+14255550123":           identity.PhoneNumberIdentifier{PhoneNumber: "+14255550123"},
		"4:a:b:c":                  identity.PhoneNumberIdentifier{PhoneNumber: "a:b:c"},
		"4:":                       identity.PhoneNumberIdentifier{},
		"":                         identity.UnknownIdentifier{},
		"8":                        identity.UnknownIdentifier{ID: "8"},
		"8:acs":                    identity.UnknownIdentifier{ID: "8:acs"},
		"8:ACS:a_b":                identity.UnknownIdentifier{ID: "8:ACS:a_b"},
		"8:acs:a:b":                identity.UnknownIdentifier{ID: "8:acs:a:b"},
		"28:" + person:             identity.UnknownIdentifier{ID: "28:" + person},
		"48:" + person:             identity.UnknownIdentifier{ID: "48:" + person},
	} {
		t.Run(rawID, func(t *testing.T) {
			t.Parallel()
			got := identity.IdentifierFromRawID(rawID)
			assert.Equal(t, want, got)
			assert.Equal(t, rawID, got.RawID())
		})
	}
}

// allKinds are identifiers of every kind, with a raw ID of their own where that is odd.
var allKinds = []identity.Identifier{
	identity.CommunicationUserIdentifier{ID: "8:acs:a_b"},
	identity.PhoneNumberIdentifier{PhoneNumber: "+1_2"},
	identity.PhoneNumberIdentifier{PhoneNumber: "+1"}.WithRawID("4:1"),
	identity.MicrosoftTeamsUserIdentifier{UserID: "a", IsAnonymous: true, Cloud: identity.CloudEnvironmentPublic},
	identity.MicrosoftTeamsUserIdentifier{UserID: "a", Cloud: identity.CloudEnvironmentGCCH},
	identity.MicrosoftTeamsUserIdentifier{UserID: "a", Cloud: "future"}.WithRawID("8:future:a"),
	identity.MicrosoftTeamsAppIdentifier{AppID: "a", Cloud: identity.CloudEnvironmentDoD},
	identity.TeamsExtensionUserIdentifier{UserID: "a", TenantID: "b", ResourceID: "c", Cloud: identity.CloudEnvironmentGCCH},
	identity.UnknownIdentifier{ID: "42:a"},
}

func TestIdentifierJSONRoundTrip(t *testing.T) {
	t.Parallel()
	for _, identifier := range allKinds {
		t.Run(identifier.RawID(), func(t *testing.T) {
			t.Parallel()
			data, err := json.Marshal(identifier)
			require.NoError(t, err)
			got, err := identity.UnmarshalIdentifier(data)
			require.NoError(t, err)
			assert.Equal(t, identifier, got)
		})
	}
}

func TestIdentifierJSON(t *testing.T) {
	t.Parallel()
	for identifier, want := range map[identity.Identifier]string{
		identity.CommunicationUserIdentifier{ID: "8:acs:a_b"}:                                            `{"rawId":"8:acs:a_b","communicationUser":{"id":"8:acs:a_b"}}`,
		identity.PhoneNumberIdentifier{PhoneNumber: "+1_2"}:                                              `{"rawId":"4:+1_2","phoneNumber":{"value":"+1_2","isAnonymous":false,"assertedId":"2"}}`,
		identity.PhoneNumberIdentifier{PhoneNumber: "anonymous"}:                                         `{"rawId":"4:anonymous","phoneNumber":{"value":"anonymous","isAnonymous":true}}`,
		identity.MicrosoftTeamsUserIdentifier{UserID: "a", IsAnonymous: true}:                            `{"rawId":"8:teamsvisitor:a","microsoftTeamsUser":{"userId":"a","isAnonymous":true,"cloud":"public"}}`,
		identity.MicrosoftTeamsAppIdentifier{AppID: "a"}:                                                 `{"rawId":"28:orgid:a","microsoftTeamsApp":{"appId":"a","cloud":"public"}}`,
		identity.TeamsExtensionUserIdentifier{UserID: "a", TenantID: "b", ResourceID: "c", Cloud: "dod"}: `{"rawId":"8:dod-acs:c_b_a","teamsExtensionUser":{"userId":"a","tenantId":"b","resourceId":"c","cloud":"dod"}}`,
		identity.UnknownIdentifier{ID: "42:a"}:                                                           `{"rawId":"42:a"}`,
	} {
		data, err := json.Marshal(identifier)
		require.NoError(t, err)
		assert.JSONEq(t, want, string(data))
	}
}

// TestInvalidUTF8IsAnErrorInEveryField covers what encoding/json would alter without an error.
func TestInvalidUTF8IsAnErrorInEveryField(t *testing.T) {
	t.Parallel()
	const rawID = "8:acs:a"
	for _, identifier := range []identity.Identifier{
		identity.CommunicationUserIdentifier{}.WithRawID(rawID),
		identity.PhoneNumberIdentifier{}.WithRawID(rawID),
		identity.MicrosoftTeamsUserIdentifier{}.WithRawID(rawID),
		identity.MicrosoftTeamsAppIdentifier{}.WithRawID(rawID),
		identity.TeamsExtensionUserIdentifier{}.WithRawID(rawID),
		identity.UnknownIdentifier{}.WithRawID(rawID),
	} {
		kind := reflect.TypeOf(identifier)
		_, err := json.Marshal(identifier)
		require.NoError(t, err, kind)
		for field := range kind.Fields() {
			if !field.IsExported() || field.Type.Kind() != reflect.String {
				continue
			}
			changed := reflect.New(kind).Elem()
			changed.Set(reflect.ValueOf(identifier))
			changed.FieldByIndex(field.Index).SetString("a\xff")
			_, err := json.Marshal(changed.Interface())
			require.ErrorContains(t, err, "not valid UTF-8", "%s.%s", kind, field.Name)
		}
	}
	_, err := json.Marshal(identity.PhoneNumberIdentifier{PhoneNumber: "+1"}.WithRawID("4:\xff"))
	require.ErrorContains(t, err, "not valid UTF-8")
}

func TestUnmarshalIdentifier(t *testing.T) {
	t.Parallel()
	for data, want := range map[string]identity.Identifier{
		`{"communicationUser":{"id":"a"}}`:                                                                               identity.CommunicationUserIdentifier{ID: "a"},
		`{"rawId":"r","communicationUser":{"id":"a"}}`:                                                                   identity.CommunicationUserIdentifier{ID: "a"}.WithRawID("r"),
		`{"rawId":"8:orgid:a","microsoftTeamsUser":{"userId":"a"}}`:                                                      identity.MicrosoftTeamsUserIdentifier{UserID: "a", Cloud: identity.CloudEnvironmentPublic},
		`{"rawId":"28:orgid:a","microsoftTeamsApp":{"appId":"a","future":1}}`:                                            identity.MicrosoftTeamsAppIdentifier{AppID: "a", Cloud: identity.CloudEnvironmentPublic},
		`{"rawId":"8:acs:c_b_a","teamsExtensionUser":{"userId":"a","tenantId":"b","resourceId":"c"},"phoneNumber":null}`: identity.TeamsExtensionUserIdentifier{UserID: "a", TenantID: "b", ResourceID: "c", Cloud: identity.CloudEnvironmentPublic},
		`{"rawId":"8:acs:a_b"}`:                                             identity.UnknownIdentifier{ID: "8:acs:a_b"},
		`{"rawId":"8:acs:a_b","kind":"communicationUser"}`:                  identity.UnknownIdentifier{ID: "8:acs:a_b"},
		`{"rawId":"r","kind":"phoneNumber","communicationUser":{"id":"a"}}`: identity.UnknownIdentifier{ID: "r"},
		`{"rawId":"r","kind":"future","future":{"id":"a"}}`:                 identity.UnknownIdentifier{ID: "r"},
		`{"rawId":"r","kind":"unknown"}`:                                    identity.UnknownIdentifier{ID: "r"},
	} {
		got, err := identity.UnmarshalIdentifier([]byte(data))
		require.NoError(t, err, data)
		assert.Equal(t, want, got, data)
	}
	for data, message := range map[string]string{
		``:                                     "not valid JSON",
		`"r"`:                                  "a JSON string and not an object; for a raw ID, use IdentifierFromRawID",
		`["r"]`:                                "a JSON array and not an object",
		`{"rawId": 1}`:                         "not valid JSON",
		`null`:                                 "no rawId",
		`{}`:                                   "no rawId",
		`{"rawId":""}`:                         "no rawId",
		`{"kind":"future"}`:                    "no rawId",
		`{"phoneNumber":{"value":"+1"}}`:       "no rawId",
		`{"rawId":"r","communicationUser":{}}`: "no communicationUser.id",
		`{"rawId":"r","communicationUser":{"id":null}}`:                                    "no communicationUser.id",
		`{"rawId":"r","phoneNumber":{}}`:                                                   "no phoneNumber.value",
		`{"rawId":"r","microsoftTeamsUser":{}}`:                                            "no microsoftTeamsUser.userId",
		`{"rawId":"r","microsoftTeamsApp":{}}`:                                             "no microsoftTeamsApp.appId",
		`{"rawId":"r","teamsExtensionUser":{}}`:                                            "no teamsExtensionUser.userId",
		`{"rawId":"r","teamsExtensionUser":{"userId":"a"}}`:                                "no teamsExtensionUser.tenantId",
		`{"rawId":"r","teamsExtensionUser":{"userId":"a","tenantId":"b"}}`:                 "no teamsExtensionUser.resourceId",
		`{"rawId":"r","communicationUser":{"id":"a"},"phoneNumber":{"value":"b"}}`:         "more than one kind: communicationUser and phoneNumber",
		`{"rawId":"r","kind":"phoneNumber","communicationUser":{},"microsoftTeamsApp":{}}`: "more than one kind",
	} {
		got, err := identity.UnmarshalIdentifier([]byte(data))
		require.ErrorContains(t, err, message, data)
		assert.Nil(t, got, data)
	}
}

func TestUnmarshalOneKind(t *testing.T) {
	t.Parallel()
	var holder struct {
		User identity.CommunicationUserIdentifier
	}
	require.NoError(t, json.Unmarshal([]byte(`{"User":{"rawId":"8:acs:a_b","communicationUser":{"id":"8:acs:a_b"}}}`), &holder))
	assert.Equal(t, identitytest.User, holder.User)
	for _, identifier := range allKinds {
		data, err := json.Marshal(identifier)
		require.NoError(t, err)
		target := reflect.New(reflect.TypeOf(identifier))
		require.NoError(t, json.Unmarshal(data, target.Interface()))
		assert.Equal(t, identifier, target.Elem().Interface())
		if identifier.Kind() != identity.IdentifierKindUnknown {
			require.ErrorContains(t, json.Unmarshal(data, &identity.UnknownIdentifier{}), "not unknown")
		}
	}
	require.ErrorContains(t, json.Unmarshal([]byte(`{}`), &identity.UnknownIdentifier{}), "no rawId")
	require.NoError(t, json.Unmarshal([]byte(`{"User":null}`), &holder))
	assert.Equal(t, identitytest.User, holder.User, "null changes nothing")
}

func TestRawIDThatTheServiceSent(t *testing.T) {
	t.Parallel()
	const rawID = "48:from the service"
	for _, identifier := range []identity.Identifier{
		identity.CommunicationUserIdentifier{ID: "a"}.WithRawID(rawID),
		identity.PhoneNumberIdentifier{PhoneNumber: "a"}.WithRawID(rawID),
		identity.MicrosoftTeamsUserIdentifier{UserID: "a", IsAnonymous: true}.WithRawID(rawID),
		identity.MicrosoftTeamsAppIdentifier{AppID: "a"}.WithRawID(rawID),
		identity.TeamsExtensionUserIdentifier{UserID: "a"}.WithRawID(rawID),
		identity.UnknownIdentifier{ID: "a"}.WithRawID(rawID),
	} {
		t.Run(string(identifier.Kind()), func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, rawID, identifier.RawID())
		})
	}
}

func TestEqualComparesKindAndRawID(t *testing.T) {
	t.Parallel()
	user := identity.CommunicationUserIdentifier{ID: "8:acs:a_b"}
	for name, test := range map[string]struct {
		a, b identity.Identifier
		want bool
	}{
		"same":                            {user, identity.CommunicationUserIdentifier{ID: "8:acs:a_b"}, true},
		"other ID":                        {user, identity.CommunicationUserIdentifier{ID: "8:acs:a_c"}, false},
		"other kind with the same raw ID": {user, identity.UnknownIdentifier{ID: "8:acs:a_b"}, false},
		"raw ID counts, fields do not":    {identity.PhoneNumberIdentifier{PhoneNumber: "+1"}, identity.PhoneNumberIdentifier{PhoneNumber: "1"}.WithRawID("4:+1"), true},
		"no cloud means public":           {identity.MicrosoftTeamsAppIdentifier{AppID: "a"}, identity.MicrosoftTeamsAppIdentifier{AppID: "a", Cloud: identity.CloudEnvironmentPublic}, true},
		"other cloud":                     {identity.MicrosoftTeamsAppIdentifier{AppID: "a"}, identity.MicrosoftTeamsAppIdentifier{AppID: "a", Cloud: identity.CloudEnvironmentDoD}, false},
		"pointer":                         {user, &user, true},
		"nil and one":                     {nil, user, false},
		"one and nil":                     {user, nil, false},
		"nil":                             {nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.want, identity.Equal(test.a, test.b))
		})
	}
}

func TestStringIsTheRawID(t *testing.T) {
	t.Parallel()
	for _, rawID := range []string{
		"8:acs:a_b", "4:+14255550123", "8:gcch:user", "28:orgid:app", "8:acs:resource_tenant_user", "48:new", "",
	} {
		identifier := identity.IdentifierFromRawID(rawID)
		assert.Equal(t, rawID, fmt.Sprint(identifier))
		assert.Equal(t, "["+rawID+"]", fmt.Sprintf("%v", []identity.Identifier{identifier}))
	}
	assert.Equal(t, "user 8:acs:raw", fmt.Sprintf("user %s", identity.CommunicationUserIdentifier{ID: "8:acs:a_b"}.WithRawID("8:acs:raw")))
}

func TestPhoneNumber(t *testing.T) {
	t.Parallel()
	for number, want := range map[string]struct {
		isAnonymous bool
		assertedID  string
	}{
		"+14255550123":         {false, ""},
		"+14255550123_123":     {false, "123"},
		"+14255550123_123_456": {false, "456"},
		"+14255550123_":        {false, ""},
		"_123":                 {false, "123"},
		"anonymous":            {true, ""},
		"anonymous_123":        {false, "123"},
		"_anonymous":           {false, "anonymous"},
		"":                     {false, ""},
	} {
		t.Run(number, func(t *testing.T) {
			t.Parallel()
			identifier := identity.PhoneNumberIdentifier{PhoneNumber: number}
			assert.Equal(t, want.isAnonymous, identifier.IsAnonymous())
			assert.Equal(t, want.assertedID, identifier.AssertedID())
		})
	}
	// What the service sent comes first, and the number where that has none.
	assert.Equal(t, "3", identity.PhoneNumberIdentifier{PhoneNumber: "+1_2"}.WithRawID("4:+1_3").AssertedID())
	assert.Equal(t, "2", identity.PhoneNumberIdentifier{PhoneNumber: "+1_2"}.WithRawID("4:+1").AssertedID())
	assert.Equal(t, "2", identity.PhoneNumberIdentifier{PhoneNumber: "_2"}.WithRawID("4:+1").AssertedID())
}

// identifierCase is a case from the tests of the official libraries.
type identifierCase struct {
	ID, Op, Error   string
	Input, Expected json.RawMessage
	A, B            json.RawMessage
}

// identifierFields is how such a case writes an identifier.
type identifierFields struct {
	Kind        identity.IdentifierKind
	ID          string
	PhoneNumber string
	AssertedID  *string
	UserID      string
	AppID       string
	TenantID    string
	ResourceID  string
	IsAnonymous bool
	Cloud       identity.CloudEnvironment
	RawID       string
}

func (f identifierFields) identifier(t *testing.T) identity.Identifier {
	t.Helper()
	switch f.Kind {
	case identity.IdentifierKindCommunicationUser:
		return identity.CommunicationUserIdentifier{ID: f.ID}.WithRawID(f.RawID)
	case identity.IdentifierKindPhoneNumber:
		return identity.PhoneNumberIdentifier{PhoneNumber: f.PhoneNumber}.WithRawID(f.RawID)
	case identity.IdentifierKindMicrosoftTeamsUser:
		return identity.MicrosoftTeamsUserIdentifier{UserID: f.UserID, IsAnonymous: f.IsAnonymous, Cloud: f.Cloud}.WithRawID(f.RawID)
	case identity.IdentifierKindMicrosoftTeamsApp:
		return identity.MicrosoftTeamsAppIdentifier{AppID: f.AppID, Cloud: f.Cloud}.WithRawID(f.RawID)
	case identity.IdentifierKindTeamsExtensionUser:
		return identity.TeamsExtensionUserIdentifier{UserID: f.UserID, TenantID: f.TenantID, ResourceID: f.ResourceID, Cloud: f.Cloud}.WithRawID(f.RawID)
	case identity.IdentifierKindUnknown:
		return identity.UnknownIdentifier{ID: f.ID}.WithRawID(f.RawID)
	default: // a kind of the future
		return identity.UnknownIdentifier{ID: f.ID}
	}
}

func unmarshal[T any](t *testing.T, data json.RawMessage) T {
	t.Helper()
	var value T
	require.NoError(t, json.Unmarshal(data, &value))
	return value
}

func TestOfficialIdentifierCases(t *testing.T) {
	t.Parallel()
	file := os.Getenv("ACS_IDENTIFIER_CASES")
	if file == "" {
		t.Skip("ACS_IDENTIFIER_CASES does not name the file of cases")
	}
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	seen := map[string]int{}
	for _, c := range unmarshal[[]identifierCase](t, data) {
		seen[c.Op]++
		t.Run(c.ID, func(t *testing.T) {
			t.Parallel()
			c.check(t)
		})
	}
	for _, op := range []string{"parse", "format", "roundtrip", "equal", "phoneProps", "marshal", "unmarshal"} {
		assert.Positive(t, seen[op], op)
	}
}

func (c identifierCase) check(t *testing.T) {
	switch c.Op {
	case "parse":
		if c.Error != "" {
			assert.JSONEq(t, "null", string(c.Input), "a string is never an error")
			return
		}
		want := unmarshal[identifierFields](t, c.Expected)
		got := identity.IdentifierFromRawID(unmarshal[string](t, c.Input))
		assert.Equal(t, want.identifier(t), got)
		if phone, ok := got.(identity.PhoneNumberIdentifier); ok {
			assert.Equal(t, want.IsAnonymous, phone.IsAnonymous())
			if want.AssertedID != nil {
				assert.Equal(t, *want.AssertedID, phone.AssertedID())
			}
		}
	case "format":
		assert.Equal(t, unmarshal[string](t, c.Expected), unmarshal[identifierFields](t, c.Input).identifier(t).RawID())
	case "roundtrip":
		assert.Equal(t, unmarshal[string](t, c.Expected), identity.IdentifierFromRawID(unmarshal[string](t, c.Input)).RawID())
	case "equal":
		a, b := unmarshal[identifierFields](t, c.A), unmarshal[identifierFields](t, c.B)
		assert.Equal(t, unmarshal[bool](t, c.Expected), identity.Equal(a.identifier(t), b.identifier(t)))
	case "phoneProps":
		input := unmarshal[identifierFields](t, c.Input)
		phone := identity.PhoneNumberIdentifier{PhoneNumber: input.PhoneNumber}.WithRawID(input.RawID)
		for property, want := range unmarshal[map[string]any](t, c.Expected) {
			switch property {
			case "isAnonymous":
				assert.Equal(t, want, phone.IsAnonymous())
			case "assertedId":
				if want == nil {
					want = ""
				}
				assert.Equal(t, want, phone.AssertedID())
			default:
				t.Errorf("unknown property %q", property)
			}
		}
	case "construct":
		t.Skip("identifiers are struct literals, which cannot be rejected")
	case "marshal":
		data, err := json.Marshal(unmarshal[identifierFields](t, c.Input).identifier(t))
		require.NoError(t, err)
		assert.JSONEq(t, string(c.Expected), string(data))
	case "unmarshal":
		c.checkUnmarshal(t)
	default:
		t.Errorf("unknown op %q", c.Op)
	}
}

// lenient lists the cases in which the official libraries reject an identifier without
// "isAnonymous" or "cloud", although these have defaults by the service's specification.
var lenient = map[string]identity.Identifier{
	"unmarshal-185": identity.MicrosoftTeamsUserIdentifier{UserID: "Teams user id", IsAnonymous: true, Cloud: identity.CloudEnvironmentPublic}.WithRawID("r"),
}

func (c identifierCase) checkUnmarshal(t *testing.T) {
	t.Helper()
	got, err := identity.UnmarshalIdentifier(c.Input)
	if want, isLenient := lenient[c.ID]; isLenient {
		require.NoError(t, err)
		assert.Equal(t, want, got)
		return
	}
	if c.Error != "" {
		require.Error(t, err, c.Error)
		assert.Nil(t, got)
		return
	}
	require.NoError(t, err)
	want := unmarshal[identifierFields](t, c.Expected)
	assert.True(t, identity.Equal(want.identifier(t), got), "%#v", got)
	if want.RawID == "" {
		assert.Equal(t, want.identifier(t), got)
	}
	if phone, ok := got.(identity.PhoneNumberIdentifier); ok {
		assert.Equal(t, want.IsAnonymous, phone.IsAnonymous())
		if want.AssertedID != nil {
			assert.Equal(t, *want.AssertedID, phone.AssertedID())
		}
	}
}

// FuzzUnmarshalIdentifier decodes any JSON as an identifier, and as each of the kinds.
func FuzzUnmarshalIdentifier(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		identifier, err := identity.UnmarshalIdentifier(data)
		require.NotEqual(t, err == nil, identifier == nil)
		for _, before := range allKinds {
			requireKindAgrees(t, data, before, identifier)
		}
		if err != nil {
			return
		}
		requireAsSent(t, data, identifier)
		encoded, err := json.Marshal(identifier)
		require.NoError(t, err)
		decoded, err := identity.UnmarshalIdentifier(encoded)
		require.NoError(t, err)
		require.Equal(t, identifier, decoded)
		require.True(t, identity.Equal(identifier, decoded))
	})
}

// requireKindAgrees decodes the data into a variable that holds an identifier of one kind.
func requireKindAgrees(t *testing.T, data []byte, before, want identity.Identifier) {
	t.Helper()
	variable := reflect.New(reflect.TypeOf(before))
	variable.Elem().Set(reflect.ValueOf(before))
	err := variable.Interface().(json.Unmarshaler).UnmarshalJSON(data)
	if want != nil && want.Kind() == before.Kind() {
		require.NoError(t, err)
		require.Equal(t, want, variable.Elem().Interface())
		return
	}
	require.Equal(t, string(data) == "null", err == nil)
	require.Equal(t, before, variable.Elem().Interface(), "nothing is changed")
}

// requireAsSent compares the identifier with the raw ID and the kind in the data.
func requireAsSent(t *testing.T, data []byte, identifier identity.Identifier) {
	t.Helper()
	var sent struct {
		Kind               identity.IdentifierKind
		RawID              string
		CommunicationUser  map[string]any
		PhoneNumber        map[string]any
		MicrosoftTeamsUser map[string]any
		MicrosoftTeamsApp  map[string]any
		TeamsExtensionUser map[string]any
	}
	require.NoError(t, json.Unmarshal(data, &sent))
	details := map[identity.IdentifierKind]map[string]any{
		identity.IdentifierKindCommunicationUser:  sent.CommunicationUser,
		identity.IdentifierKindPhoneNumber:        sent.PhoneNumber,
		identity.IdentifierKindMicrosoftTeamsUser: sent.MicrosoftTeamsUser,
		identity.IdentifierKindMicrosoftTeamsApp:  sent.MicrosoftTeamsApp,
		identity.IdentifierKindTeamsExtensionUser: sent.TeamsExtensionUser,
	}
	maps.DeleteFunc(details, func(_ identity.IdentifierKind, d map[string]any) bool { return d == nil })
	require.LessOrEqual(t, len(details), 1)
	kind := identity.IdentifierKindUnknown
	for k := range details {
		if sent.Kind == "" || sent.Kind == k {
			kind = k
		}
	}
	require.Equal(t, kind, identifier.Kind())
	if sent.RawID == "" {
		require.Equal(t, identity.IdentifierKindCommunicationUser, kind)
		return
	}
	require.Equal(t, sent.RawID, identifier.RawID())
}

// FuzzIdentifierFromRawID compares the parser with the forms of raw IDs.
func FuzzIdentifierFromRawID(f *testing.F) {
	f.Fuzz(func(t *testing.T, rawID string) {
		identifier := identity.IdentifierFromRawID(rawID)
		require.Equal(t, identifierByForm(rawID), identifier)
		require.Equal(t, rawID, identifier.RawID())
		if phone, isPhone := identifier.(identity.PhoneNumberIdentifier); isPhone {
			require.Equal(t, rawID == "4:anonymous", phone.IsAnonymous())
			require.Equal(t, assertedID.FindStringSubmatch(rawID)[1], phone.AssertedID())
		}
		data, err := json.Marshal(identifier)
		if !utf8.ValidString(rawID) {
			require.ErrorContains(t, err, "UTF-8")
			return
		}
		require.NoError(t, err)
		if rawID == "" {
			return // which counts as missing in JSON
		}
		decoded, err := identity.UnmarshalIdentifier(data)
		require.NoError(t, err)
		require.Equal(t, identifier, decoded)
	})
}

// The forms that the official libraries know.
var (
	phoneNumber        = regexp.MustCompile(`(?s)^4:(.*)$`)
	assertedID         = regexp.MustCompile(`(?:_([^_]*))?$`)
	teamsExtensionUser = regexp.MustCompile(`^8:(acs|dod-acs|gcch-acs):([^:_]*)_([^:_]*)_([^:_]*)$`)
	communicationUser  = regexp.MustCompile(`^8:(acs|dod-acs|gcch-acs|spool):[^:]*$`)
	teamsUser          = regexp.MustCompile(`^8:(orgid|dod|gcch|teamsvisitor):([^:]*)$`)
	teamsApp           = regexp.MustCompile(`^28:(orgid|dod|gcch):([^:]*)$`)

	clouds = map[string]identity.CloudEnvironment{
		"acs": "public", "orgid": "public", "teamsvisitor": "public",
		"dod-acs": "dod", "dod": "dod",
		"gcch-acs": "gcch", "gcch": "gcch",
	}
)

func identifierByForm(rawID string) identity.Identifier {
	if parts := phoneNumber.FindStringSubmatch(rawID); parts != nil {
		return identity.PhoneNumberIdentifier{PhoneNumber: parts[1]}
	}
	if parts := teamsExtensionUser.FindStringSubmatch(rawID); parts != nil {
		return identity.TeamsExtensionUserIdentifier{ResourceID: parts[2], TenantID: parts[3], UserID: parts[4], Cloud: clouds[parts[1]]}
	}
	if communicationUser.MatchString(rawID) {
		return identity.CommunicationUserIdentifier{ID: rawID}
	}
	if parts := teamsUser.FindStringSubmatch(rawID); parts != nil {
		return identity.MicrosoftTeamsUserIdentifier{UserID: parts[2], IsAnonymous: parts[1] == "teamsvisitor", Cloud: clouds[parts[1]]}
	}
	if parts := teamsApp.FindStringSubmatch(rawID); parts != nil {
		return identity.MicrosoftTeamsAppIdentifier{AppID: parts[2], Cloud: clouds[parts[1]]}
	}
	return identity.UnknownIdentifier{ID: rawID}
}
