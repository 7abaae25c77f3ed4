"use strict";
const { isDeepStrictEqual } = require("node:util");

// Checks counts the checks of one package.
class Checks {
  constructor(packageName, version) {
    this.row = ["row", "javascript", packageName, version];
    this.checks = 0;
    this.failures = 0;
  }

  check(name, ok, detail = "") {
    this.checks++;
    if (!ok) {
      this.failures++;
      console.error(`javascript, ${this.row[2]}: ${name}: ${detail}`);
    }
  }

  equal(name, got, want) {
    this.check(name, isDeepStrictEqual(got, want), `got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
  }

  // within checks that a Date is so many minutes from now, give or take one.
  within(name, date, minutes) {
    const got = (date.getTime() - Date.now()) / 60_000;
    this.check(name, Math.abs(got - minutes) < 1, `${got} minutes from now, want ${minutes}`);
  }

  // rejects checks what the service answered to a call: {status, code, message, target}. Without a message, any will do.
  async rejects(name, call, want) {
    try {
      await call();
      this.check(name, false, "the call did not fail");
    } catch (error) {
      const target = error.details?.error?.target ?? null;
      const got = { status: error.statusCode, code: error.code, message: error.message, target };
      this.equal(name, got, { target: null, ...want, message: want.message ?? error.message });
    }
  }

  // section counts an exception as a failure and goes on after it.
  async section(name, work) {
    try {
      await work();
    } catch (error) {
      this.check(name, false, error.stack);
    }
  }

  print() {
    console.log([...this.row, this.checks, this.failures].join("\t"));
  }
}

// versionOf returns the version in a package's own package.json.
function versionOf(name) {
  const path = require("node:path");
  let folder = path.dirname(require.resolve(name));
  for (;;) {
    try {
      const found = require(path.join(folder, "package.json"));
      if (found.version) {
        return found.version;
      }
    } catch {
      // not the package's folder
    }
    folder = path.dirname(folder);
  }
}

module.exports = { Checks, versionOf };
