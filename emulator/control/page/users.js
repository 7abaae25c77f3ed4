// The users: a list, a form that creates one, and what can be done with one.

import { call, loader, userPath } from "./api.js";
import { List, announce, button, byID, cell, copy, element, onClick, tokenBox } from "./dom.js";
import { fail, onSubmit, read, readDuration } from "./form.js";
import { count, localTime, milliseconds, visible } from "./text.js";

const maxRows = 200;
const maxCustomID = 256;
const scopes = ["chat", "voip", "chat.join", "chat.join.limited", "voip.join"];
const hour = 3600000;

let users = [];

const list = new List(byID("user-table"), { key: (user) => user.id, cells, update, open });

export const loadUsers = loader("users", (loaded) => {
  users = loaded;
  show();
});

function show() {
  const filter = byID("user-filter").value.trim().toLowerCase();
  const matches = users.filter((user) => `${user.id}\n${user.customId ?? ""}`.toLowerCase().includes(filter));
  const shown = matches.filter((user, i) => i >= matches.length - maxRows || list.isOpen(user.id)).reverse();
  byID("user-count").textContent = count(shown.length, users.length);
  byID("no-users").hidden = users.length > 0;
  list.show(shown);
}

function cells(user, toggle) {
  toggle.append(element("span", { text: visible(user.customId ?? user.id), className: user.customId ? "name" : "id" }));
  const id = user.customId ? [element("code", { text: visible(user.id) })] : [];
  return [cell("", toggle, ...id), cell("number"), cell("extra")];
}

function update(row, user) {
  row.cells[1].textContent = user.tokensIssued.toLocaleString();
  row.cells[2].textContent = localTime(user.lastTokenIssuedAt) || "never";
}

function open(panel, user) {
  panel.setAttribute("role", "group");
  panel.setAttribute("aria-label", `User ${visible(user.customId ?? user.id)}`);
  const form = tokenForm(user);
  panel.append(
    element("p", { className: "buttons", children: [
      button("Copy ID", (target) => copy(target, user.id)),
      button("Revoke tokens", () => revoke(user)),
      button("Delete user", () => remove(user), { className: "danger" }),
    ] }),
    element("p", { className: "error", role: "alert" }),
    form,
    element("div", { className: "issued" }),
  );
}

function tokenForm(user) {
  const boxes = scopes.map((scope) => element("label", { children: [
    element("input", { type: "checkbox", name: "scopes", value: scope, defaultChecked: scope === "chat" }),
    ` ${scope}`,
  ] }));
  const form = element("form", { className: "row", noValidate: true, children: [
    element("fieldset", { children: [element("legend", { text: "Scopes" }), ...boxes] }),
    element("label", { children: ["Expires in ", element("input", { name: "expiresInMinutes", placeholder: "24h", autocomplete: "off", spellcheck: false })] }),
    element("button", { text: "Issue token", className: "primary" }),
    element("p", { className: "error", role: "alert" }),
  ] });
  onSubmit(form, () => issue(user, form));
  return form;
}

async function issue(user, form) {
  const chosen = [...form.querySelectorAll("[name=scopes]:checked")].map((box) => box.value);
  if (chosen.length === 0) {
    throw Object.assign(new Error("Scopes must have at least one."), { field: form.querySelector("[name=scopes]") });
  }
  const lifetime = readDuration(form, "expiresInMinutes", isLifetime, "must be between 1h and 24h, in whole minutes, like 2h or 90m.");
  const body = { scopes: chosen, ...(lifetime && { expiresInMinutes: milliseconds(lifetime) / 60000 }) };
  const { token, expiresOn } = await call("POST", userPath(user.id, "/tokens"), body);
  form.nextElementSibling.replaceChildren(
    tokenBox(token, "access token"),
    element("p", { className: "hint", text: `${chosen.join(", ")}, expires on ${localTime(expiresOn)}` }),
  );
  announce("Token issued");
  await loadUsers();
}

function isLifetime(value) {
  return value >= hour && value <= 24 * hour && value % 60000 === 0;
}

async function revoke(user) {
  await call("POST", userPath(user.id, "/revoke"));
  announce("Tokens revoked");
}

async function remove(user) {
  await call("DELETE", userPath(user.id));
  announce("User deleted");
  list.focusAfter(user.id, byID("user-filter"));
  await loadUsers();
}

onSubmit(byID("user-form"), async (form) => {
  const customId = read(form, "customId");
  if (customId !== undefined && ([...customId].length > maxCustomID || !customId.isWellFormed())) {
    fail(form, "customId", `must have at most ${maxCustomID} characters, all of them valid.`);
  }
  const user = await call("POST", "users", { customId });
  announce("User created");
  form.reset();
  byID("user-filter").value = "";
  await loadUsers();
  list.open(user.id);
});
byID("user-filter").addEventListener("input", show);
