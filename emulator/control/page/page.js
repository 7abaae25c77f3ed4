// The page of the emulator's control API. It builds elements from text only, because requests hold what clients sent.

const maxRows = 200;
const byID = (id) => document.getElementById(id);

let info = {};
let users = [];
let requests = [];
let offset = 0; // of the clock, in milliseconds

async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: body === undefined ? {} : { "Content-Type": "application/json" },
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  const text = await response.text();
  const result = text === "" ? undefined : JSON.parse(text);
  if (!response.ok) {
    throw new Error(result.error.message);
  }
  return result;
}

// attempt runs a function and shows its error.
async function attempt(work) {
  try {
    await work();
    byID("failure").hidden = true;
  } catch (error) {
    byID("failure").textContent = error.message;
    byID("failure").hidden = false;
  }
}

function element(name, text, className = "") {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}

function row(...cells) {
  const made = document.createElement("tr");
  for (const cell of cells) {
    const td = document.createElement("td");
    td.append(...[cell].flat());
    made.append(td);
  }
  return made;
}

function showInfo() {
  byID("version").textContent = info.version;
  byID("resource").textContent = info.resourceId;
  byID("connection-string").textContent = info.connectionString.replace(/(accesskey=).*$/, "$1••••••••");
}

function showUsers() {
  const filter = byID("user-filter").value.trim().toLowerCase();
  const matches = users.filter((user) => `${user.id}\n${user.customId ?? ""}`.toLowerCase().includes(filter));
  const shown = matches.slice(-maxRows).reverse();
  byID("user-count").textContent = count(shown.length, users.length);
  byID("user-rows").replaceChildren(
    ...shown.map((user) => row(user.id, user.customId ?? "", String(user.tokensIssued), localTime(user.lastTokenIssuedAt))),
  );
}

function showRequests() {
  const shown = requests.slice(-maxRows).reverse();
  byID("request-count").textContent = count(shown.length, requests.length);
  byID("request-rows").replaceChildren(...shown.map(requestRow));
}

function requestRow(request) {
  const details = [element("span", `${request.method} ${request.operation}`), element("small", request.uri)];
  if (request.error) {
    details.push(element("small", request.error, "bad"));
  }
  const isGood = request.status > 0 && request.status < 400;
  const status = element("span", request.status || "closed", isGood ? "good" : "bad");
  return row(new Date(request.time).toLocaleTimeString(), details, status, `${request.durationMs} ms`);
}

function count(shown, all) {
  return shown === all ? String(all) : `${shown} of ${all}`;
}

function localTime(text) {
  return text ? new Date(text).toLocaleString(undefined, { dateStyle: "short", timeStyle: "medium" }) : "";
}

// milliseconds reads a duration as Go writes it, like "-2h0m1.5s".
function milliseconds(text) {
  const units = { h: 3600000, m: 60000, s: 1000, ms: 1, "µs": 0.001, ns: 0.000001 };
  let sum = 0;
  for (const [, number, unit] of text.matchAll(/([0-9.]+)(h|ms|m|s|µs|ns)/g)) {
    sum += Number(number) * units[unit];
  }
  return text.startsWith("-") ? -sum : sum;
}

function showNow() {
  const now = new Date(Date.now() + offset);
  byID("now").dateTime = now.toISOString();
  byID("now").textContent = localTime(now);
}

async function loadClock() {
  const clock = await call("GET", "clock");
  offset = milliseconds(clock.offset);
  byID("offset").textContent = clock.offset;
  showNow();
}

async function setClock(text) {
  await call("PUT", "clock", { offset: text });
  await loadClock();
}

async function loadFaults() {
  const faults = await call("GET", "faults");
  byID("fault-list").replaceChildren(...faults.map((fault) => element("li", describeFault(fault))));
}

function describeFault({ operation, times, header, ...rest }) {
  const target = `${operation ?? "any operation"}, ${times ? `${times} left` : "until cleared"}`;
  const effects = Object.entries(rest).map(([name, value]) => `${name} ${value}`);
  const headers = Object.entries(header ?? {}).map(([name, values]) => `${name}: ${values.join(", ")}`);
  return [target, ...effects, ...headers].join("; ");
}

async function loadUsers() {
  users = await call("GET", "users");
  showUsers();
}

async function loadRequests() {
  requests = await call("GET", "requests");
  showRequests();
}

async function loadAll() {
  info = await call("GET", "info");
  showInfo();
  await Promise.all([loadClock(), loadFaults(), loadUsers(), loadRequests()]);
}

// throttled returns a function that runs work soon, and never twice at a time or more often than the interval allows.
function throttled(work, interval) {
  let isDue = false;
  let isBusy = false;
  const run = async () => {
    isBusy = true;
    while (isDue) {
      isDue = false;
      await attempt(work);
      await new Promise((resolve) => setTimeout(resolve, interval));
    }
    isBusy = false;
  };
  return () => {
    isDue = true;
    if (!isBusy) {
      run();
    }
  };
}

const refreshRequests = throttled(loadRequests, 100);
const refreshUsers = throttled(loadUsers, 1000);
const refreshFaults = throttled(loadFaults, 500);

// watch reloads what a request may have changed. The browser connects again by itself.
function watch() {
  const events = new EventSource("events");
  events.onopen = () => {
    showLive(true);
    attempt(loadAll);
  };
  events.onerror = () => showLive(false);
  events.onmessage = () => {
    refreshRequests();
    refreshUsers();
    refreshFaults();
  };
}

function showLive(isLive) {
  byID("live").textContent = isLive ? "Live" : "Disconnected";
  byID("live").className = isLive ? "on" : "";
}

// fields returns the values of a form that are not empty.
function fields(form) {
  return Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim() !== ""));
}

function faultOf(form) {
  const fault = fields(form);
  for (const name of ["times", "status", "truncate"]) {
    if (name in fault) {
      fault[name] = Number(fault[name]);
    }
  }
  if ("header" in fault) {
    fault.header = headerOf(fault.header);
  }
  return fault;
}

function headerOf(text) {
  const header = {};
  for (const line of text.split("\n").filter((line) => line.trim() !== "")) {
    const [name, ...value] = line.split(":");
    (header[name.trim()] ??= []).push(value.join(":").trim());
  }
  return header;
}

async function inspect(form) {
  const result = await call("POST", "inspect-token", { token: new FormData(form).get("token").trim() });
  const rows = [
    ["Token", result.valid ? "valid" : result.reason],
    ["User", result.rawId],
    ["Scopes", result.scopes?.join(", ")],
    ["Issued on", result.issuedOn],
    ["Expires on", result.expiresOn],
  ].filter(([, value]) => value !== undefined);
  byID("inspected").replaceChildren(
    ...rows.flatMap(([name, value]) => [element("dt", name), element("dd", value)]),
  );
}

async function createEntraToken(form) {
  const { token } = await call("POST", "entra-tokens", fields(form));
  byID("entra-token").textContent = token;
  byID("copy-entra-token").hidden = false;
}

async function copy(button, text) {
  await navigator.clipboard.writeText(text);
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

function onSubmit(id, work) {
  byID(id).addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() => work(event.target));
  });
}

function onClick(id, work) {
  byID(id).addEventListener("click", (event) => attempt(() => work(event.target)));
}

onClick("copy-connection-string", (button) => copy(button, info.connectionString));
onClick("copy-entra-token", (button) => copy(button, byID("entra-token").textContent));
onSubmit("clock-form", (form) => setClock(form.elements.offset.value.trim()));
onClick("clock-reset", () => setClock("0s"));
for (const button of document.querySelectorAll("[data-advance]")) {
  button.addEventListener("click", () => {
    attempt(() => setClock(`${offset / 1000 + 3600 * Number(button.dataset.advance)}s`));
  });
}
onSubmit("fault-form", async (form) => {
  await call("POST", "faults", faultOf(form));
  await loadFaults();
});
onClick("clear-faults", async () => {
  await call("DELETE", "faults");
  await loadFaults();
});
onSubmit("inspect-form", inspect);
onSubmit("entra-form", createEntraToken);
onClick("clear-requests", async () => {
  await call("DELETE", "requests");
  await loadRequests();
});
byID("user-filter").addEventListener("input", showUsers);
setInterval(showNow, 1000);
watch();
