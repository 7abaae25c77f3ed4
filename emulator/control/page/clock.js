// The clock that tokens are issued and expire by.

import { call, loader } from "./api.js";
import { announce, byID, onClick } from "./dom.js";
import { onSubmit, readDuration, required } from "./form.js";
import { localTime, milliseconds, tidy } from "./text.js";

const rule = "must be a duration, like 2h or -30m.";

let offset = 0; // in milliseconds

// now returns the time of the clock.
export function now() {
  return new Date(Date.now() + offset);
}

export const loadClock = loader("clock", (clock) => {
  offset = milliseconds(clock.offset);
  byID("offset").textContent = offset === 0 ? "Real time" : `${offset > 0 ? "+" : ""}${tidy(clock.offset)}`;
  showNow();
});

function showNow() {
  byID("now").dateTime = now().toISOString();
  byID("now").textContent = localTime(now());
}

async function setClock(text) {
  await call("PUT", "clock", { offset: text });
  await loadClock();
  announce(`Clock offset ${byID("offset").textContent}`);
}

// inTurn starts work when the work before it has ended, so that two quick clicks on +1 hour make two hours.
let last = Promise.resolve();
function inTurn(work) {
  last = last.catch(() => {}).then(work);
  return last;
}

onSubmit(byID("clock-form"), async (form) => {
  required(form, "offset", rule);
  await setClock(readDuration(form, "offset", Number.isFinite, rule));
  form.reset();
});
for (const target of document.querySelectorAll("[data-advance]")) {
  onClick(target, () => inTurn(() => setClock(`${(offset + milliseconds(target.dataset.advance)) / 1000}s`)));
}
onClick(byID("clock-reset"), () => setClock("0s"));
setInterval(showNow, 1000);
