// The page of the emulator's control API.

import { call } from "./api.js";
import { loadClock } from "./clock.js";
import { byID, copy, onClick } from "./dom.js";
import { loadFaults } from "./faults.js";
import { loadRequests } from "./requests.js";
import "./tokens.js";
import { loadUsers } from "./users.js";

let info = {};

async function loadInfo() {
  info = await call("GET", "info");
  byID("version").textContent = info.version;
  byID("resource").textContent = info.resourceId;
  byID("connection-string").textContent = info.connectionString.replace(/(accesskey=).*$/, "$1••••••••");
}

async function loadAll() {
  await loadInfo();
  await Promise.all([loadClock(), loadFaults(), loadUsers(), loadRequests()]);
}

// refresh runs work that the page does by itself, and shows its error at the top.
async function refresh(work) {
  try {
    await work();
    byID("failure").textContent = "";
  } catch (error) {
    byID("failure").textContent = error.message;
  }
}

// throttled returns a function that runs work soon, never twice at a time, and for at most a fifth of the time.
function throttled(work, interval) {
  let isDue = false;
  let isBusy = false;
  const run = async () => {
    isBusy = true;
    while (isDue) {
      isDue = false;
      const started = performance.now();
      await refresh(work);
      const pause = Math.max(interval, 4 * (performance.now() - started));
      await new Promise((resolve) => setTimeout(resolve, pause));
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
const refreshTools = throttled(() => Promise.all([loadFaults(), loadClock()]), 500);

// watch follows the requests, and reloads what they may have changed. The browser connects again by itself.
function watch() {
  const events = new EventSource("events");
  events.onopen = () => {
    showLive(true);
    refresh(loadAll);
  };
  events.onerror = () => showLive(false);
  events.onmessage = () => {
    refreshRequests();
    refreshUsers();
    refreshTools();
  };
}

function showLive(isLive) {
  byID("live").textContent = isLive ? "Live" : "Not connected";
  byID("live").classList.toggle("on", isLive);
}

onClick(byID("copy-connection-string"), (target) => copy(target, info.connectionString));
watch();
