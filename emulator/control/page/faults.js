// The faults that are left, and a form that injects one.

import { call, loader } from "./api.js";
import { announce, byID, element, onClick } from "./dom.js";
import { fail, onSubmit, read, readDuration, readInteger } from "./form.js";
import { short, tidy } from "./text.js";

const maxText = 200;
const names = { delay: "delay", status: "status", body: "body", bodyDelay: "body delay", drop: "connection closes", truncate: "bytes" };

export const loadFaults = loader("faults", (faults) => byID("fault-list").replaceChildren(...faults.map(item)));

function item(fault) {
  const times = fault.times ? `${fault.times} left` : "until cleared";
  const effects = Object.entries(names).filter(([name]) => name in fault).map(([name, text]) => `${text} ${name === "drop" ? `${fault.drop} the work` : tidy(String(fault[name]))}`);
  const headers = Object.entries(fault.header ?? {}).map(([name, values]) => `${name}: ${values.join(", ")}`);
  return element("li", { children: [
    element("strong", { text: fault.operation ?? "Any operation" }),
    element("span", { text: times, className: "tag" }),
    element("small", { text: short([...effects, ...headers].join("; "), maxText) }),
  ] });
}

function faultOf(form) {
  return {
    operation: read(form, "operation"),
    times: readInteger(form, "times", 0, 1e9, "must be a number of requests, 0 or more."),
    status: readInteger(form, "status", 200, 599, "must be between 200 and 599."),
    delay: readDuration(form, "delay"),
    drop: read(form, "drop"),
    header: readHeader(form, "header"),
    body: form.elements.body.value || undefined,
    bodyDelay: readDuration(form, "bodyDelay"),
    truncate: readInteger(form, "truncate", 1, 1e9, "must be a number of bytes, 1 or more."),
  };
}

function readHeader(form, name) {
  const text = read(form, name);
  if (text === undefined) {
    return undefined;
  }
  const header = {};
  for (const line of text.split("\n").filter((one) => one.trim() !== "")) {
    const match = /^\s*([!#$%&'*+.^_`|~\w-]+):(.*)$/.exec(line);
    if (match === null) {
      fail(form, name, "must be lines like Retry-After: 5.");
    }
    (header[match[1]] ??= []).push(match[2].trim());
  }
  return header;
}

onSubmit(byID("fault-form"), async (form) => {
  await call("POST", "faults", faultOf(form));
  announce("Fault injected");
  await loadFaults();
});
onClick(byID("clear-faults"), async () => {
  await call("DELETE", "faults");
  announce("Faults cleared");
  await loadFaults();
});
