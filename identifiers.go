package identity

import (
	"cmp"
	"strings"
)

// Identifier identifies a participant of a communication. The kinds are
// [CommunicationUserIdentifier], [PhoneNumberIdentifier],
// [MicrosoftTeamsUserIdentifier], [MicrosoftTeamsAppIdentifier],
// [TeamsExtensionUserIdentifier] and [UnknownIdentifier]; use a type switch to
// distinguish them and [Equal] to compare them. The functions of this package return
// values of these types, not pointers.
//
// The JSON of an identifier is the one that Communication Services uses in requests and
// responses, the raw ID and the details of one kind:
//
//	{"rawId": "4:+14255550123", "phoneNumber": {"value": "+14255550123", "isAnonymous": false}}
//
// encoding/json cannot decode it into a field of type Identifier: use
// [UnmarshalIdentifier], or a field of one of the kinds.
type Identifier interface {
	// Kind returns the identifier's kind.
	Kind() IdentifierKind
	// RawID returns the identifier as one string; [IdentifierFromRawID] parses it.
	// Use the raw ID as a key: == treats an empty Cloud and [CloudEnvironmentPublic] as
	// different.
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

// PossibleIdentifierKindValues returns the kinds of an [Identifier].
func PossibleIdentifierKindValues() []IdentifierKind {
	return []IdentifierKind{
		IdentifierKindCommunicationUser,
		IdentifierKindMicrosoftTeamsApp,
		IdentifierKindMicrosoftTeamsUser,
		IdentifierKindPhoneNumber,
		IdentifierKindTeamsExtensionUser,
		IdentifierKindUnknown,
	}
}

// CloudEnvironment is the cloud that a Teams user or app belongs to. The zero value
// means the public cloud. With a value that is not listed here, an identifier has the
// raw ID of the public cloud, unless it carries another one.
type CloudEnvironment string

const (
	// CloudEnvironmentDoD is the cloud of the United States Department of Defense.
	CloudEnvironmentDoD CloudEnvironment = "dod"
	// CloudEnvironmentGCCH is the Government Community Cloud High.
	CloudEnvironmentGCCH CloudEnvironment = "gcch"
	// CloudEnvironmentPublic is the public cloud.
	CloudEnvironmentPublic CloudEnvironment = "public"
)

// PossibleCloudEnvironmentValues returns the clouds that this version of the library knows.
func PossibleCloudEnvironmentValues() []CloudEnvironment {
	return []CloudEnvironment{
		CloudEnvironmentDoD,
		CloudEnvironmentGCCH,
		CloudEnvironmentPublic,
	}
}

// CommunicationUserIdentifier is a user of a Communication Services resource.
type CommunicationUserIdentifier struct {
	// ID is the service's ID of the user, such as "8:acs:<resource>_<user>". Store it: a
	// stored ID becomes a user again with CommunicationUserIdentifier{ID: id}.
	ID string

	rawID string
}

// Kind returns [IdentifierKindCommunicationUser].
func (i CommunicationUserIdentifier) Kind() IdentifierKind { return IdentifierKindCommunicationUser }

// RawID returns the ID, unless the identifier carries another raw ID.
func (i CommunicationUserIdentifier) RawID() string {
	if i.rawID != "" {
		return i.rawID
	}
	return i.ID
}

// WithRawID returns a copy of the identifier that carries rawID instead of the raw ID
// derived from its fields. Identifiers decoded from JSON carry the raw ID that the
// service sent. A [Client] sends the ID, and never the raw ID.
func (i CommunicationUserIdentifier) WithRawID(rawID string) CommunicationUserIdentifier {
	i.rawID = rawID
	return i
}

// String returns the raw ID.
func (i CommunicationUserIdentifier) String() string { return i.RawID() }

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

// RawID returns "4:<number>", unless the identifier carries another raw ID.
func (i PhoneNumberIdentifier) RawID() string {
	if i.rawID != "" {
		return i.rawID
	}
	return prefixPhoneNumber + i.PhoneNumber
}

// WithRawID returns a copy of the identifier that carries rawID instead of the raw ID
// derived from its fields. Identifiers decoded from JSON carry the raw ID that the
// service sent.
func (i PhoneNumberIdentifier) WithRawID(rawID string) PhoneNumberIdentifier {
	i.rawID = rawID
	return i
}

// IsAnonymous reports whether the number is withheld: then the raw ID is "4:anonymous".
func (i PhoneNumberIdentifier) IsAnonymous() bool {
	return i.RawID() == prefixPhoneNumber+"anonymous"
}

// AssertedID distinguishes several connections of the same number in one call (see
// [PhoneNumberIdentifier of JavaScript]). As in Microsoft's libraries, it is the part
// after the last underscore of the raw ID or, failing that, of the number; empty if
// there is none.
//
// [PhoneNumberIdentifier of JavaScript]: https://learn.microsoft.com/javascript/api/@azure/communication-common/phonenumberidentifier
func (i PhoneNumberIdentifier) AssertedID() string {
	for _, text := range []string{i.RawID(), i.PhoneNumber} {
		if underscore := strings.LastIndexByte(text, '_'); underscore >= 0 {
			return text[underscore+1:]
		}
	}
	return ""
}

// String returns the raw ID.
func (i PhoneNumberIdentifier) String() string { return i.RawID() }

func (PhoneNumberIdentifier) sealed() {}

// MicrosoftTeamsUserIdentifier is a Microsoft Teams user.
type MicrosoftTeamsUserIdentifier struct {
	// UserID is the object ID of the user in Entra ID, or the ID of an anonymous user.
	UserID string
	// IsAnonymous is true for a user who joined without signing in.
	IsAnonymous bool
	// Cloud is the cloud that the user belongs to. The raw IDs of anonymous users do not
	// depend on it.
	Cloud CloudEnvironment

	rawID string
}

// Kind returns [IdentifierKindMicrosoftTeamsUser].
func (i MicrosoftTeamsUserIdentifier) Kind() IdentifierKind { return IdentifierKindMicrosoftTeamsUser }

// RawID returns "8:orgid:<user>", or the form of the user's cloud or of anonymous
// users, unless the identifier carries another raw ID.
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

// WithRawID returns a copy of the identifier that carries rawID instead of the raw ID
// derived from its fields. Identifiers decoded from JSON carry the raw ID that the
// service sent.
func (i MicrosoftTeamsUserIdentifier) WithRawID(rawID string) MicrosoftTeamsUserIdentifier {
	i.rawID = rawID
	return i
}

// String returns the raw ID.
func (i MicrosoftTeamsUserIdentifier) String() string { return i.RawID() }

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
// identifier carries another raw ID.
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

// WithRawID returns a copy of the identifier that carries rawID instead of the raw ID
// derived from its fields. Identifiers decoded from JSON carry the raw ID that the
// service sent.
func (i MicrosoftTeamsAppIdentifier) WithRawID(rawID string) MicrosoftTeamsAppIdentifier {
	i.rawID = rawID
	return i
}

// String returns the raw ID.
func (i MicrosoftTeamsAppIdentifier) String() string { return i.RawID() }

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
// unless the identifier carries another raw ID.
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

// WithRawID returns a copy of the identifier that carries rawID instead of the raw ID
// derived from its fields. Identifiers decoded from JSON carry the raw ID that the
// service sent.
func (i TeamsExtensionUserIdentifier) WithRawID(rawID string) TeamsExtensionUserIdentifier {
	i.rawID = rawID
	return i
}

// String returns the raw ID.
func (i TeamsExtensionUserIdentifier) String() string { return i.RawID() }

func (TeamsExtensionUserIdentifier) sealed() {}

// UnknownIdentifier is an identifier of a kind that this version of the library does
// not know. It keeps the raw ID; other details of its JSON are lost.
type UnknownIdentifier struct {
	// ID is the raw ID.
	ID string

	rawID string
}

// Kind returns [IdentifierKindUnknown].
func (i UnknownIdentifier) Kind() IdentifierKind { return IdentifierKindUnknown }

// RawID returns the ID, unless the identifier carries another raw ID.
func (i UnknownIdentifier) RawID() string {
	if i.rawID != "" {
		return i.rawID
	}
	return i.ID
}

// WithRawID returns a copy of the identifier that carries rawID instead of the raw ID
// derived from its fields. Identifiers decoded from JSON carry the raw ID that the
// service sent.
func (i UnknownIdentifier) WithRawID(rawID string) UnknownIdentifier {
	i.rawID = rawID
	return i
}

// String returns the raw ID.
func (i UnknownIdentifier) String() string { return i.RawID() }

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

// IdentifierFromRawID returns the identifier that the raw ID stands for, or an
// [UnknownIdentifier] if the library does not know the form. It never fails, and the
// RawID of the identifier is rawID again.
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

// resourceUser distinguishes a Teams extension user, whose ID has three parts, from the
// other users of a resource.
func resourceUser(rawID, id string, cloud CloudEnvironment) Identifier {
	resource, rest, _ := strings.Cut(id, "_")
	tenant, user, found := strings.Cut(rest, "_")
	if !found || strings.Contains(user, "_") {
		return CommunicationUserIdentifier{ID: rawID}
	}
	return TeamsExtensionUserIdentifier{UserID: user, TenantID: tenant, ResourceID: resource, Cloud: cloud}
}

// Equal reports whether both identifiers are of the same kind and have the same raw ID.
// It also reports true for two that are nil.
func Equal(a, b Identifier) bool {
	if a == nil || b == nil {
		return a == b
	}
	return a.Kind() == b.Kind() && a.RawID() == b.RawID()
}

func (c CloudEnvironment) orPublic() CloudEnvironment {
	return cmp.Or(c, CloudEnvironmentPublic)
}
