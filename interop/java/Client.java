import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.identity.CommunicationIdentityAsyncClient;
import com.azure.communication.identity.CommunicationIdentityClient;
import com.azure.communication.identity.models.CommunicationTokenScope;
import com.azure.communication.identity.models.CommunicationUserIdentifierAndToken;
import com.azure.communication.identity.models.GetTokenForTeamsUserOptions;
import com.azure.core.credential.AccessToken;
import java.time.Duration;
import java.util.List;

/** One form for the synchronous and the asynchronous client. A null lifetime is the default. */
interface Client {
    CommunicationUserIdentifier createUser();

    CommunicationUserIdentifierAndToken createUserAndToken(List<CommunicationTokenScope> scopes, Duration lifetime);

    AccessToken getToken(CommunicationUserIdentifier user, List<CommunicationTokenScope> scopes, Duration lifetime);

    void revokeTokens(CommunicationUserIdentifier user);

    void deleteUser(CommunicationUserIdentifier user);

    AccessToken getTokenForTeamsUser(GetTokenForTeamsUserOptions options);

    static Client of(CommunicationIdentityClient client) {
        return new Client() {
            @Override
            public CommunicationUserIdentifier createUser() {
                return client.createUser();
            }

            @Override
            public CommunicationUserIdentifierAndToken createUserAndToken(List<CommunicationTokenScope> scopes, Duration lifetime) {
                return lifetime == null ? client.createUserAndToken(scopes) : client.createUserAndToken(scopes, lifetime);
            }

            @Override
            public AccessToken getToken(CommunicationUserIdentifier user, List<CommunicationTokenScope> scopes, Duration lifetime) {
                return lifetime == null ? client.getToken(user, scopes) : client.getToken(user, scopes, lifetime);
            }

            @Override
            public void revokeTokens(CommunicationUserIdentifier user) {
                client.revokeTokens(user);
            }

            @Override
            public void deleteUser(CommunicationUserIdentifier user) {
                client.deleteUser(user);
            }

            @Override
            public AccessToken getTokenForTeamsUser(GetTokenForTeamsUserOptions options) {
                return client.getTokenForTeamsUser(options);
            }
        };
    }

    static Client of(CommunicationIdentityAsyncClient client) {
        return new Client() {
            @Override
            public CommunicationUserIdentifier createUser() {
                return client.createUser().block();
            }

            @Override
            public CommunicationUserIdentifierAndToken createUserAndToken(List<CommunicationTokenScope> scopes, Duration lifetime) {
                return (lifetime == null ? client.createUserAndToken(scopes) : client.createUserAndToken(scopes, lifetime)).block();
            }

            @Override
            public AccessToken getToken(CommunicationUserIdentifier user, List<CommunicationTokenScope> scopes, Duration lifetime) {
                return (lifetime == null ? client.getToken(user, scopes) : client.getToken(user, scopes, lifetime)).block();
            }

            @Override
            public void revokeTokens(CommunicationUserIdentifier user) {
                client.revokeTokens(user).block();
            }

            @Override
            public void deleteUser(CommunicationUserIdentifier user) {
                client.deleteUser(user).block();
            }

            @Override
            public AccessToken getTokenForTeamsUser(GetTokenForTeamsUserOptions options) {
                return client.getTokenForTeamsUser(options).block();
            }
        };
    }
}
