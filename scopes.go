package identity

// TokenScope is a permission that an access token grants. Values that are not listed here
// are passed on to the service, which rejects those that it does not know.
//
// See the [service's documentation] for what the scopes permit.
//
// [service's documentation]: https://learn.microsoft.com/azure/communication-services/concepts/identity-model#access-tokens
type TokenScope string

const (
	// TokenScopeChat gives full access to chat, creating and deleting threads included.
	TokenScopeChat TokenScope = "chat"
	// TokenScopeChatJoin gives access to existing chat threads, without creating or deleting them.
	TokenScopeChatJoin TokenScope = "chat.join"
	// TokenScopeChatJoinLimited gives access to existing chat threads, without adding or removing participants.
	TokenScopeChatJoinLimited TokenScope = "chat.join.limited"
	// TokenScopeVoIP gives full access to calling, starting new calls included.
	TokenScopeVoIP TokenScope = "voip"
	// TokenScopeVoIPJoin gives access to existing calls, without starting new ones.
	TokenScopeVoIPJoin TokenScope = "voip.join"
)

// PossibleTokenScopeValues returns the scopes that this version of the library knows.
func PossibleTokenScopeValues() []TokenScope {
	return []TokenScope{
		TokenScopeChat,
		TokenScopeChatJoin,
		TokenScopeChatJoinLimited,
		TokenScopeVoIP,
		TokenScopeVoIPJoin,
	}
}
