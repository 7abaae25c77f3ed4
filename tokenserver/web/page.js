// The page of development mode. It holds the caller's JWT and the access token in memory only.

const element = (id) => document.getElementById(id);

let callerToken = "";
let expiresOn = 0;

const say = (text, bad = false) => {
  element("message").textContent = text;
  element("message").classList.toggle("bad", bad);
};

// post returns the decoded response, or undefined for a response without a body. It throws problem documents.
async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json", ...(callerToken && { authorization: `Bearer ${callerToken}` }) },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  if (response.ok) return text ? JSON.parse(text) : undefined;
  let problem = { title: text.trim(), code: response.status };
  try { problem = JSON.parse(text); } catch { /* plain text */ }
  throw new Error(`${problem.title} (${problem.code})`);
}

function claimsOf(token) {
  const payload = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
  const bytes = Uint8Array.from(atob(payload), (character) => character.charCodeAt(0));
  return JSON.parse(new TextDecoder().decode(bytes));
}

function forgetToken() {
  expiresOn = 0;
  element("token").hidden = true;
}

function showToken(response) {
  const claims = claimsOf(response.token);
  expiresOn = response.expiresOnTimestamp;
  element("identity").textContent = response.user.communicationUserId;
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

// handle runs the action of a form or button, and shows what goes wrong.
const handle = (action) => async (event) => {
  event.preventDefault();
  try {
    await action();
  } catch (error) {
    say(error.message, true);
  }
};

element("sign-in").addEventListener("submit", handle(async () => {
  const subject = element("subject").value;
  const roles = element("roles").value.split(",").map((role) => role.trim()).filter(Boolean);
  callerToken = (await post("/dev/sign-in", { subject, roles })).token;
  element("signed-in").textContent = `Signed in as ${subject}${roles.length ? ` with ${roles.join(", ")}` : ""}.`;
  element("get").disabled = element("revoke").disabled = false;
  forgetToken();
  say("");
}));

element("get-token").addEventListener("submit", handle(async () => {
  const scopes = [...document.querySelectorAll("#scopes :checked")].map((box) => box.value);
  showToken(await post("/v1/token", scopes.length ? { scopes } : undefined));
  say("A new token was issued.");
}));

element("revoke").addEventListener("click", handle(async () => {
  await post("/v1/sign-out");
  forgetToken();
  say("All tokens are revoked. Sign in again to get another one.");
}));
