"""Stands in for Microsoft's unpublished package of this name, which their test suite imports. It records nothing and
replays nothing: every test is live."""

import pytest


def is_live():
    return True


def recorded_by_proxy(test):
    return test


@pytest.fixture(scope="session")
def test_proxy():
    return None


class AzureRecordedTestCase:
    def is_playback(self):
        return False


def PowerShellPreparer(*_args, **_kwargs):  # pylint: disable=invalid-name
    return recorded_by_proxy


def _does_nothing(*_args, **_kwargs):
    return None


set_default_session_settings = _does_nothing
add_general_regex_sanitizer = _does_nothing
add_general_string_sanitizer = _does_nothing
add_header_regex_sanitizer = _does_nothing
add_body_key_sanitizer = _does_nothing
add_oauth_response_sanitizer = _does_nothing
