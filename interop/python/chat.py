"""Judges the emulator's tokens by the CommunicationTokenCredential of azure-communication-chat."""

import inspect
from datetime import datetime

from azure.communication.chat import CommunicationTokenCredential, aio
from azure.communication.identity import CommunicationIdentityClient
from azure.core.credentials import AccessToken

import emulator


async def run(checks):
    client = CommunicationIdentityClient.from_connection_string(emulator.connection_string)

    await checks.section("synchronous", credential(checks, "sync", client, CommunicationTokenCredential, lambda refresh: refresh))
    await checks.section("asynchronous", credential(checks, "async", client, aio.CommunicationTokenCredential, asynchronous))


def asynchronous(refresh):
    async def call():
        return refresh()

    return call


async def result_of(value):
    return await value if inspect.isawaitable(value) else value


async def credential(checks, form, client, credential_class, adapt):
    user, token = client.create_user_and_token(["chat"])
    calls = []

    def refresh():
        calls.append(1)
        _, fresh = client.create_user_and_token(["chat"])
        return as_access_token(fresh)

    valid = credential_class(token.token, token_refresher=adapt(refresh))
    read = await result_of(valid.get_token())
    checks.equal(f"{form}: expiry that the credential reads", read.expires_on, as_access_token(token).expires_on)
    checks.equal(f"{form}: no refresh of a valid token", (read.token, len(calls)), (token.token, 0))

    with emulator.clock("-25h"):
        expired = client.get_token(user, ["chat"])
    due = credential_class(expired.token, token_refresher=adapt(refresh))
    first = await result_of(due.get_token())
    checks.check(f"{form}: refreshed", emulator.inspect(first.token)["valid"])
    second = await result_of(due.get_token())
    checks.equal(f"{form}: one refresh", (second.token, len(calls)), (first.token, 1))

    rejected = credential_class(expired.token, token_refresher=adapt(lambda: as_access_token(expired)))

    async def get_token():
        await result_of(rejected.get_token())

    await checks.raises(f"{form}: an expired token from the refresher", get_token, ValueError)


def as_access_token(token):
    """Turns the expiry, which the identity client returns as text, into Unix seconds, which the credential wants."""
    return AccessToken(token.token, int(datetime.fromisoformat(token.expires_on).timestamp()))
