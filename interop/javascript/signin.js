"use strict";
// Signs in at the emulator by @azure/identity, and creates users with the tokens.

const identity = require("@azure/identity");
const { CommunicationIdentityClient } = require("@azure/communication-identity");
const { Checks, versionOf } = require("./checks.js");
const emulator = require("./emulator.js");

const clientId = "57000000-0000-4000-8000-00000000000a";
const scope = "https://communication.azure.com//.default";

async function run(checks) {
  const options = { authorityHost: emulator.endpoint };
  Object.assign(process.env, {
    AZURE_CLIENT_ID: clientId,
    AZURE_CLIENT_SECRET: "any secret",
  });
  const credentials = {
    DefaultAzureCredential: new identity.DefaultAzureCredential(),
    EnvironmentCredential: new identity.EnvironmentCredential(),
    ClientSecretCredential: new identity.ClientSecretCredential("adfs", clientId, "any secret", options),
    UsernamePasswordCredential:
      new identity.UsernamePasswordCredential("adfs", clientId, "user@contoso.example", "any password", options),
  };
  for (const [name, credential] of Object.entries(credentials)) {
    await checks.section(name, () => signIn(checks, name, credential));
  }
}

async function signIn(checks, name, credential) {
  await emulator.clearRequests();
  const token = await credential.getToken(scope);
  checks.within(`${name}: expiry`, new Date(token.expiresOnTimestamp), 60);
  const claims = JSON.parse(Buffer.from(token.token.split(".")[1], "base64url"));
  checks.equal(`${name}: application`, claims.appid, clientId);
  const again = await credential.getToken(scope);
  checks.equal(`${name}: the token is cached`, again.token, token.token);
  const signIns = (await emulator.requests()).filter((r) => r.method === "POST" && r.operation === "EntraToken");
  checks.equal(`${name}: sign-ins`, signIns.map((r) => r.status), [200]);

  const client = new CommunicationIdentityClient(emulator.endpoint, credential);
  const user = await client.createUser();
  const issued = await client.getToken(user, ["voip"]);
  checks.equal(`${name}: user`, (await emulator.inspect(issued.token)).rawId, user.communicationUserId);
}

module.exports = { newChecks: () => new Checks("@azure/identity", versionOf("@azure/identity")), run };
