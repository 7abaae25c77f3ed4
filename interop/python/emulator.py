"""The emulator's address and its control API."""

import json
import os
import urllib.request
from contextlib import contextmanager

connection_string = os.environ["ACS_CONNECTION_STRING"]
endpoint = os.environ["ACS_EMULATOR_ENDPOINT"]
access_key = connection_string.split(";accesskey=")[1]


def control(method, path, body=None):
    data = None if body is None else json.dumps(body).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(f"{endpoint}/_emulator/{path}", data=data, headers=headers, method=method)
    with urllib.request.urlopen(request) as response:
        text = response.read()
    return json.loads(text) if text else None


def inspect(token):
    return control("POST", "inspect-token", {"token": token})


def users():
    return [user["id"] for user in control("GET", "users")]


def statuses():
    return [request["status"] for request in control("GET", "requests")]


def clear_requests():
    control("DELETE", "requests")


def inject(**fault):
    control("POST", "faults", {"times": 1, **fault})


def entra_token(**claims):
    return control("POST", "entra-tokens", claims)["token"]


def resource_id():
    return control("GET", "info")["resourceId"]


@contextmanager
def clock(offset):
    """Moves the emulator's clock so far ahead."""
    control("PUT", "clock", {"offset": offset})
    try:
        yield
    finally:
        control("PUT", "clock", {"offset": "0s"})
