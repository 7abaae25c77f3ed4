import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.identity.CommunicationIdentityClient;
import com.azure.communication.identity.CommunicationIdentityClientBuilder;
import com.azure.communication.identity.models.CommunicationTokenScope;
import com.azure.core.credential.AccessToken;
import com.azure.core.credential.TokenCredential;
import com.azure.core.credential.TokenRequestContext;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.azure.identity.DefaultAzureCredentialBuilder;
import com.azure.identity.EnvironmentCredentialBuilder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Signs in at the emulator by azure-identity, and creates users with the tokens. */
final class SignInJudge {
    private static final TokenRequestContext SCOPE =
            new TokenRequestContext().addScopes("https://communication.azure.com//.default");

    private SignInJudge() {
    }

    /** The environment has AZURE_AUTHORITY_HOST, AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_CLIENT_SECRET. */
    static void run(Checks checks) {
        Map<String, TokenCredential> credentials = new LinkedHashMap<>();
        credentials.put("DefaultAzureCredential", new DefaultAzureCredentialBuilder().build());
        credentials.put("EnvironmentCredential", new EnvironmentCredentialBuilder().build());
        credentials.put("ClientSecretCredential", new ClientSecretCredentialBuilder().authorityHost(Emulator.ENDPOINT)
                .tenantId("adfs").clientId(IdentityJudge.APP_ID).clientSecret("any secret").build());
        credentials.forEach((name, credential) -> checks.section(name, () -> signIn(checks, name + ": ", credential)));
    }

    private static void signIn(Checks checks, String name, TokenCredential credential) throws Exception {
        Emulator.clearRequests();
        AccessToken token = credential.getTokenSync(SCOPE);
        checks.within(name + "expiry", token.getExpiresAt(), 60);
        checks.equal(name + "the token is cached", credential.getTokenSync(SCOPE).getToken(), token.getToken());
        checks.equal(name + "sign-ins", Emulator.statuses("EntraToken"), List.of(200));

        CommunicationIdentityClient client = new CommunicationIdentityClientBuilder()
                .endpoint(Emulator.ENDPOINT).credential(credential).buildClient();
        CommunicationUserIdentifier user = client.createUser();
        AccessToken issued = client.getToken(user, List.of(CommunicationTokenScope.VOIP));
        checks.equal(name + "user", Emulator.inspect(issued.getToken()).get("rawId").asText(), user.getId());
    }
}
