"""Runs Microsoft's own test suite and samples, as they are in the source distribution of one version, and prints a row
for each. The arguments are the folder of the unpacked distribution and its version."""

import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

import emulator
from checks import Checks

APP_ID = "57000000-0000-4000-8000-00000000000a"
PACKAGE = "azure-communication-identity"


class Counter:
    """Counts the tests. A skipped one is a failure: it judged nothing."""

    def __init__(self, checks):
        self.checks = checks

    def pytest_runtest_logreport(self, report):
        if report.when == "call" or report.outcome != "passed":
            self.checks.check(report.nodeid, report.outcome == "passed", report.longreprtext)

    def pytest_collectreport(self, report):
        if report.outcome != "passed":
            self.checks.check(report.nodeid, False, report.longreprtext)


def run_tests(source):
    checks = Checks(f"{PACKAGE}, Microsoft's tests", version(PACKAGE))
    os.chdir(source / "tests")
    sys.path.insert(0, str(source / "tests"))
    options = ["-p", "no:cacheprovider", "-p", "no:terminal", "-o", "asyncio_default_fixture_loop_scope=function"]
    pytest.main([*options, "."], [Counter(checks)])
    if checks.checks < 150:
        checks.check("the suite is complete", False, f"{checks.checks} tests")
    checks.print()


def run_samples(source):
    checks = Checks(f"{PACKAGE}, Microsoft's samples", version(PACKAGE))
    for sample in sorted((source / "samples").glob("*.py")):
        done = subprocess.run([sys.executable, sample.name], cwd=sample.parent, capture_output=True, text=True, check=False)
        checks.equal(f"{sample.name}: exit status ({done.stderr})", done.returncode, 0)
        tokens = done.stdout.count("Token issued with value")
        checks.equal(f"{sample.name}: tokens, of a new user, an old one and a Teams user", tokens, 3)
    if checks.checks < 4:
        checks.check("both samples are there", False, f"{checks.checks} checks")
    checks.print()


def main():
    source, wanted = Path(sys.argv[1]), sys.argv[2]
    if version(PACKAGE) != wanted:
        sys.exit(f"{PACKAGE} {version(PACKAGE)} is installed instead of {wanted}")
    os.environ.update(
        AZURE_CLIENT_ID=APP_ID,
        AZURE_CLIENT_SECRET="any secret",
        COMMUNICATION_LIVETEST_DYNAMIC_CONNECTION_STRING=emulator.connection_string,
        COMMUNICATION_M365_APP_ID=APP_ID,
        COMMUNICATION_M365_AAD_AUTHORITY=emulator.endpoint,
        COMMUNICATION_M365_AAD_TENANT="adfs",
        COMMUNICATION_MSAL_USERNAME="user@contoso.example",
        COMMUNICATION_MSAL_PASSWORD="any password",
        COMMUNICATION_EXPIRED_TEAMS_TOKEN=emulator.entra_token(appId=APP_ID, expiresOn="2024-01-01T00:00:00Z"),
    )
    run_samples(source)
    run_tests(source)


main()
