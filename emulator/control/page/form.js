// Forms: their fields are checked before anything is sent, and an error is shown in the form, names the field and marks it.

import { attempt } from "./dom.js";
import { milliseconds } from "./text.js";

class FieldError extends Error {
  constructor(field, rule) {
    super(`${labelOf(field)} ${rule}`);
    this.field = field;
  }
}

function labelOf(field) {
  return field.labels[0].firstChild.textContent.trim();
}

// onSubmit calls work with the form, never twice at a time.
export function onSubmit(form, work) {
  let isBusy = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (isBusy) {
      return;
    }
    isBusy = true;
    unmark(form);
    await attempt(form, async () => {
      try {
        await work(form);
      } catch (error) {
        throw naming(form, error);
      }
    });
    isBusy = false;
  });
}

function unmark(form) {
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-errormessage");
  }
}

let places = 0;

// naming marks the field that an error is about. An error of the control API begins with the name of a field in JSON,
// in place of which it gets the label.
function naming(form, error) {
  const name = /^\w+/.exec(error.message)?.[0] ?? "";
  const field = error.field ?? [...form.elements].find((one) => one.name !== "" && one.name.toLowerCase() === name.toLowerCase());
  if (field === undefined) {
    return new Error(labeled(form, error.message));
  }
  const place = form.querySelector(".error");
  place.id ||= `error-${++places}`;
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-errormessage", place.id);
  const details = field.closest("details");
  if (details !== null) {
    details.open = true;
  }
  field.focus();
  return error.field ? error : new FieldError(field, labeled(form, error.message.slice(name.length).trim()));
}

// labeled replaces the names that fields have in JSON by their labels.
function labeled(form, text) {
  const fields = [...form.elements].filter((field) => field.name !== "" && field.type !== "checkbox");
  return fields.reduce((labeled, field) => labeled.replace(new RegExp(`\\b${field.name}\\b`, "g"), labelOf(field).toLowerCase()), text);
}

// read returns the text of a field without the spaces around it, or undefined if there is none.
export function read(form, name) {
  return form.elements[name].value.trim() || undefined;
}

export function required(form, name, rule) {
  return read(form, name) ?? fail(form, name, rule);
}

export function fail(form, name, rule) {
  throw new FieldError(form.elements[name], rule);
}

// readDuration returns a duration, as text.
export function readDuration(form, name, isValid = (value) => value >= 0, rule = "must be a duration, like 1.5s or 2h.") {
  const text = read(form, name);
  if (text !== undefined && !isValid(milliseconds(text))) {
    fail(form, name, rule);
  }
  return text;
}

export function readInteger(form, name, min, max, rule) {
  const text = read(form, name);
  if (text === undefined) {
    return undefined;
  }
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < min || value > max) {
    fail(form, name, rule);
  }
  return value;
}

export function readGUID(form, name) {
  const text = read(form, name);
  if (text !== undefined && !/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) {
    fail(form, name, "must be a GUID, like 11111111-2222-3333-4444-555555555555.");
  }
  return text;
}
