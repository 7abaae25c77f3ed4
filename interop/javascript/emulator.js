"use strict";
// The emulator's address and its control API.

const { ACS_CONNECTION_STRING: connectionString, ACS_EMULATOR_ENDPOINT: endpoint } = process.env;
const accessKey = connectionString.split(";accesskey=")[1];

async function control(method, path, body) {
  const response = await fetch(`${endpoint}/_emulator/${path}`, {
    method,
    headers: body && { "Content-Type": "application/json" },
    body: body && JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) {
    throw new Error(`${method} /_emulator/${path}: ${response.status} ${text}`);
  }
  return text && JSON.parse(text);
}

const inspect = (token) => control("POST", "inspect-token", { token });
const users = () => control("GET", "users");
const requests = () => control("GET", "requests");
const clearRequests = () => control("DELETE", "requests");
const inject = (fault) => control("POST", "faults", { times: 1, ...fault });
const entraToken = async (claims) => (await control("POST", "entra-tokens", claims)).token;

// withClock runs work with the emulator's clock so far ahead.
async function withClock(offset, work) {
  await control("PUT", "clock", { offset });
  try {
    await work();
  } finally {
    await control("PUT", "clock", { offset: "0s" });
  }
}

async function resourceId() {
  return (await control("GET", "info")).resourceId;
}

module.exports = {
  connectionString, endpoint, accessKey, inspect, users, requests, clearRequests, inject, entraToken, withClock, resourceId,
};
