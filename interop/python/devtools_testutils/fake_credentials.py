"""Tests that are not live would use this credential."""


class FakeTokenCredential:
    def __init__(self):
        raise AssertionError("every test is live")
