"""Judges the emulator by the one older line of azure-communication-identity that is first in the module path."""

import asyncio

from azure.communication.identity import CommunicationIdentityClient, CommunicationUserIdentifier
from azure.communication.identity._version import VERSION

import emulator
from awaitable import Awaitable
from checks import Checks

FOREIGN_USER = CommunicationUserIdentifier(
    "8:acs:57000000-0000-4000-8000-00000000000c_57000000-0000-4000-8000-00000000000d"
)

API_VERSIONS = {"1.0.1": "2021-03-07", "1.1.0": "2022-06-01", "1.2.0": "2022-06-01", "1.3.1": "2022-10-01"}


async def basics(checks, client):
    user = await client.create_user()
    token = await client.get_token(user, ["chat", "voip"])
    inspected = emulator.inspect(token.token)
    user_id = user.properties["id"]
    checks.equal("token", (inspected["rawId"], inspected["scopes"]), (user_id, ["chat", "voip"]))
    both_user, both = await client.create_user_and_token(["voip"])
    checks.equal("new user's token", emulator.inspect(both.token)["rawId"], both_user.properties["id"])
    await client.revoke_tokens(user)
    checks.equal("revoked", emulator.inspect(token.token)["reason"], "revoked")
    await client.delete_user(user)
    checks.check("deleted", user_id not in emulator.users())
    await checks.rejects("another resource's user", lambda: client.get_token(FOREIGN_USER, ["chat"]), 401, "IdentityNotOwned",
                         "Provided identity doesn't belong to the resource.")
    await checks.rejects("deleting another resource's user", lambda: client.delete_user(FOREIGN_USER), 401, "IdentityNotOwned")


async def main():
    checks = Checks("azure-communication-identity", VERSION)
    client = CommunicationIdentityClient.from_connection_string(emulator.connection_string)
    emulator.clear_requests()
    await checks.section("basics", basics(checks, Awaitable(client)))
    sent = {request["uri"].partition("api-version=")[2] for request in emulator.control("GET", "requests")}
    checks.equal("API versions", sent, {API_VERSIONS[VERSION]})
    checks.print()


asyncio.run(main())
