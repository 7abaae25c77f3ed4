package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Identifier says who or what takes part in a communication. The kinds are
// [CommunicationUserIdentifier], [PhoneNumberIdentifier], [MicrosoftTeamsUserIdentifier],
// [MicrosoftTeamsAppIdentifier], [TeamsExtensionUserIdentifier] and [UnknownIdentifier];
// use a type switch to tell them apart and [Equal] to compare them.
//
// The JSON of an identifier is the one that Communication Services use in requests and
// responses; [UnmarshalIdentifier] reads it.
type Identifier interface {
	// Kind says which of the kinds the identifier is.
	Kind() IdentifierKind
	// RawID is the identifier in one string, which [IdentifierFromRawID] turns back. It
	// serves as a key in a database.
	RawID() string

	sealed()
}

// IdentifierKind names a kind of [Identifier].
type IdentifierKind string

const (
	// IdentifierKindCommunicationUser is the kind of [CommunicationUserIdentifier].
	IdentifierKindCommunicationUser IdentifierKind = "communicationUser"
	// IdentifierKindMicrosoftTeamsApp is the kind of [MicrosoftTeamsAppIdentifier].
	IdentifierKindMicrosoftTeamsApp IdentifierKind = "microsoftTeamsApp"
	// IdentifierKindMicrosoftTeamsUser is the kind of [MicrosoftTeamsUserIdentifier].
	IdentifierKindMicrosoftTeamsUser IdentifierKind = "microsoftTeamsUser"
	// IdentifierKindPhoneNumber is the kind of [PhoneNumberIdentifier].
	IdentifierKindPhoneNumber IdentifierKind = "phoneNumber"
	// IdentifierKindTeamsExtensionUser is the kind of [TeamsExtensionUserIdentifier].
	IdentifierKindTeamsExtensionUser IdentifierKind = "teamsExtensionUser"
	// IdentifierKindUnknown is the kind of [UnknownIdentifier].
	IdentifierKindUnknown IdentifierKind = "unknown"
)

// CloudEnvironment is the cloud that a Teams user or app belongs to. The zero value
// means the public cloud.
type CloudEnvironment string

const (
	// CloudEnvironmentDoD is the cloud of the United States Department of Defense.
	CloudEnvironmentDoD CloudEnvironment = "dod"
	// CloudEnvironmentGCCH is the Government Community Cloud High.
	CloudEnvironmentGCCH CloudEnvironment = "gcch"
	// CloudEnvironmentPublic is the public cloud.
	CloudEnvironmentPublic CloudEnvironment = "public"
)

// CommunicationUserIdentifier is a user of a Communication Services resource.
type CommunicationUserIdentifier struct {
	// ID is what the service calls the user, like "8:acs:<resource>_<user>".
	ID string

	rawID string
}

// Kind returns [IdentifierKindCommunicationUser].
func (i CommunicationUserIdentifier) Kind() IdentifierKind { return IdentifierKindCommunicationUser }

// RawID returns the ID, unless the service sent another raw ID.
func (i CommunicationUserIdentifier) RawID() string {
	if i.rawID != "" {
		return i.rawID
	}
	return i.ID
}

// WithRawID returns the identifier with the raw ID that the service sent, where it
// differs from the one that the fields give.
func (i CommunicationUserIdentifier) WithRawID(rawID string) CommunicationUserIdentifier {
	i.rawID = rawID
	return i
}

// MarshalJSON writes the JSON that Communication Services use.
func (i CommunicationUserIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID(), CommunicationUser: &communicationUserModel{ID: &i.ID}})
}

// UnmarshalJSON reads the JSON that Communication Services use. JSON of another kind
// is an error.
func (i *CommunicationUserIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

func (CommunicationUserIdentifier) sealed() {}

// PhoneNumberIdentifier is a phone number.
type PhoneNumberIdentifier struct {
	// PhoneNumber is the number in E.164 format, like "+14255550123". It is taken as it
	// is: a plus sign is neither added nor removed.
	PhoneNumber string

	rawID string
}

// Kind returns [IdentifierKindPhoneNumber].
func (i PhoneNumberIdentifier) Kind() IdentifierKind { return IdentifierKindPhoneNumber }

// RawID returns "4:<number>", unless the service sent another raw ID.
func (i PhoneNumberIdentifier) RawID() string {
	if i.rawID != "" {
		return i.rawID
	}
	return prefixPhoneNumber + i.PhoneNumber
}

// WithRawID returns the identifier with the raw ID that the service sent, where it
// differs from the one that the fields give.
func (i PhoneNumberIdentifier) WithRawID(rawID string) PhoneNumberIdentifier {
	i.rawID = rawID
	return i
}

// IsAnonymous reports whether the number is withheld.
func (i PhoneNumberIdentifier) IsAnonymous() bool {
	return i.RawID() == prefixPhoneNumber+"anonymous"
}

// AssertedID tells apart several connections of the same number. It is the part after
// the last underscore of the raw ID or, where that has none, of the number. It is empty
// where there is no such part.
func (i PhoneNumberIdentifier) AssertedID() string {
	for _, text := range []string{i.RawID(), i.PhoneNumber} {
		if underscore := strings.LastIndexByte(text, '_'); underscore >= 0 {
			return text[underscore+1:]
		}
	}
	return ""
}

// MarshalJSON writes the JSON that Communication Services use.
func (i PhoneNumberIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID(), PhoneNumber: &phoneNumberModel{Value: &i.PhoneNumber, IsAnonymous: i.IsAnonymous(), AssertedID: i.AssertedID()}})
}

// UnmarshalJSON reads the JSON that Communication Services use. JSON of another kind
// is an error.
func (i *PhoneNumberIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

func (PhoneNumberIdentifier) sealed() {}

// MicrosoftTeamsUserIdentifier is a Microsoft Teams user.
type MicrosoftTeamsUserIdentifier struct {
	// UserID is the object ID of the user in Entra ID, or the ID of an anonymous user.
	UserID string
	// IsAnonymous says that the user takes part without signing in.
	IsAnonymous bool
	// Cloud is the cloud that the user belongs to. It does not matter for anonymous users.
	Cloud CloudEnvironment

	rawID string
}

// Kind returns [IdentifierKindMicrosoftTeamsUser].
func (i MicrosoftTeamsUserIdentifier) Kind() IdentifierKind { return IdentifierKindMicrosoftTeamsUser }

// RawID returns "8:orgid:<user>", or the form of the user's cloud or of anonymous
// users, unless the service sent another raw ID.
func (i MicrosoftTeamsUserIdentifier) RawID() string {
	switch {
	case i.rawID != "":
		return i.rawID
	case i.IsAnonymous:
		return prefixTeamsVisitor + i.UserID
	case i.Cloud == CloudEnvironmentDoD:
		return prefixTeamsUserDoD + i.UserID
	case i.Cloud == CloudEnvironmentGCCH:
		return prefixTeamsUserGCCH + i.UserID
	default:
		return prefixTeamsUser + i.UserID
	}
}

// WithRawID returns the identifier with the raw ID that the service sent, where it
// differs from the one that the fields give.
func (i MicrosoftTeamsUserIdentifier) WithRawID(rawID string) MicrosoftTeamsUserIdentifier {
	i.rawID = rawID
	return i
}

// MarshalJSON writes the JSON that Communication Services use.
func (i MicrosoftTeamsUserIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID(), MicrosoftTeamsUser: &microsoftTeamsUserModel{UserID: &i.UserID, IsAnonymous: i.IsAnonymous, Cloud: i.Cloud.orPublic()}})
}

// UnmarshalJSON reads the JSON that Communication Services use. JSON of another kind
// is an error.
func (i *MicrosoftTeamsUserIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

func (MicrosoftTeamsUserIdentifier) sealed() {}

// MicrosoftTeamsAppIdentifier is a Microsoft Teams application, like a voice app.
type MicrosoftTeamsAppIdentifier struct {
	// AppID is the ID of the application.
	AppID string
	// Cloud is the cloud that the application belongs to.
	Cloud CloudEnvironment

	rawID string
}

// Kind returns [IdentifierKindMicrosoftTeamsApp].
func (i MicrosoftTeamsAppIdentifier) Kind() IdentifierKind { return IdentifierKindMicrosoftTeamsApp }

// RawID returns "28:orgid:<app>", or the form of the application's cloud, unless the
// service sent another raw ID.
func (i MicrosoftTeamsAppIdentifier) RawID() string {
	switch {
	case i.rawID != "":
		return i.rawID
	case i.Cloud == CloudEnvironmentDoD:
		return prefixTeamsAppDoD + i.AppID
	case i.Cloud == CloudEnvironmentGCCH:
		return prefixTeamsAppGCCH + i.AppID
	default:
		return prefixTeamsApp + i.AppID
	}
}

// WithRawID returns the identifier with the raw ID that the service sent, where it
// differs from the one that the fields give.
func (i MicrosoftTeamsAppIdentifier) WithRawID(rawID string) MicrosoftTeamsAppIdentifier {
	i.rawID = rawID
	return i
}

// MarshalJSON writes the JSON that Communication Services use.
func (i MicrosoftTeamsAppIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID(), MicrosoftTeamsApp: &microsoftTeamsAppModel{AppID: &i.AppID, Cloud: i.Cloud.orPublic()}})
}

// UnmarshalJSON reads the JSON that Communication Services use. JSON of another kind
// is an error.
func (i *MicrosoftTeamsAppIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

func (MicrosoftTeamsAppIdentifier) sealed() {}

// TeamsExtensionUserIdentifier is a Teams user that a Communication Services resource
// extends to phone calls.
type TeamsExtensionUserIdentifier struct {
	// UserID is the object ID of the user in Entra ID.
	UserID string
	// TenantID is the ID of the user's tenant in Entra ID.
	TenantID string
	// ResourceID is the ID of the Communication Services resource.
	ResourceID string
	// Cloud is the cloud that the user belongs to.
	Cloud CloudEnvironment

	rawID string
}

// Kind returns [IdentifierKindTeamsExtensionUser].
func (i TeamsExtensionUserIdentifier) Kind() IdentifierKind { return IdentifierKindTeamsExtensionUser }

// RawID returns "8:acs:<resource>_<tenant>_<user>", or the form of the user's cloud,
// unless the service sent another raw ID.
func (i TeamsExtensionUserIdentifier) RawID() string {
	if i.rawID != "" {
		return i.rawID
	}
	prefix := prefixUser
	switch i.Cloud {
	case CloudEnvironmentDoD:
		prefix = prefixUserDoD
	case CloudEnvironmentGCCH:
		prefix = prefixUserGCCH
	}
	return prefix + i.ResourceID + "_" + i.TenantID + "_" + i.UserID
}

// WithRawID returns the identifier with the raw ID that the service sent, where it
// differs from the one that the fields give.
func (i TeamsExtensionUserIdentifier) WithRawID(rawID string) TeamsExtensionUserIdentifier {
	i.rawID = rawID
	return i
}

// MarshalJSON writes the JSON that Communication Services use.
func (i TeamsExtensionUserIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID(), TeamsExtensionUser: &teamsExtensionUserModel{UserID: &i.UserID, TenantID: &i.TenantID, ResourceID: &i.ResourceID, Cloud: i.Cloud.orPublic()}})
}

// UnmarshalJSON reads the JSON that Communication Services use. JSON of another kind
// is an error.
func (i *TeamsExtensionUserIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

func (TeamsExtensionUserIdentifier) sealed() {}

// UnknownIdentifier is an identifier of a kind that this version of the library does
// not know. Nothing is lost: it keeps its raw ID.
type UnknownIdentifier struct {
	// ID is the raw ID.
	ID string

	rawID string
}

// Kind returns [IdentifierKindUnknown].
func (i UnknownIdentifier) Kind() IdentifierKind { return IdentifierKindUnknown }

// RawID returns the ID, unless the service sent another raw ID.
func (i UnknownIdentifier) RawID() string {
	if i.rawID != "" {
		return i.rawID
	}
	return i.ID
}

// WithRawID returns the identifier with the raw ID that the service sent, where it
// differs from the one that the fields give.
func (i UnknownIdentifier) WithRawID(rawID string) UnknownIdentifier {
	i.rawID = rawID
	return i
}

// MarshalJSON writes the JSON that Communication Services use.
func (i UnknownIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID()})
}

// UnmarshalJSON reads the JSON that Communication Services use. JSON of another kind
// is an error.
func (i *UnknownIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

func (UnknownIdentifier) sealed() {}

const (
	prefixPhoneNumber   = "4:"
	prefixUser          = "8:acs:"
	prefixUserDoD       = "8:dod-acs:"
	prefixUserGCCH      = "8:gcch-acs:"
	prefixSpoolUser     = "8:spool:"
	prefixTeamsUser     = "8:orgid:"
	prefixTeamsUserDoD  = "8:dod:"
	prefixTeamsUserGCCH = "8:gcch:"
	prefixTeamsVisitor  = "8:teamsvisitor:"
	prefixTeamsApp      = "28:orgid:"
	prefixTeamsAppDoD   = "28:dod:"
	prefixTeamsAppGCCH  = "28:gcch:"
)

// IdentifierFromRawID returns the identifier that the raw ID stands for, an
// [UnknownIdentifier] where the library does not know the form. It never fails, and
// the RawID of what it returns is rawID again.
func IdentifierFromRawID(rawID string) Identifier {
	if number, found := strings.CutPrefix(rawID, prefixPhoneNumber); found {
		return PhoneNumberIdentifier{PhoneNumber: number}
	}
	end := strings.LastIndexByte(rawID, ':') + 1
	prefix, id := rawID[:end], rawID[end:]
	switch prefix {
	case prefixUser:
		return resourceUser(rawID, id, CloudEnvironmentPublic)
	case prefixUserDoD:
		return resourceUser(rawID, id, CloudEnvironmentDoD)
	case prefixUserGCCH:
		return resourceUser(rawID, id, CloudEnvironmentGCCH)
	case prefixSpoolUser:
		return CommunicationUserIdentifier{ID: rawID}
	case prefixTeamsUser:
		return MicrosoftTeamsUserIdentifier{UserID: id, Cloud: CloudEnvironmentPublic}
	case prefixTeamsUserDoD:
		return MicrosoftTeamsUserIdentifier{UserID: id, Cloud: CloudEnvironmentDoD}
	case prefixTeamsUserGCCH:
		return MicrosoftTeamsUserIdentifier{UserID: id, Cloud: CloudEnvironmentGCCH}
	case prefixTeamsVisitor:
		return MicrosoftTeamsUserIdentifier{UserID: id, IsAnonymous: true, Cloud: CloudEnvironmentPublic}
	case prefixTeamsApp:
		return MicrosoftTeamsAppIdentifier{AppID: id, Cloud: CloudEnvironmentPublic}
	case prefixTeamsAppDoD:
		return MicrosoftTeamsAppIdentifier{AppID: id, Cloud: CloudEnvironmentDoD}
	case prefixTeamsAppGCCH:
		return MicrosoftTeamsAppIdentifier{AppID: id, Cloud: CloudEnvironmentGCCH}
	default:
		return UnknownIdentifier{ID: rawID}
	}
}

// resourceUser tells a Teams extension user, whose ID has three parts, from the other
// users of a resource.
func resourceUser(rawID, id string, cloud CloudEnvironment) Identifier {
	resource, rest, _ := strings.Cut(id, "_")
	tenant, user, found := strings.Cut(rest, "_")
	if !found || strings.Contains(user, "_") {
		return CommunicationUserIdentifier{ID: rawID}
	}
	return TeamsExtensionUserIdentifier{UserID: user, TenantID: tenant, ResourceID: resource, Cloud: cloud}
}

// Equal reports whether both identifiers are of the same kind and have the same raw ID.
func Equal(a, b Identifier) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind() == b.Kind() && a.RawID() == b.RawID()
}

// identifierModel is the JSON of all kinds. The service sends the kind, which is
// redundant, and the official libraries do not.
type identifierModel struct {
	Kind               IdentifierKind           `json:"kind,omitzero"`
	RawID              string                   `json:"rawId,omitzero"`
	CommunicationUser  *communicationUserModel  `json:"communicationUser,omitzero"`
	PhoneNumber        *phoneNumberModel        `json:"phoneNumber,omitzero"`
	MicrosoftTeamsUser *microsoftTeamsUserModel `json:"microsoftTeamsUser,omitzero"`
	MicrosoftTeamsApp  *microsoftTeamsAppModel  `json:"microsoftTeamsApp,omitzero"`
	TeamsExtensionUser *teamsExtensionUserModel `json:"teamsExtensionUser,omitzero"`
}

// The required fields are pointers, to tell what is missing from what is empty.
type (
	communicationUserModel struct {
		ID *string `json:"id"`
	}
	phoneNumberModel struct {
		Value       *string `json:"value"`
		IsAnonymous bool    `json:"isAnonymous"`
		AssertedID  string  `json:"assertedId,omitzero"`
	}
	microsoftTeamsUserModel struct {
		UserID      *string          `json:"userId"`
		IsAnonymous bool             `json:"isAnonymous"`
		Cloud       CloudEnvironment `json:"cloud"`
	}
	microsoftTeamsAppModel struct {
		AppID *string          `json:"appId"`
		Cloud CloudEnvironment `json:"cloud"`
	}
	teamsExtensionUserModel struct {
		UserID     *string          `json:"userId"`
		TenantID   *string          `json:"tenantId"`
		ResourceID *string          `json:"resourceId"`
		Cloud      CloudEnvironment `json:"cloud"`
	}
)

func (c CloudEnvironment) orPublic() CloudEnvironment {
	if c == "" {
		return CloudEnvironmentPublic
	}
	return c
}

// UnmarshalIdentifier reads the JSON that Communication Services use for identifiers.
//
// A kind that the library does not know, or a kind without its details, gives an
// [UnknownIdentifier] with the raw ID. Further fields are ignored, and a missing
// "isAnonymous" means false, a missing "cloud" public. It is an error if the raw ID is
// missing from any but a communication user, if a required detail is missing, or if
// there are details of more than one kind.
func UnmarshalIdentifier(data []byte) (Identifier, error) {
	var model identifierModel
	if err := json.Unmarshal(data, &model); err != nil {
		return nil, fmt.Errorf("identity: identifier is not valid JSON: %w", err)
	}
	kinds := model.kinds()
	if len(kinds) > 1 {
		return nil, fmt.Errorf("identity: identifier has details of more than one kind: %s and %s", kinds[0], kinds[1])
	}
	kind := IdentifierKindUnknown
	if len(kinds) == 1 && (model.Kind == "" || model.Kind == kinds[0]) {
		kind = kinds[0]
	}
	if model.RawID == "" && kind != IdentifierKindCommunicationUser {
		return nil, errors.New("identity: identifier has no rawId")
	}
	return model.identifier(kind)
}

// kinds returns the kinds whose details are there.
func (m identifierModel) kinds() []IdentifierKind {
	var kinds []IdentifierKind
	if m.CommunicationUser != nil {
		kinds = append(kinds, IdentifierKindCommunicationUser)
	}
	if m.PhoneNumber != nil {
		kinds = append(kinds, IdentifierKindPhoneNumber)
	}
	if m.MicrosoftTeamsUser != nil {
		kinds = append(kinds, IdentifierKindMicrosoftTeamsUser)
	}
	if m.MicrosoftTeamsApp != nil {
		kinds = append(kinds, IdentifierKindMicrosoftTeamsApp)
	}
	if m.TeamsExtensionUser != nil {
		kinds = append(kinds, IdentifierKindTeamsExtensionUser)
	}
	return kinds
}

func (m identifierModel) identifier(kind IdentifierKind) (Identifier, error) {
	switch kind {
	case IdentifierKindCommunicationUser:
		return m.CommunicationUser.identifier(m.RawID)
	case IdentifierKindPhoneNumber:
		return m.PhoneNumber.identifier(m.RawID)
	case IdentifierKindMicrosoftTeamsUser:
		return m.MicrosoftTeamsUser.identifier(m.RawID)
	case IdentifierKindMicrosoftTeamsApp:
		return m.MicrosoftTeamsApp.identifier(m.RawID)
	case IdentifierKindTeamsExtensionUser:
		return m.TeamsExtensionUser.identifier(m.RawID)
	default:
		return UnknownIdentifier{ID: m.RawID}, nil
	}
}

func (m communicationUserModel) identifier(rawID string) (Identifier, error) {
	if m.ID == nil {
		return nil, errNoDetail("communicationUser.id")
	}
	return keepRawID(CommunicationUserIdentifier{ID: *m.ID}, rawID), nil
}

func (m phoneNumberModel) identifier(rawID string) (Identifier, error) {
	if m.Value == nil {
		return nil, errNoDetail("phoneNumber.value")
	}
	return keepRawID(PhoneNumberIdentifier{PhoneNumber: *m.Value}, rawID), nil
}

func (m microsoftTeamsUserModel) identifier(rawID string) (Identifier, error) {
	if m.UserID == nil {
		return nil, errNoDetail("microsoftTeamsUser.userId")
	}
	return keepRawID(MicrosoftTeamsUserIdentifier{UserID: *m.UserID, IsAnonymous: m.IsAnonymous, Cloud: m.Cloud.orPublic()}, rawID), nil
}

func (m microsoftTeamsAppModel) identifier(rawID string) (Identifier, error) {
	if m.AppID == nil {
		return nil, errNoDetail("microsoftTeamsApp.appId")
	}
	return keepRawID(MicrosoftTeamsAppIdentifier{AppID: *m.AppID, Cloud: m.Cloud.orPublic()}, rawID), nil
}

func (m teamsExtensionUserModel) identifier(rawID string) (Identifier, error) {
	switch {
	case m.UserID == nil:
		return nil, errNoDetail("teamsExtensionUser.userId")
	case m.TenantID == nil:
		return nil, errNoDetail("teamsExtensionUser.tenantId")
	case m.ResourceID == nil:
		return nil, errNoDetail("teamsExtensionUser.resourceId")
	}
	return keepRawID(TeamsExtensionUserIdentifier{UserID: *m.UserID, TenantID: *m.TenantID, ResourceID: *m.ResourceID, Cloud: m.Cloud.orPublic()}, rawID), nil
}

func errNoDetail(name string) error {
	return fmt.Errorf("identity: identifier has no %s", name)
}

// keepRawID gives the identifier the raw ID if its fields do not give the same.
func keepRawID[T interface {
	Identifier
	WithRawID(string) T
}](identifier T, rawID string) Identifier {
	if rawID == "" || rawID == identifier.RawID() {
		return identifier
	}
	return identifier.WithRawID(rawID)
}

func marshalIdentifier(model identifierModel) ([]byte, error) {
	if !utf8.ValidString(model.RawID) {
		// JSON would hold another identifier.
		return nil, errors.New("identity: identifier is not valid UTF-8")
	}
	return json.Marshal(model)
}

// unmarshalKind does nothing for null, like package json.
func unmarshalKind[T Identifier](data []byte, target *T) error {
	if string(data) == "null" {
		return nil
	}
	identifier, err := UnmarshalIdentifier(data)
	if err != nil {
		return err
	}
	value, ok := identifier.(T)
	if !ok {
		return fmt.Errorf("identity: identifier is of kind %s, not %s", identifier.Kind(), (*target).Kind())
	}
	*target = value
	return nil
}
