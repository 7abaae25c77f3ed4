package identity

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode/utf8"
)

// MarshalJSON writes the JSON that Communication Services uses; see [Identifier]. Invalid
// UTF-8 in the raw ID or a field is an error.
func (i CommunicationUserIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID(), CommunicationUser: &communicationUserModel{ID: &i.ID}}, i.ID)
}

// UnmarshalJSON reads the JSON that Communication Services uses. JSON of another kind
// is an error. As with encoding/json, null is a no-op.
func (i *CommunicationUserIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

// MarshalJSON writes the JSON that Communication Services uses; see [Identifier]. Invalid
// UTF-8 in the raw ID or a field is an error.
func (i PhoneNumberIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID(), PhoneNumber: &phoneNumberModel{Value: &i.PhoneNumber, IsAnonymous: i.IsAnonymous(), AssertedID: i.AssertedID()}}, i.PhoneNumber)
}

// UnmarshalJSON reads the JSON that Communication Services uses. JSON of another kind
// is an error. As with encoding/json, null is a no-op.
func (i *PhoneNumberIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

// MarshalJSON writes the JSON that Communication Services uses; see [Identifier]. Invalid
// UTF-8 in the raw ID or a field is an error.
func (i MicrosoftTeamsUserIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID(), MicrosoftTeamsUser: &microsoftTeamsUserModel{UserID: &i.UserID, IsAnonymous: i.IsAnonymous, Cloud: i.Cloud.orPublic()}}, i.UserID, string(i.Cloud))
}

// UnmarshalJSON reads the JSON that Communication Services uses. JSON of another kind
// is an error. As with encoding/json, null is a no-op.
func (i *MicrosoftTeamsUserIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

// MarshalJSON writes the JSON that Communication Services uses; see [Identifier]. Invalid
// UTF-8 in the raw ID or a field is an error.
func (i MicrosoftTeamsAppIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID(), MicrosoftTeamsApp: &microsoftTeamsAppModel{AppID: &i.AppID, Cloud: i.Cloud.orPublic()}}, i.AppID, string(i.Cloud))
}

// UnmarshalJSON reads the JSON that Communication Services uses. JSON of another kind
// is an error. As with encoding/json, null is a no-op.
func (i *MicrosoftTeamsAppIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

// MarshalJSON writes the JSON that Communication Services uses; see [Identifier]. Invalid
// UTF-8 in the raw ID or a field is an error.
func (i TeamsExtensionUserIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID(), TeamsExtensionUser: &teamsExtensionUserModel{UserID: &i.UserID, TenantID: &i.TenantID, ResourceID: &i.ResourceID, Cloud: i.Cloud.orPublic()}}, i.UserID, i.TenantID, i.ResourceID, string(i.Cloud))
}

// UnmarshalJSON reads the JSON that Communication Services uses. JSON of another kind
// is an error. As with encoding/json, null is a no-op.
func (i *TeamsExtensionUserIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
}

// MarshalJSON writes the JSON that Communication Services uses; see [Identifier]. Invalid
// UTF-8 in the raw ID or a field is an error.
func (i UnknownIdentifier) MarshalJSON() ([]byte, error) {
	return marshalIdentifier(identifierModel{RawID: i.RawID()}, i.ID)
}

// UnmarshalJSON reads the JSON that Communication Services uses. JSON of another kind
// is an error. As with encoding/json, null is a no-op.
func (i *UnknownIdentifier) UnmarshalJSON(data []byte) error {
	return unmarshalKind(data, i)
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

// Required fields are pointers, so that missing and empty values differ.
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

// UnmarshalIdentifier reads the JSON that Communication Services uses for identifiers.
//
// A kind that the library does not know, or a kind without its details, gives an
// [UnknownIdentifier] with the raw ID. Further fields are ignored. A missing
// "isAnonymous" means false, and a missing "cloud" means the public cloud.
//
// Invalid data: malformed JSON and null; no raw ID, except for a communication user; a
// missing detail that is required; details of more than one kind.
func UnmarshalIdentifier(data []byte) (Identifier, error) {
	var model identifierModel
	if err := json.Unmarshal(data, &model); err != nil {
		if typeError, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && typeError.Field == "" {
			return nil, fmt.Errorf("identity: identifier is a JSON %s and not an object; for a raw ID, use IdentifierFromRawID", typeError.Value)
		}
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

// keepRawID sets the raw ID unless the fields of the identifier give the same one.
func keepRawID[T interface {
	Identifier
	WithRawID(string) T
}](identifier T, rawID string) Identifier {
	if rawID == "" || rawID == identifier.RawID() {
		return identifier
	}
	return identifier.WithRawID(rawID)
}

// marshalIdentifier checks the raw ID and the fields first: encoding/json replaces invalid
// UTF-8, so the JSON would be that of another identifier.
func marshalIdentifier(model identifierModel, fields ...string) ([]byte, error) {
	isInvalid := func(text string) bool { return !utf8.ValidString(text) }
	if isInvalid(model.RawID) || slices.ContainsFunc(fields, isInvalid) {
		return nil, errors.New("identity: identifier is not valid UTF-8")
	}
	return json.Marshal(model)
}

// unmarshalKind treats null as a no-op, as encoding/json does.
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
