// The requests: a list that follows them as they arrive, and their details.

import { call, loader } from "./api.js";
import { List, byID, cell, definitions, element, onClick } from "./dom.js";
import { count, indent, localTime, short } from "./text.js";

const maxRows = 200;
const maxLine = 300;
const maxBody = 50000;

const list = new List(byID("request-table"), { key: keyOf, cells, open });

// keyOf also has the time, because a new emulator at the same address counts from 1 again.
function keyOf(request) {
  return `${request.number} ${request.time}`;
}

export const loadRequests = loader("requests", show);

function show(requests) {
  const shown = requests.filter((request, i) => i >= requests.length - maxRows || list.isOpen(keyOf(request))).reverse();
  byID("request-count").textContent = count(shown.length, requests.length);
  byID("no-requests").hidden = requests.length > 0;
  list.show(shown);
}

function cells(request, toggle) {
  toggle.append(
    element("span", { text: short(request.method, 20), className: "method" }),
    " ",
    element("span", { text: request.operation || "No operation", className: "name" }),
  );
  const reason = request.error ? [element("small", { text: short(request.error, maxLine), className: "bad" })] : [];
  return [
    cell("", toggle, element("code", { text: short(request.uri, maxLine) }), ...reason),
    cell("", status(request)),
    cell("extra number", `${request.durationMs} ms`),
    cell("extra number", new Date(request.time).toLocaleTimeString()),
  ];
}

function status(request) {
  const isGood = request.status > 0 && request.status < 400;
  return element("span", { text: request.status || "closed", className: isGood ? "status good" : "status bad" });
}

function open(panel, request) {
  panel.setAttribute("role", "group");
  panel.setAttribute("aria-label", `Request ${request.number}`);
  panel.append(element("dl", { children: definitions([
    ["URI", short(request.uri, maxBody)],
    ["Time", localTime(request.time)],
    ["Duration", `${request.durationMs} ms`],
    ["Error", request.error && short(request.error, maxBody)],
  ]) }));
  showContent(panel, request);
}

async function showContent(panel, request) {
  try {
    const detail = await call("GET", `requests/${request.number}`);
    panel.append(element("div", { className: "messages", children: [
      message("Request", detail.request),
      message("Response", detail.response),
    ] }));
  } catch (error) {
    panel.append(element("p", { text: error.message, className: "hint" }));
  }
}

function message(title, content) {
  const heading = element("h3", { text: title });
  if (content === undefined) {
    return element("div", { children: [heading, element("p", { text: "None: the connection was closed.", className: "hint" })] });
  }
  const headers = Object.entries(content.header).sort().flatMap(([name, values]) => values.map((value) => [short(name, maxLine), short(value, maxBody)]));
  const body = content.body === ""
    ? element("p", { text: "No body", className: "hint" })
    : element("pre", { text: short(content.body.length > maxBody ? content.body : indent(content.body), maxBody), tabIndex: 0, role: "region", "aria-label": `Body of the ${title.toLowerCase()}` });
  return element("div", { children: [heading, element("dl", { children: definitions(headers) }), body] });
}

onClick(byID("clear-requests"), async () => {
  await call("DELETE", "requests");
  await loadRequests();
});
