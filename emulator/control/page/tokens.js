// Tokens: one that is inspected, and one of Entra ID that is created.

import { call } from "./api.js";
import { now } from "./clock.js";
import { announce, byID, definitions, element, tokenBox } from "./dom.js";
import { onSubmit, readDuration, readGUID, required } from "./form.js";
import { localTime, milliseconds, visible } from "./text.js";

const reasons = { malformed: "malformed", expired: "expired", revoked: "revoked", userDeleted: "user deleted" };

onSubmit(byID("inspect-form"), async (form) => {
  byID("inspected").replaceChildren();
  const result = await call("POST", "inspect-token", { token: required(form, "token", "is missing.") });
  const state = element("span", { text: result.valid ? "valid" : reasons[result.reason], className: result.valid ? "status good" : "status bad" });
  byID("inspected").replaceChildren(...definitions([
    ["Token", state],
    ["User", result.rawId && element("code", { text: visible(result.rawId) })],
    ["Scopes", result.scopes?.join(", ")],
    ["Issued on", localTime(result.issuedOn)],
    ["Expires on", localTime(result.expiresOn)],
  ]));
});

onSubmit(byID("entra-form"), async (form) => {
  const lifetime = readDuration(form, "expiresOn", (value) => value > 0, "must be a duration, like 75m or 2h.");
  const { token } = await call("POST", "entra-tokens", {
    appId: readGUID(form, "appId"),
    objectId: readGUID(form, "objectId"),
    tenantId: readGUID(form, "tenantId"),
    expiresOn: lifetime && new Date(now().getTime() + milliseconds(lifetime)).toISOString(),
  });
  byID("entra-token").replaceChildren(tokenBox(token, "Entra token"));
  announce("Entra token created");
});
