"""Runs our own judges and prints a row for each."""

import asyncio
from importlib.metadata import version

import azure.communication.chat

import chat
import identity
from checks import Checks


async def main():
    judges = [
        (identity, "azure-communication-identity", version("azure-communication-identity")),
        (chat, "azure-communication-chat", azure.communication.chat.__version__),
    ]
    for judge, package, reported in judges:
        checks = Checks(package, reported)
        await judge.run(checks)
        checks.print()


asyncio.run(main())
