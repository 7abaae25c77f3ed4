// The page of the test: a day of Microsoft's credential in virtual time, against a server of another origin.

import FakeTimers from "@sinonjs/fake-timers";
import { AzureCommunicationTokenCredential } from "@azure/communication-common";
import { ChatClient } from "@azure/communication-chat";
import { createTokenRefresher } from "./token-refresher.js";

const minute = 60_000;
const realTimeout = window.setTimeout.bind(window);
const realNow = Date.now.bind(Date);
const realFetch = window.fetch.bind(window);

// Virtual time stands still while a request is under way.
let underWay = 0;
window.fetch = async (...args) => {
  underWay++;
  try {
    return await realFetch(...args);
  } finally {
    realTimeout(() => underWay--, 5); // its consumer comes first
  }
};

async function settled() {
  do {
    await new Promise((resolve) => realTimeout(resolve, 0));
  } while (underWay > 0);
}

const tell = (path, body) => realFetch(path, { method: "POST", body: JSON.stringify(body) });

async function signIn(server) {
  const response = await fetch(`${server}/dev/sign-in`, { method: "POST", body: JSON.stringify({ subject: "alice" }) });
  return (await response.json()).token;
}

// run returns what happened in a day.
window.run = async ({ server, chat, hours }) => {
  const clock = FakeTimers.install({ toFake: ["setTimeout", "clearTimeout", "setInterval", "clearInterval", "Date"], now: realNow() });
  const result = { refreshes: 0, failures: [], expired: 0, tries: 0 };
  window.addEventListener("unhandledrejection", (event) => result.failures.push(String(event.reason)));

  let now = 0; // minutes
  let refreshedAt = 0;
  const refresh = createTokenRefresher(server, () => { result.tries++; return signIn(server); });
  const credential = new AzureCommunicationTokenCredential({
    refreshProactively: true,
    tokenRefresher: async (signal) => {
      const token = await refresh(signal);
      result.refreshes++;
      refreshedAt = now;
      return token;
    },
  });
  await credential.getToken();
  let outageEnds = 0;
  for (now = 1; now <= hours * 60; now++) {
    if (result.refreshes === 10 && now === refreshedAt + 50) { // the next refresh is due
      await tell("/outage", true);
      outageEnds = now + 2;
    }
    if (now === outageEnds) await tell("/outage", false);
    await clock.tickAsync(minute);
    await tell("/clock", clock.now - realNow());
    await settled();
    if ((await credential.getToken()).expiresOnTimestamp <= clock.now) result.expired++;
  }
  clock.uninstall();

  // The chat client sends the last token, whose expiry is in the virtual future.
  const client = new ChatClient(chat, credential);
  result.threads = [];
  for await (const thread of client.listChatThreads()) result.threads.push(thread.id);
  credential.dispose();
  return result;
};
