"use strict";
// Judges the emulator, and the Go library's identifiers, by @azure/communication-common.

const { readFileSync } = require("node:fs");
const common = require("@azure/communication-common");
const { CommunicationIdentityClient } = require("@azure/communication-identity");
const { UsernamePasswordCredential } = require("@azure/identity");
const { Checks, versionOf } = require("./checks.js");
const emulator = require("./emulator.js");

async function run(checks) {
  await checks.section("identifiers", () => identifiers(checks));
  await checks.section("token credential", () => tokenCredential(checks));
  for (const [operation, scope] of Object.entries(exchanges)) {
    for (const resourceEndpoint of [emulator.endpoint, `${emulator.endpoint}/`]) {
      await checks.section(operation, () => entraCredential(checks, resourceEndpoint, scope, operation));
    }
  }
}

const exchanges = {
  ExchangeEntraToken: "https://communication.azure.com/clients/.default",
  ExchangeTeamsExtensionToken: "https://auth.msft.communication.azure.com/TeamsExtension.ManageCalls",
};

function identifiers(checks) {
  const fromGo = JSON.parse(readFileSync(process.env.INTEROP_IDENTIFIERS, "utf8"));
  for (const { rawId, kind, wire } of fromGo) {
    const identifier = common.createIdentifierFromRawId(rawId);
    checks.equal(`kind of "${rawId}"`, identifier.kind, kind);
    checks.equal(`raw ID of "${rawId}"`, common.getIdentifierRawId(identifier), rawId);
    const ours = common.deserializeCommunicationIdentifier(wire);
    checks.equal(`"${rawId}" from Go's JSON`, common.getIdentifierRawId(ours), rawId);
    const theirs = JSON.parse(JSON.stringify(common.serializeCommunicationIdentifier(identifier)));
    checks.equal(`JSON of "${rawId}"`, withDefaults(wire), withDefaults(theirs));
  }
}

// withDefaults adds what Go leaves out of the JSON because it is the default.
function withDefaults(wire) {
  const filled = structuredClone(wire);
  for (const model of [filled.phoneNumber, filled.microsoftTeamsUser].filter(Boolean)) {
    model.isAnonymous ??= false;
  }
  for (const model of [filled.microsoftTeamsUser, filled.microsoftTeamsApp, filled.teamsExtensionUser].filter(Boolean)) {
    model.cloud ??= "public";
  }
  return filled;
}

async function tokenCredential(checks) {
  const client = new CommunicationIdentityClient(emulator.connectionString);
  const { user, token, expiresOn } = await client.createUserAndToken(["chat"]);
  let refreshes = 0;
  const tokenRefresher = async () => {
    refreshes++;
    return (await client.getToken(user, ["chat"])).token;
  };

  const valid = new common.AzureCommunicationTokenCredential({ tokenRefresher, token });
  const read = await valid.getToken();
  checks.equal("expiry that the credential reads", read.expiresOnTimestamp, Math.floor(expiresOn / 1000) * 1000);
  checks.equal("no refresh of a valid token", [read.token === token, refreshes], [true, 0]);
  valid.dispose();

  const empty = new common.AzureCommunicationTokenCredential({ tokenRefresher });
  const fresh = await empty.getToken();
  checks.equal("first token", [(await emulator.inspect(fresh.token)).rawId, refreshes], [user.communicationUserId, 1]);
  checks.equal("the token is kept", [(await empty.getToken()).token === fresh.token, refreshes], [true, 1]);
  const together = new common.AzureCommunicationTokenCredential({ tokenRefresher });
  const both = await Promise.all([together.getToken(), together.getToken()]);
  checks.equal("one refresh for two callers", [both[0].token === both[1].token, refreshes], [true, 2]);
  empty.dispose();
  together.dispose();

  const expired = await expiredToken(client, user);
  const due = new common.AzureCommunicationTokenCredential({ tokenRefresher, token: expired });
  const replaced = await due.getToken();
  checks.equal("an expired token is replaced", [(await emulator.inspect(replaced.token)).valid, refreshes], [true, 3]);
  due.dispose();
  const rejected = new common.AzureCommunicationTokenCredential({ tokenRefresher: async () => expired });
  await expectError(checks, "an expired token from the refresher", () => rejected.getToken(), /expired/);
}

async function expiredToken(client, user) {
  let expired;
  await emulator.withClock("-25h", async () => {
    expired = (await client.getToken(user, ["chat"])).token;
  });
  return expired;
}

async function expectError(checks, name, call, pattern) {
  try {
    await call();
    checks.check(name, false, "the call did not fail");
  } catch (error) {
    checks.check(name, pattern.test(error.message), error.message);
  }
}

// entraCredential exchanges the token of a user who signed in at the emulator. For an endpoint with a slash at the end the
// library requests //access/...
async function entraCredential(checks, resourceEndpoint, scope, operation) {
  const signIn = new UsernamePasswordCredential(
    "adfs", "57000000-0000-4000-8000-00000000000a", "user@contoso.example", "any password",
    { authorityHost: emulator.endpoint });
  await emulator.clearRequests();
  const credential = new common.AzureCommunicationTokenCredential({
    resourceEndpoint, tokenCredential: signIn, scopes: [scope],
  });
  const first = await credential.getToken();
  const second = await credential.getToken();
  const inspected = await emulator.inspect(first.token);
  checks.equal(`${operation}: valid`, inspected.valid, true);
  checks.check(`${operation}: user`, inspected.rawId.startsWith(`8:acs:${await emulator.resourceId()}_`), inspected.rawId);
  checks.equal(`${operation}: expiry`, Math.floor(first.expiresOnTimestamp / 1000), Date.parse(inspected.expiresOn) / 1000);
  checks.equal(`${operation}: kept`, second.token, first.token);
  const sent = (await emulator.requests()).filter((request) => request.operation === operation);
  checks.equal(`${operation}: exchanges`, sent.map((request) => request.status), [200]);
  credential.dispose();

  const expired = await emulator.entraToken({ expiresOn: "2024-01-01T00:00:00Z" });
  const rejected = new common.AzureCommunicationTokenCredential({
    resourceEndpoint,
    tokenCredential: { getToken: async () => ({ token: expired, expiresOnTimestamp: 0 }) },
    scopes: [scope],
  });
  const pattern = /Status: 401.*InvalidAccessToken/;
  await expectError(checks, `${operation}: expired Entra token`, () => rejected.getToken(), pattern);
}

module.exports = {
  newChecks: () => new Checks("@azure/communication-common", versionOf("@azure/communication-common")),
  run,
};
