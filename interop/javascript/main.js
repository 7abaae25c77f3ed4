"use strict";
// Runs the judges that the arguments name, and prints a row for each.

const judges = {
  identity: require("./identity.js"),
  common: require("./common.js"),
  signin: require("./signin.js"),
};

async function main() {
  for (const name of Object.keys(judges)) {
    const checks = judges[name].newChecks();
    await judges[name].run(checks);
    checks.print();
  }
}

main();
