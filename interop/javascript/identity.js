"use strict";
// Judges the emulator by @azure/communication-identity.

const { AzureKeyCredential } = require("@azure/core-auth");
const { CommunicationIdentityClient } = require("@azure/communication-identity");
const { ClientSecretCredential } = require("@azure/identity");
const { Checks, versionOf } = require("./checks.js");
const emulator = require("./emulator.js");
const errors = require("../errors.json");

const allScopes = ["chat", "voip", "chat.join", "chat.join.limited", "voip.join"];
const appId = "57000000-0000-4000-8000-00000000000a";
const userId = "57000000-0000-4000-8000-00000000000b";
const foreignUser = {
  communicationUserId: "8:acs:57000000-0000-4000-8000-00000000000c_57000000-0000-4000-8000-00000000000d",
};

const retryOptions = { maxRetries: 3, retryDelayInMs: 1, maxRetryDelayInMs: 10 };

function newClient(options = {}) {
  return new CommunicationIdentityClient(emulator.connectionString, { retryOptions, ...options });
}

async function run(checks) {
  const clients = {
    "connection string": newClient(),
    "access key": new CommunicationIdentityClient(emulator.endpoint, new AzureKeyCredential(emulator.accessKey)),
    "access key, endpoint with a slash": new CommunicationIdentityClient(`${emulator.endpoint}/`, new AzureKeyCredential(emulator.accessKey)),
    "token credential": new CommunicationIdentityClient(emulator.endpoint, newCredential()),
    "token credential, endpoint with a slash": new CommunicationIdentityClient(`${emulator.endpoint}/`, newCredential()),
  };
  for (const [name, client] of Object.entries(clients)) {
    await checks.section(`by ${name}`, () => operations(checks, name, client));
  }
  const client = clients["connection string"];
  await checks.section("scopes and lifetimes", () => tokens(checks, client));
  await checks.section("ends of tokens", () => endsOfTokens(checks, client));
  await checks.section("errors", () => rejections(checks, client));
  await checks.section("wrong key", () => wrongKey(checks));
  await checks.section("headers", () => headers(checks));
  await checks.section("faults", () => faults(checks, client));
}

function newCredential() {
  const options = { authorityHost: emulator.endpoint };
  return new ClientSecretCredential("adfs", appId, "any secret", options);
}

async function operations(checks, by, client) {
  const user = await client.createUser();
  const id = user.communicationUserId;
  checks.check(`${by}: user ID`, id.startsWith(`8:acs:${await emulator.resourceId()}_`), id);
  checks.check(`${by}: the user exists`, (await emulator.users()).some((u) => u.id === id));

  const token = await client.getToken(user, ["chat"]);
  const inspected = await emulator.inspect(token.token);
  checks.equal(`${by}: token`, [inspected.valid, inspected.rawId, inspected.scopes], [true, id, ["chat"]]);
  checks.equal(`${by}: expiry`, Math.floor(token.expiresOn / 1000), Date.parse(inspected.expiresOn) / 1000);

  await client.revokeTokens(user);
  checks.equal(`${by}: revoked`, (await emulator.inspect(token.token)).reason, "revoked");
  const next = await client.getToken(user, ["voip"]);
  checks.equal(`${by}: token after the revocation`, (await emulator.inspect(next.token)).valid, true);

  const both = await client.createUserAndToken(["chat", "voip"]);
  const bothInspected = await emulator.inspect(both.token);
  checks.equal(`${by}: user of the token`, bothInspected.rawId, both.user.communicationUserId);
  checks.equal(`${by}: scopes of both`, bothInspected.scopes, ["chat", "voip"]);

  await client.deleteUser(user);
  checks.check(`${by}: the user is gone`, (await emulator.users()).every((u) => u.id !== id));
  await client.deleteUser(user);
  checks.equal(`${by}: the user's token`, (await emulator.inspect(next.token)).reason, "userDeleted");

  const teamsUserAadToken = await emulator.entraToken({ appId, objectId: userId });
  const teams = await client.getTokenForTeamsUser({ teamsUserAadToken, clientId: appId, userObjectId: userId });
  checks.equal(`${by}: Teams user`, (await emulator.inspect(teams.token)).rawId, `8:orgid:${userId}`);
  checks.within(`${by}: Teams user's expiry`, teams.expiresOn, 75);
}

async function tokens(checks, client) {
  const user = await client.createUser();
  for (const scopes of [...allScopes.map((scope) => [scope]), allScopes]) {
    const { token } = await client.getToken(user, scopes);
    checks.equal(`scopes ${scopes}`, (await emulator.inspect(token)).scopes, scopes);
    const created = await client.createUserAndToken(scopes);
    checks.equal(`new user with ${scopes}`, (await emulator.inspect(created.token)).scopes, scopes);
  }
  for (const tokenExpiresInMinutes of [60, 61, 720, 1440]) {
    const token = await client.getToken(user, ["chat"], { tokenExpiresInMinutes });
    checks.within(`${tokenExpiresInMinutes} minutes`, token.expiresOn, tokenExpiresInMinutes);
    const created = await client.createUserAndToken(["chat"], { tokenExpiresInMinutes });
    checks.within(`new user, ${tokenExpiresInMinutes} minutes`, created.expiresOn, tokenExpiresInMinutes);
  }
  checks.within("default lifetime", (await client.getToken(user, ["chat"])).expiresOn, 1440);
}

async function endsOfTokens(checks, client) {
  const { token, user } = await client.createUserAndToken(["chat"], { tokenExpiresInMinutes: 60 });
  await emulator.withClock("59m", async () => {
    checks.equal("valid after 59 minutes", (await emulator.inspect(token)).valid, true);
  });
  await emulator.withClock("61m", async () => {
    checks.equal("expired after 61 minutes", (await emulator.inspect(token)).reason, "expired");
    const later = await client.getToken(user, ["chat"]);
    checks.within("a token of the moved clock", later.expiresOn, 1440 + 61);
  });
  checks.equal("altered", (await emulator.inspect(token.slice(0, -8) + "AAAAAAAA")).reason, "malformed");
}

async function rejections(checks, client) {
  const own = await client.createUser();
  const deleted = await client.createUser();
  await client.deleteUser(deleted);
  const malformed = { communicationUserId: own.communicationUserId.slice(0, -1) };
  const known = { own, deleted, malformed, foreign: foreignUser };
  const tokens = {
    valid: await emulator.entraToken({ appId, objectId: userId }),
    expired: await emulator.entraToken({ appId, objectId: userId, expiresOn: "2024-01-01T00:00:00Z" }),
  };
  const calls = {
    createUserAndToken: (c) => client.createUserAndToken(c.scopes, { tokenExpiresInMinutes: c.minutes }),
    getToken: (c) => client.getToken(known[c.user], c.scopes, { tokenExpiresInMinutes: c.minutes }),
    revokeTokens: (c) => client.revokeTokens(known[c.user]),
    deleteUser: (c) => client.deleteUser(known[c.user]),
    getTokenForTeamsUser: (c) => client.getTokenForTeamsUser({
      teamsUserAadToken: c.token === "{expired}" ? tokens.expired : c.token ?? tokens.valid,
      clientId: c.appId ?? appId,
      userObjectId: c.userId ?? userId,
    }),
  };
  for (const c of errors.filter((c) => !c.skip?.javascript)) {
    const { status, code, message, target } = c;
    await checks.rejects(c.name, () => calls[c.call](c), { status, code, message, target });
  }
}

async function wrongKey(checks) {
  const key = Buffer.alloc(64, 7).toString("base64");
  const client = new CommunicationIdentityClient(emulator.endpoint, new AzureKeyCredential(key));
  const denied = { status: 401, code: "Denied" };
  await checks.rejects("wrong key: create", () => client.createUser(), denied);
  await checks.rejects("wrong key: another resource's user", () => client.deleteUser(foreignUser), denied);
  await checks.rejects("wrong key: invalid scopes", () => client.getToken(foreignUser, []), denied);
}

async function headers(checks) {
  let seen;
  const onResponse = (response) => (seen = response);
  const client = newClient();
  const user = await client.createUser({ onResponse });
  checks.equal("status of create", seen.status, 201);
  checks.equal("content type", seen.headers.get("content-type"), "application/json; charset=utf-8");
  checks.equal("request ID", seen.headers.get("x-ms-client-request-id"), seen.request.requestId);
  checks.check("supported versions", /\b2022-10-01, 2023-10-01\b/.test(seen.headers.get("api-supported-versions")));
  checks.equal("body", Object.keys(JSON.parse(seen.bodyAsText)), ["identity"]);
  await client.getToken(user, ["chat"], { onResponse });
  checks.equal("status of token", seen.status, 200);
  const expiry = /"expiresOn":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,7})?\+00:00"}$/;
  checks.check("form of the expiry", expiry.test(seen.bodyAsText), seen.bodyAsText.replace(/"token":"[^"]*"/, ""));
  await client.revokeTokens(user, { onResponse });
  checks.equal("status of revoke", [seen.status, seen.bodyAsText], [204, ""]);
  await client.deleteUser(user, { onResponse });
  checks.equal("status of delete", [seen.status, seen.bodyAsText], [204, ""]);
}

async function faults(checks, client) {
  const before = (await emulator.users()).length;
  await emulator.clearRequests();
  await emulator.inject({ operation: "CreateUser", status: 503, header: { "Retry-After": ["0"] } });
  await client.createUser();
  checks.equal("503, then a retry", (await statuses()), [503, 201]);
  checks.equal("users after the 503", (await emulator.users()).length, before + 1);

  const user = await client.createUser();
  await emulator.clearRequests();
  await emulator.inject({ operation: "GetToken", drop: "before" });
  const token = await client.getToken(user, ["chat"]);
  checks.equal("a retry after a lost request", (await emulator.inspect(token.token)).valid, true);
  checks.equal("requests with the lost one", (await statuses()).length, 2);

  await emulator.inject({ operation: "CreateUser", drop: "after" });
  await client.createUser();
  checks.equal("users after a lost response", (await emulator.users()).length, before + 4);

  await emulator.inject({ operation: "DeleteUser", status: 429, times: 2, header: { "Retry-After": ["0"] } });
  await client.deleteUser(user);
  checks.check("deleted after two 429", (await emulator.users()).every((u) => u.id !== user.communicationUserId));
}

const statuses = async () => (await emulator.requests()).map((request) => request.status);

module.exports = {
  newChecks: () => new Checks("@azure/communication-identity", versionOf("@azure/communication-identity")),
  run,
};
