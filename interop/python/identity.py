"""Judges the emulator by azure-communication-identity, synchronous and asynchronous."""

import json
import os
import re
from datetime import timedelta
from pathlib import Path

import azure.identity
import azure.identity.aio
from azure.communication.identity import CommunicationIdentityClient, CommunicationUserIdentifier
from azure.communication.identity import aio, identifier_from_raw_id
from azure.core.credentials import AzureKeyCredential
from azure.core.exceptions import AzureError

import emulator
from awaitable import Awaitable

ALL_SCOPES = ["chat", "voip", "chat.join", "chat.join.limited", "voip.join"]
APP_ID = "57000000-0000-4000-8000-00000000000a"
USER_ID = "57000000-0000-4000-8000-00000000000b"
FOREIGN_USER = CommunicationUserIdentifier(
    "8:acs:57000000-0000-4000-8000-00000000000c_57000000-0000-4000-8000-00000000000d"
)
ERRORS = json.loads((Path(__file__).parent.parent / "errors.json").read_text(encoding="utf-8"))


async def run(checks):
    await checks.section("synchronous", judge(checks, "sync", CommunicationIdentityClient, azure.identity))
    await checks.section("asynchronous", judge(checks, "async", aio.CommunicationIdentityClient, azure.identity.aio))
    identifiers(checks)


async def judge(checks, form, client_class, sign_in):
    credential = sign_in.ClientSecretCredential(
        "adfs", APP_ID, "any secret", authority=emulator.endpoint, disable_instance_discovery=False
    )
    clients = {
        "access key": client_class(emulator.endpoint, AzureKeyCredential(emulator.access_key)),
        "token credential": client_class(emulator.endpoint, credential),
        "token credential, endpoint with a slash": client_class(emulator.endpoint + "/", credential),
    }
    for name, client in clients.items():
        async with Awaitable(client) as client:
            await checks.section(name, operations(checks, f"{form}, {name}", client))
    await Awaitable(credential).close()
    client = client_class.from_connection_string(emulator.connection_string, retry_backoff_factor=0.01)
    async with Awaitable(client) as client:
        await with_connection_string(checks, form, client)
    await checks.section("wrong key", wrong_key(checks, form, client_class))
    await checks.section("versions", versions(checks, form, client_class))


async def with_connection_string(checks, form, client):
    await checks.section("connection string", operations(checks, f"{form}, connection string", client))
    await checks.section("scopes and lifetimes", tokens(checks, form, client))
    await checks.section("ends of tokens", ends_of_tokens(checks, form, client))
    await checks.section("errors", rejections(checks, form, client))
    await checks.section("headers", headers(checks, form, client))
    await checks.section("faults", faults(checks, form, client))


async def operations(checks, by, client):
    user = await client.create_user()
    checks.check(f"{by}: user ID", user.raw_id.startswith(f"8:acs:{emulator.resource_id()}_"), user.raw_id)
    checks.check(f"{by}: the user exists", user.raw_id in emulator.users())

    token = await client.get_token(user, ["chat"])
    inspected = emulator.inspect(token.token)
    got = (inspected["valid"], inspected["rawId"], inspected["scopes"])
    checks.equal(f"{by}: token", got, (True, user.raw_id, ["chat"]))
    await client.revoke_tokens(user)
    checks.equal(f"{by}: revoked", emulator.inspect(token.token)["reason"], "revoked")
    following = await client.get_token(user, ["voip"])
    checks.check(f"{by}: token after the revocation", emulator.inspect(following.token)["valid"])

    both_user, both = await client.create_user_and_token(["chat", "voip"])
    inspected = emulator.inspect(both.token)
    checks.equal(f"{by}: new user's token", (inspected["rawId"], inspected["scopes"]), (both_user.raw_id, ["chat", "voip"]))

    await client.delete_user(user)
    checks.check(f"{by}: the user is gone", user.raw_id not in emulator.users())
    await client.delete_user(user)
    checks.equal(f"{by}: the user's token", emulator.inspect(following.token)["reason"], "userDeleted")

    entra_token = emulator.entra_token(appId=APP_ID, objectId=USER_ID)
    teams = await client.get_token_for_teams_user(entra_token, APP_ID, USER_ID)
    checks.equal(f"{by}: Teams user", emulator.inspect(teams.token)["rawId"], f"8:orgid:{USER_ID}")
    checks.within(f"{by}: Teams user's expiry", teams.expires_on, 75)


async def tokens(checks, form, client):
    user = await client.create_user()
    for scopes in [[scope] for scope in ALL_SCOPES] + [ALL_SCOPES]:
        token = await client.get_token(user, scopes)
        checks.equal(f"{form}: scopes {scopes}", emulator.inspect(token.token)["scopes"], scopes)
        _, token = await client.create_user_and_token(scopes)
        checks.equal(f"{form}: new user with {scopes}", emulator.inspect(token.token)["scopes"], scopes)
    for minutes in [60, 61, 720, 1440]:
        lifetime = timedelta(minutes=minutes)
        token = await client.get_token(user, ["chat"], token_expires_in=lifetime)
        checks.within(f"{form}: {minutes} minutes", token.expires_on, minutes)
        _, token = await client.create_user_and_token(["chat"], token_expires_in=lifetime)
        checks.within(f"{form}: new user, {minutes} minutes", token.expires_on, minutes)
    token = await client.get_token(user, ["chat"])
    checks.within(f"{form}: default lifetime", token.expires_on, 1440)


async def ends_of_tokens(checks, form, client):
    user, token = await client.create_user_and_token(["chat"], token_expires_in=timedelta(hours=1))
    with emulator.clock("59m"):
        checks.check(f"{form}: valid after 59 minutes", emulator.inspect(token.token)["valid"])
    with emulator.clock("61m"):
        checks.equal(f"{form}: expired after 61 minutes", emulator.inspect(token.token)["reason"], "expired")
        later = await client.get_token(user, ["chat"])
        checks.within(f"{form}: a token of the moved clock", later.expires_on, 1440 + 61)


async def rejections(checks, form, client):
    own = await client.create_user()
    deleted = await client.create_user()
    await client.delete_user(deleted)
    malformed = CommunicationUserIdentifier(own.raw_id[:-1])
    known = {"own": own, "deleted": deleted, "malformed": malformed, "foreign": FOREIGN_USER}
    entra_token = emulator.entra_token(appId=APP_ID, objectId=USER_ID)
    expired = emulator.entra_token(appId=APP_ID, objectId=USER_ID, expiresOn="2024-01-01T00:00:00Z")

    def lifetime(case):
        return timedelta(minutes=case["minutes"]) if "minutes" in case else None

    def teams(case):
        token = case.get("token", entra_token)
        return client.get_token_for_teams_user(
            expired if token == "{expired}" else token, case.get("appId", APP_ID), case.get("userId", USER_ID)
        )

    calls = {
        "createUserAndToken": lambda c: client.create_user_and_token(c["scopes"], token_expires_in=lifetime(c)),
        "getToken": lambda c: client.get_token(known[c["user"]], c["scopes"], token_expires_in=lifetime(c)),
        "revokeTokens": lambda c: client.revoke_tokens(known[c["user"]]),
        "deleteUser": lambda c: client.delete_user(known[c["user"]]),
        "getTokenForTeamsUser": teams,
    }
    for case in ERRORS:
        if "python" in case.get("skip", {}):
            continue
        call = calls[case["call"]]
        want = (case["status"], case["code"], case["message"], case["target"])
        await checks.rejects(f"{form}: {case['name']}", lambda: call(case), *want)  # pylint: disable=cell-var-from-loop


async def wrong_key(checks, form, client_class):
    async with Awaitable(client_class(emulator.endpoint, AzureKeyCredential("BwcHBwcHBwc="))) as client:
        await checks.rejects(f"{form}, wrong key: create", client.create_user, 401, "Denied")
        await checks.rejects(f"{form}, wrong key: delete", lambda: client.delete_user(FOREIGN_USER), 401, "Denied")
        await checks.rejects(f"{form}, wrong key: token", lambda: client.get_token(FOREIGN_USER, []), 401, "Denied")


async def headers(checks, form, client):
    seen = []

    def hook(response):
        seen.append((response.http_request, response.http_response))

    user = await client.create_user(raw_response_hook=hook)
    await client.get_token(user, ["chat"], raw_response_hook=hook)
    await client.revoke_tokens(user, raw_response_hook=hook)
    await client.delete_user(user, raw_response_hook=hook)
    checks.equal(f"{form}: statuses", [response.status_code for _, response in seen], [201, 200, 204, 204])
    for request, response in seen:
        sent = request.headers["x-ms-client-request-id"]
        checks.equal(f"{form}: request ID", response.headers["x-ms-client-request-id"], sent)
        versions_header = response.headers["api-supported-versions"]
        checks.check(f"{form}: supported versions", "2022-10-01, 2023-10-01" in versions_header, versions_header)
        pattern = r"[A-Za-z0-9+/]{22}\.0"
        checks.check(f"{form}: MS-CV", re.fullmatch(pattern, response.headers["MS-CV"]), response.headers["MS-CV"])


async def versions(checks, form, client_class):
    def client(version):
        return Awaitable(client_class.from_connection_string(emulator.connection_string, api_version=version))

    for version in ["2021-03-07", "2022-06-01", "2022-10-01", "2023-10-01", "2025-06-30", "2026-09-23"]:
        async with client(version) as known:
            user, token = await known.create_user_and_token(["chat"])
            checks.equal(f"{form}: {version}", emulator.inspect(token.token)["rawId"], user.raw_id)
    async with client("2020-01-01") as unknown:
        await checks.rejects(f"{form}: unknown version", unknown.create_user, 400, "UnsupportedApiVersion")


async def faults(checks, form, client):
    before = len(emulator.users())
    emulator.clear_requests()
    emulator.inject(operation="CreateUser", status=503, header={"Retry-After": ["0"]})
    user = await client.create_user()
    checks.equal(f"{form}: 503, then a retry", emulator.statuses(), [503, 201])
    checks.equal(f"{form}: users after the 503", len(emulator.users()), before + 1)

    emulator.inject(operation="CreateUser", drop="after")
    await checks.raises(f"{form}: a lost response to a POST is not retried", client.create_user, AzureError)
    checks.equal(f"{form}: users after the lost response", len(emulator.users()), before + 2)

    emulator.clear_requests()
    emulator.inject(operation="DeleteUser", drop="after")
    await client.delete_user(user)
    checks.equal(f"{form}: a lost response to a DELETE is retried", len(emulator.statuses()), 2)
    checks.equal(f"{form}: users after it", len(emulator.users()), before + 1)


def identifiers(checks):
    """Compares with the Go library. Users of the Teams extension are communication users here."""
    kinds = {
        "communicationUser": "communication_user",
        "phoneNumber": "phone_number",
        "microsoftTeamsUser": "microsoft_teams_user",
        "microsoftTeamsApp": "microsoft_teams_app",
        "teamsExtensionUser": "communication_user",
        "unknown": "unknown",
    }
    from_go = json.loads(Path(os.environ["INTEROP_IDENTIFIERS"]).read_text(encoding="utf-8"))
    for entry in from_go:
        raw_id = entry["rawId"]
        identifier = identifier_from_raw_id(raw_id)
        checks.equal(f"kind of {raw_id!r}", identifier.kind.value, kinds[entry["kind"]])
        checks.equal(f"raw ID of {raw_id!r}", identifier.raw_id, raw_id)
