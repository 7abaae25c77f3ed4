import com.azure.communication.common.CommunicationIdentifier;
import com.azure.communication.common.CommunicationTokenCredential;
import com.azure.communication.common.CommunicationUserIdentifier;
import com.azure.communication.identity.CommunicationIdentityClientBuilder;
import com.azure.communication.identity.models.CommunicationTokenScope;
import com.azure.communication.identity.models.CommunicationUserIdentifierAndToken;
import com.azure.communication.identity.models.GetTokenForTeamsUserOptions;
import com.azure.core.credential.AccessToken;
import com.azure.core.credential.AzureKeyCredential;
import com.azure.core.credential.TokenCredential;
import com.azure.core.http.policy.FixedDelayOptions;
import com.azure.core.http.policy.RetryOptions;
import com.azure.core.http.rest.Response;
import com.azure.core.http.HttpHeaderName;
import com.azure.core.util.Context;
import com.azure.identity.ClientSecretCredentialBuilder;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/** Judges the emulator by azure-communication-identity. */
final class IdentityJudge {
    static final String APP_ID = "57000000-0000-4000-8000-00000000000a";
    private static final String USER_ID = "57000000-0000-4000-8000-00000000000b";
    private static final CommunicationUserIdentifier FOREIGN_USER = new CommunicationUserIdentifier(
            "8:acs:57000000-0000-4000-8000-00000000000c_57000000-0000-4000-8000-00000000000d");
    private static final List<String> ALL_SCOPES =
            Arrays.asList("chat", "voip", "chat.join", "chat.join.limited", "voip.join");
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Checks checks;
    private final String form;
    private final Function<CommunicationIdentityClientBuilder, Client> build;

    IdentityJudge(Checks checks, String form, Function<CommunicationIdentityClientBuilder, Client> build) {
        this.checks = checks;
        this.form = form + ": ";
        this.build = build;
    }

    static void run(Checks checks, String interopFolder) {
        new IdentityJudge(checks, "sync", builder -> Client.of(builder.buildClient())).runAll(interopFolder);
        new IdentityJudge(checks, "async", builder -> Client.of(builder.buildAsyncClient())).runAll(interopFolder);
        checks.section("headers", () -> headers(checks));
        checks.section("identifiers", () -> identifiers(checks));
        checks.section("token credential", () -> tokenCredential(checks));
    }

    private static CommunicationIdentityClientBuilder newBuilder() {
        return new CommunicationIdentityClientBuilder()
                .endpoint(Emulator.ENDPOINT)
                .retryOptions(new RetryOptions(new FixedDelayOptions(3, Duration.ofMillis(1))));
    }

    private static CommunicationIdentityClientBuilder withConnectionString() {
        return newBuilder().connectionString(Emulator.CONNECTION_STRING);
    }

    private void runAll(String interopFolder) {
        Map<String, CommunicationIdentityClientBuilder> builders = new LinkedHashMap<>();
        builders.put("connection string", withConnectionString());
        builders.put("access key", newBuilder().credential(new AzureKeyCredential(Emulator.ACCESS_KEY)));
        builders.put("access key, endpoint with a slash",
                newBuilder().endpoint(Emulator.ENDPOINT + "/").credential(new AzureKeyCredential(Emulator.ACCESS_KEY)));
        TokenCredential credential = new ClientSecretCredentialBuilder()
                .authorityHost(Emulator.ENDPOINT).tenantId("adfs").clientId(APP_ID).clientSecret("any secret").build();
        builders.put("token credential", newBuilder().credential(credential));
        builders.put("token credential, endpoint with a slash", newBuilder().endpoint(Emulator.ENDPOINT + "/").credential(credential));
        builders.forEach((name, builder) ->
                checks.section(form + name, () -> operations(form + name + ": ", build.apply(builder))));
        Client client = build.apply(withConnectionString());
        checks.section(form + "scopes and lifetimes", () -> tokens(client));
        checks.section(form + "ends of tokens", () -> endsOfTokens(client));
        checks.section(form + "errors", () -> rejections(client, new File(interopFolder, "errors.json")));
        checks.section(form + "wrong key", this::wrongKey);
        checks.section(form + "faults", () -> faults(client));
    }

    private void operations(String by, Client client) throws Exception {
        CommunicationUserIdentifier user = client.createUser();
        checks.check(by + "user ID", user.getId().startsWith("8:acs:" + Emulator.resourceId() + "_"), user.getId());
        checks.check(by + "the user exists", Emulator.users().contains(user.getId()), user.getId());

        AccessToken token = client.getToken(user, scopes("chat"), null);
        JsonNode inspected = Emulator.inspect(token.getToken());
        checks.equal(by + "token", inspected.get("rawId").asText(), user.getId());
        checks.equal(by + "scopes", inspected.get("scopes").toString(), "[\"chat\"]");
        client.revokeTokens(user);
        checks.equal(by + "revoked", reason(token), "revoked");
        AccessToken next = client.getToken(user, scopes("voip"), null);
        checks.equal(by + "token after the revocation", reason(next), null);

        CommunicationUserIdentifierAndToken both = client.createUserAndToken(scopes("chat", "voip"), null);
        inspected = Emulator.inspect(both.getUserToken().getToken());
        checks.equal(by + "new user's token", inspected.get("rawId").asText(), both.getUser().getId());
        checks.equal(by + "new user's scopes", inspected.get("scopes").toString(), "[\"chat\",\"voip\"]");

        client.deleteUser(user);
        checks.check(by + "the user is gone", !Emulator.users().contains(user.getId()), user.getId());
        client.deleteUser(user);
        checks.equal(by + "the user's token", reason(next), "userDeleted");

        String entraToken = Emulator.entraToken("\"appId\":\"" + APP_ID + "\",\"objectId\":\"" + USER_ID + "\"");
        AccessToken teams = client.getTokenForTeamsUser(new GetTokenForTeamsUserOptions(entraToken, APP_ID, USER_ID));
        checks.equal(by + "Teams user", Emulator.inspect(teams.getToken()).get("rawId").asText(), "8:orgid:" + USER_ID);
        checks.within(by + "Teams user's expiry", teams.getExpiresAt(), 75);
    }

    private void tokens(Client client) throws Exception {
        CommunicationUserIdentifier user = client.createUser();
        List<List<String>> sets = new ArrayList<>();
        ALL_SCOPES.forEach(scope -> sets.add(List.of(scope)));
        sets.add(ALL_SCOPES);
        for (List<String> set : sets) {
            String[] names = set.toArray(new String[0]);
            AccessToken token = client.getToken(user, scopes(names), null);
            String want = JSON.writeValueAsString(set);
            checks.equal(form + "scopes " + set, Emulator.inspect(token.getToken()).get("scopes").toString(), want);
            token = client.createUserAndToken(scopes(names), null).getUserToken();
            checks.equal(form + "new user with " + set, Emulator.inspect(token.getToken()).get("scopes").toString(), want);
        }
        for (int minutes : new int[] {60, 61, 720, 1440}) {
            Duration lifetime = Duration.ofMinutes(minutes);
            checks.within(form + minutes, client.getToken(user, scopes("chat"), lifetime).getExpiresAt(), minutes);
            AccessToken token = client.createUserAndToken(scopes("chat"), lifetime).getUserToken();
            checks.within(form + "new user, " + minutes, token.getExpiresAt(), minutes);
        }
        checks.within(form + "default", client.getToken(user, scopes("chat"), null).getExpiresAt(), 1440);
    }

    private void endsOfTokens(Client client) throws Exception {
        AccessToken token = client.createUserAndToken(scopes("chat"), Duration.ofHours(1)).getUserToken();
        Emulator.withClock("59m", () -> checks.equal(form + "valid after 59 minutes", reason(token), null));
        Emulator.withClock("61m", () -> checks.equal(form + "expired after 61 minutes", reason(token), "expired"));
    }

    private void rejections(Client client, File errors) throws Exception {
        CommunicationUserIdentifier own = client.createUser();
        CommunicationUserIdentifier deleted = client.createUser();
        client.deleteUser(deleted);
        String truncated = own.getId().substring(0, own.getId().length() - 1);
        Map<String, CommunicationUserIdentifier> known = Map.of("own", own, "deleted", deleted,
                "foreign", FOREIGN_USER, "malformed", new CommunicationUserIdentifier(truncated));
        for (JsonNode c : JSON.readTree(errors)) {
            if (c.path("skip").has("java")) {
                continue;
            }
            CommunicationUserIdentifier user = known.get(c.path("user").asText());
            checks.rejects(form + c.get("name").asText(), () -> call(client, c, user), c.get("status").asInt(),
                    c.get("code").asText(), c.get("message").asText(), Checks.text(c, "target"));
        }
    }

    private static void call(Client client, JsonNode c, CommunicationUserIdentifier user) throws Exception {
        List<String> names = new ArrayList<>();
        c.path("scopes").forEach(scope -> names.add(scope.asText()));
        List<CommunicationTokenScope> scopes = scopes(names.toArray(new String[0]));
        Duration lifetime = c.has("minutes") ? Duration.ofMinutes(c.get("minutes").asInt()) : null;
        switch (c.get("call").asText()) {
            case "createUserAndToken" -> client.createUserAndToken(scopes, lifetime);
            case "getToken" -> client.getToken(user, scopes, lifetime);
            case "revokeTokens" -> client.revokeTokens(user);
            case "deleteUser" -> client.deleteUser(user);
            default -> client.getTokenForTeamsUser(new GetTokenForTeamsUserOptions(
                    entraToken(c), c.path("appId").asText(APP_ID), c.path("userId").asText(USER_ID)));
        }
    }

    /** Returns the token of a case; a valid one if the case has none. */
    private static String entraToken(JsonNode c) throws Exception {
        String claims = "\"appId\":\"" + APP_ID + "\",\"objectId\":\"" + USER_ID + "\"";
        if (!c.has("token")) {
            return Emulator.entraToken(claims);
        }
        String token = Checks.text(c, "token");
        return "{expired}".equals(token) ? Emulator.entraToken(claims + ",\"expiresOn\":\"2024-01-01T00:00:00Z\"") : token;
    }

    private void wrongKey() throws Exception {
        Client client = build.apply(newBuilder().credential(new AzureKeyCredential("BwcHBwcHBwc=")));
        checks.rejects(form + "wrong key: create", client::createUser, 401, "Denied", null, null);
        checks.rejects(form + "wrong key: delete", () -> client.deleteUser(FOREIGN_USER), 401, "Denied", null, null);
        checks.rejects(form + "wrong key: token", () -> client.getToken(FOREIGN_USER, scopes(), null), 401, "Denied", null, null);
    }

    private void faults(Client client) throws Exception {
        int before = Emulator.users().size();
        Emulator.clearRequests();
        Emulator.inject("\"operation\":\"CreateUser\",\"status\":503,\"header\":{\"Retry-After\":[\"0\"]}");
        CommunicationUserIdentifier user = client.createUser();
        checks.equal(form + "503, then a retry", Emulator.statuses("CreateUser"), List.of(503, 201));
        checks.equal(form + "users after the 503", Emulator.users().size(), before + 1);

        Emulator.inject("\"operation\":\"CreateUser\",\"drop\":\"after\"");
        client.createUser();
        checks.equal(form + "users after a lost response", Emulator.users().size(), before + 3);

        Emulator.clearRequests();
        Emulator.inject("\"operation\":\"DeleteUser\",\"drop\":\"before\"");
        client.deleteUser(user);
        checks.equal(form + "deleted after a lost request", Emulator.users().size(), before + 2);
        checks.equal(form + "requests with the lost one", Emulator.statuses("DeleteUser").size(), 2);
    }

    private static void headers(Checks checks) {
        Response<CommunicationUserIdentifier> created = withConnectionString().buildClient().createUserWithResponse(Context.NONE);
        checks.equal("status", created.getStatusCode(), 201);
        String sent = created.getRequest().getHeaders().getValue(HttpHeaderName.X_MS_CLIENT_REQUEST_ID);
        checks.equal("request ID", created.getHeaders().getValue(HttpHeaderName.X_MS_CLIENT_REQUEST_ID), sent);
        String versions = created.getHeaders().getValue(HttpHeaderName.fromString("api-supported-versions"));
        checks.check("supported versions", versions.contains("2022-10-01, 2023-10-01"), versions);
        Response<Void> deleted = withConnectionString().buildClient().deleteUserWithResponse(created.getValue(), Context.NONE);
        checks.equal("status of delete", deleted.getStatusCode(), 204);
    }

    /** Compares with the Go library. This version has no class for Teams apps and users of the Teams extension. */
    private static void identifiers(Checks checks) throws Exception {
        Map<String, String> classes = Map.of("communicationUser", "CommunicationUserIdentifier",
                "phoneNumber", "PhoneNumberIdentifier", "microsoftTeamsUser", "MicrosoftTeamsUserIdentifier",
                "microsoftTeamsApp", "UnknownIdentifier", "teamsExtensionUser", "CommunicationUserIdentifier",
                "unknown", "UnknownIdentifier");
        for (JsonNode entry : JSON.readTree(new File(System.getenv("INTEROP_IDENTIFIERS")))) {
            String rawId = entry.get("rawId").asText();
            CommunicationIdentifier identifier = CommunicationIdentifier.fromRawId(rawId);
            checks.equal("kind of " + rawId, identifier.getClass().getSimpleName(), classes.get(entry.get("kind").asText()));
            checks.equal("raw ID of " + rawId, identifier.getRawId(), rawId);
        }
    }

    private static void tokenCredential(Checks checks) throws Exception {
        AccessToken token = Client.of(withConnectionString().buildClient()).createUserAndToken(scopes("chat"), null).getUserToken();
        try (CommunicationTokenCredential credential = new CommunicationTokenCredential(token.getToken())) {
            AccessToken read = credential.getToken().block();
            checks.equal("expiry that the credential reads", read.getExpiresAt().toEpochSecond(), token.getExpiresAt().toEpochSecond());
        }
    }

    private static List<CommunicationTokenScope> scopes(String... names) {
        return Arrays.stream(names).map(CommunicationTokenScope::fromString).toList();
    }

    /** Returns why a token is not valid, null if it is. */
    private static String reason(AccessToken token) throws Exception {
        return Checks.text(Emulator.inspect(token.getToken()), "reason");
    }
}
