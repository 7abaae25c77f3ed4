// The page of development. It holds the caller's JWT and the access token in memory only.

const element = (id) => document.getElementById(id);

let callerToken = "";
let expiresOn = 0;

const say = (id, text, bad = false) => {
  element(id).textContent = text;
  element(id).classList.toggle("bad", bad);
};

// call returns the status and the decoded body of a response. It throws problem documents.
async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: { "content-type": "application/json", ...(callerToken && { authorization: `Bearer ${callerToken}` }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (response.ok) return { status: response.status, body: text ? JSON.parse(text) : undefined };
  let problem = { title: text.trim(), code: response.status };
  try { problem = JSON.parse(text); } catch { /* plain text */ }
  throw new Error(`${problem.title} (${problem.code})${problem.detail ? `: ${problem.detail}` : ""}`);
}

function claimsOf(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

function forgetToken() {
  expiresOn = 0;
  element("token").hidden = true;
  for (const id of ["token-text", "identity"]) element(id).value = "";
  for (const id of ["granted", "claims", "countdown"]) element(id).textContent = "";
}

function showToken(response) {
  const claims = claimsOf(response.token);
  expiresOn = response.expiresOnTimestamp;
  element("token-text").value = response.token;
  element("identity").value = response.user.communicationUserId;
  element("granted").textContent = claims.acsScope;
  element("claims").textContent = JSON.stringify(claims, null, 2);
  element("token").hidden = false;
  tick();
}

function tick() {
  if (!expiresOn) return;
  const seconds = Math.max(0, Math.round((expiresOn - Date.now()) / 1000));
  const pad = (number) => String(number).padStart(2, "0");
  element("countdown").textContent = `${Math.floor(seconds / 3600)}:${pad(Math.floor(seconds / 60) % 60)}:${pad(seconds % 60)}`;
}
setInterval(tick, 1000);

// handle runs an action. After a failure it shows why, and calls undo.
const handle = (message, action, undo = () => {}) => async (event) => {
  event.preventDefault();
  try {
    await action(event);
  } catch (error) {
    undo();
    say(message, error.message, true);
  }
};

element("sign-in").addEventListener("submit", handle("signed-in", async () => {
  const subject = element("subject").value;
  const roles = element("roles").value.split(",").map((role) => role.trim()).filter(Boolean);
  callerToken = (await call("POST", "/dev/sign-in", { subject, roles })).body.token;
  element("get").disabled = element("revoke").disabled = false;
  forgetToken();
  say("message", "");
  say("signed-in", `Signed in as ${subject}${roles.length ? ` with ${roles.join(", ")}` : ""}.`);
  await showSnippet();
}));

element("get-token").addEventListener("submit", handle("message", async () => {
  const scopes = [...document.querySelectorAll("#scopes :checked")].map((box) => box.value);
  showToken((await call("POST", "/v1/token", scopes.length ? { scopes } : undefined)).body);
  say("message", "A new token was issued.");
}, forgetToken));

element("revoke").addEventListener("click", handle("message", async () => {
  await call("POST", "/v1/sign-out");
  forgetToken();
  say("message", "All tokens are revoked. Sign in again to get another one.");
}));

// What administrators can do with a user, and what to say when it is done.
const actions = {
  show: { method: "GET", path: "", done: "" },
  create: { method: "PUT", path: "", done: "The user has an identity." },
  revoke: { method: "POST", path: "/revoke", done: "All tokens of the user are revoked." },
  block: { method: "POST", path: "/block", done: "The user is blocked." },
  unblock: { method: "POST", path: "/unblock", done: "The user is not blocked." },
  delete: { method: "DELETE", path: "", done: "The identity is deleted." },
};

function showUser(user) {
  element("user").hidden = !user;
  if (!user) return;
  element("user-subject").textContent = user.subject;
  element("user-identity").textContent = user.user?.communicationUserId ?? "none";
  element("user-blocked").textContent = user.blocked ? "yes" : "no";
}

element("manage").addEventListener("submit", handle("managed", async (event) => {
  const { method, path, done } = actions[event.submitter?.value ?? "show"];
  const target = encodeURIComponent(element("target").value);
  const isIdentity = method === "GET" && element("target").value.startsWith("8:acs:");
  const { status, body } = await call(method, isIdentity ? `/v1/users?acs_id=${target}` : `/v1/users/${target}${path}`);
  showUser(body);
  say("managed", status === 202 ? `${done} Communication Services has not done its part yet.` : done);
}, showUser));

// showSnippet shows what a page needs to get tokens from this server.
async function showSnippet() {
  const refresher = await (await fetch("token-refresher.js")).text();
  element("snippet").textContent = `import { AzureCommunicationTokenCredential } from "@azure/communication-common";

// Development: anyone can sign in. In production, return the JWT of your identity provider.
async function signIn() {
  const response = await fetch("${location.origin}/dev/sign-in", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: ${JSON.stringify(JSON.stringify({ subject: element("subject").value }))},
  });
  return (await response.json()).token;
}

${refresher.trim().replace("export function", "function")}

export const credential = new AzureCommunicationTokenCredential({
  tokenRefresher: createTokenRefresher("${location.origin}", signIn),
  refreshProactively: true,
});
`;
}
showSnippet();

let hideCopied;
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", async () => {
    const source = element(button.dataset.copy);
    say("copied", "");
    let text = "Copied.";
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
    } catch {
      text = "The browser does not allow copying: select the text instead.";
    }
    say("copied", text);
    clearTimeout(hideCopied);
    hideCopied = setTimeout(() => say("copied", ""), 2000);
  });
}
