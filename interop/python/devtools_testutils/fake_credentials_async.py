"""Tests that are not live would use this credential."""

from .fake_credentials import FakeTokenCredential as AsyncFakeCredential

__all__ = ["AsyncFakeCredential"]
