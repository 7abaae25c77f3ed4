"use strict";
// Judges the emulator by the older lines of @azure/communication-identity, each with its own API version.

const { Checks, versionOf } = require("./checks.js");
const emulator = require("./emulator.js");

const apiVersions = { "1.0.0": "2021-03-07", "1.1.0": "2022-06-01", "1.2.0": "2022-10-01" };
const foreignUser = {
  communicationUserId: "8:acs:57000000-0000-4000-8000-00000000000c_57000000-0000-4000-8000-00000000000d",
};

async function main() {
  for (const [line, apiVersion] of Object.entries(apiVersions)) {
    const name = `identity-${line}`;
    const { CommunicationIdentityClient } = require(name);
    await emulator.clearRequests();
    const checks = new Checks("@azure/communication-identity", versionOf(name));
    await checks.section("basics", () => basics(checks, new CommunicationIdentityClient(emulator.connectionString)));
    const sent = (await emulator.requests()).map((r) => /api-version=(.*)/.exec(r.uri)?.[1]);
    checks.equal("API versions", [...new Set(sent)], [apiVersion]);
    checks.print();
  }
}

async function basics(checks, client) {
  const user = await client.createUser();
  const { token } = await client.getToken(user, ["chat", "voip"]);
  checks.equal("token", (await emulator.inspect(token)).rawId, user.communicationUserId);
  checks.equal("scopes", (await emulator.inspect(token)).scopes, ["chat", "voip"]);
  const both = await client.createUserAndToken(["voip"]);
  checks.equal("token of a new user", (await emulator.inspect(both.token)).rawId, both.user.communicationUserId);
  checks.within("lifetime", both.expiresOn, 1440);
  await client.revokeTokens(user);
  checks.equal("revoked", (await emulator.inspect(token)).reason, "revoked");
  await client.deleteUser(user);
  checks.check("deleted", (await emulator.users()).every((u) => u.id !== user.communicationUserId));
  for (const call of [() => client.getToken(foreignUser, ["chat"]), () => client.deleteUser(foreignUser)]) {
    await checks.rejects("another resource's user", call, { status: 401, code: "IdentityNotOwned" });
  }
}

main();
