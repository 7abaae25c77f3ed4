"""Counts the checks of one package, and prints them as a row."""

import sys
import traceback
from datetime import datetime, timezone

from azure.core.exceptions import HttpResponseError


class Checks:
    def __init__(self, package, version):
        self.package = package
        self.version = version
        self.checks = 0
        self.failures = 0

    def check(self, name, ok, detail=""):
        self.checks += 1
        if not ok:
            self.failures += 1
            print(f"python, {self.package}: {name}: {detail}", file=sys.stderr)

    def equal(self, name, got, want):
        self.check(name, got == want, f"got {got!r}, want {want!r}")

    def within(self, name, time, minutes):
        """Checks that a time in text is so many minutes from now, give or take one."""
        got = (datetime.fromisoformat(time) - datetime.now(timezone.utc)).total_seconds() / 60
        self.check(name, abs(got - minutes) < 1, f"{got} minutes from now, want {minutes}")

    async def rejects(self, name, call, status, code, message=None, target=None):
        """Checks what the service answered to a call. Without a message, any will do."""
        try:
            await call()
        except HttpResponseError as error:
            got = (error.status_code, error.error.code, error.error.message, error.error.target)
            self.equal(name, got, (status, code, message or error.error.message, target))
        else:
            self.check(name, False, "the call did not fail")

    async def raises(self, name, call, kind):
        try:
            await call()
        except kind:
            self.check(name, True)
        else:
            self.check(name, False, "the call did not fail")

    async def section(self, name, work):
        """Counts an exception as a failure."""
        try:
            await work
        except Exception:  # pylint: disable=broad-except
            self.check(name, False, traceback.format_exc())

    def print(self):
        print("row", "python", self.package, self.version, self.checks, self.failures, sep="\t", flush=True)
