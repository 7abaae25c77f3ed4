// Elements, which are built from text only: requests hold what clients sent.

export const byID = (id) => document.getElementById(id);

export function element(name, { text, children = [], ...properties } = {}) {
  const made = document.createElement(name);
  for (const [property, value] of Object.entries(properties)) {
    if (property in made) {
      made[property] = value;
    } else {
      made.setAttribute(property, value);
    }
  }
  made.append(...(text === undefined ? children : [text]));
  return made;
}

export function cell(className, ...children) {
  return element("td", { className, children });
}

export function definitions(pairs) {
  const known = pairs.filter(([, value]) => value !== undefined && value !== "");
  return known.flatMap(([name, value]) => [element("dt", { text: name }), element("dd", { children: [value].flat() })]);
}

// announce makes screen readers say a text.
export function announce(text) {
  byID("announcement").textContent = "";
  requestAnimationFrame(() => { byID("announcement").textContent = text; });
}

// button returns a button whose errors appear in the closest place for them.
export function button(text, work, properties = {}) {
  const made = element("button", { type: "button", text, ...properties });
  onClick(made, work);
  return made;
}

export function onClick(target, work) {
  target.addEventListener("click", () => attempt(target, work));
}

// attempt runs a function for a button or a form, and shows its error beside it.
export async function attempt(target, work) {
  const place = target.closest("form, .panel, section").querySelector(".error");
  place.textContent = "";
  try {
    await work(target);
  } catch (error) {
    place.textContent = error.message;
  }
}

export async function copy(target, text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    throw new Error("The browser does not allow the page to copy.");
  }
  announce("Copied");
  const label = target.textContent;
  if (label !== "Copied") {
    target.textContent = "Copied";
    setTimeout(() => { target.textContent = label; }, 1500);
  }
}

// token returns elements that show a token, which only the button copies as a whole.
export function tokenBox(token, name) {
  return element("p", {
    className: "secret",
    children: [
      element("code", { text: token }),
      " ",
      button("Copy", (target) => copy(target, token), { "aria-label": `Copy the ${name}` }),
    ],
  });
}

// A List keeps one tbody of a table for each item, so that focus, open details and half-filled forms outlast updates.
// An item opens to details, which open builds. update changes what is shown of an item.
export class List {
  #table;
  #view;
  #entries = new Map();

  constructor(table, view) {
    this.#table = table;
    this.#view = view;
  }

  isOpen(key) {
    return this.#entries.get(key)?.toggle.getAttribute("aria-expanded") === "true";
  }

  show(items) {
    const shown = new Map(items.map((item) => [this.#view.key(item), item]));
    for (const [key, entry] of this.#entries) {
      if (!shown.has(key)) {
        entry.body.remove();
        this.#entries.delete(key);
      }
    }
    let next = this.#table.tBodies[0] ?? null;
    for (const [key, item] of shown) {
      const entry = this.#entries.get(key) ?? this.#add(key, item);
      this.#view.update?.(entry.row, item);
      if (entry.body === next) {
        next = next.nextElementSibling;
      } else {
        this.#table.insertBefore(entry.body, next);
      }
    }
  }

  #add(key, item) {
    const toggle = element("button", { type: "button", className: "toggle", "aria-expanded": "false" });
    const row = element("tr");
    row.append(...this.#view.cells(item, toggle));
    const entry = { toggle, row, body: element("tbody", { children: [row] }) };
    toggle.addEventListener("click", () => this.#toggle(entry, item));
    this.#entries.set(key, entry);
    return entry;
  }

  #toggle(entry, item) {
    const opens = entry.toggle.getAttribute("aria-expanded") === "false";
    entry.toggle.setAttribute("aria-expanded", String(opens));
    if (!opens) {
      entry.body.lastElementChild.remove();
      return;
    }
    const panel = element("div", { className: "panel" });
    entry.body.append(element("tr", { children: [element("td", { colSpan: entry.row.cells.length, children: [panel] })] }));
    this.#view.open(panel, item);
  }

  open(key) {
    const { toggle } = this.#entries.get(key);
    if (!this.isOpen(key)) {
      toggle.click();
    }
    toggle.focus();
  }

  // focusAfter moves the focus to the item that follows the one with the key, or to the last one, or else to the element.
  focusAfter(key, otherwise) {
    const { body } = this.#entries.get(key);
    const neighbor = body.nextElementSibling ?? body.previousElementSibling;
    (neighbor?.querySelector(".toggle") ?? otherwise).focus();
  }
}
