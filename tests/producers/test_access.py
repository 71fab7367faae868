"""API keys and addresses, where the function checks them."""

import hashlib

import pytest

from producers.access import Access
from producers.request import Request

KEYS = ["correct horse", "battery staple"]
DIGESTS = [hashlib.sha256(key.encode()).hexdigest() for key in KEYS]


def asked(
    key: str | None = None, address: str | None = "203.0.113.9", resource: str = "/app", method: str = "POST"
) -> Request:
    headers = {} if key is None else {"x-api-key": key}
    return Request(
        resource, method, headers, body="", is_base64=False, stage="dev", request_id="1", source_ip=address,
        user_agent=None, client="anyone",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("key", "is_valid"),
    [
        ("correct horse", True),
        ("battery staple", True),
        ("correct hors", False),
        ("correct horse ", False),
        ("", False),
        (None, False),
        (DIGESTS[0], False),
        (chr(0xDC80), False),
    ],
)
@pytest.mark.parametrize("digests", [DIGESTS, [digest.upper() for digest in DIGESTS]])
def test_posting_takes_one_of_the_keys(key, is_valid, digests):
    assert (Access(digests, []).problem_with(asked(key)) is None) == is_valid


@pytest.mark.parametrize(("resource", "method"), [("/health", "GET"), ("/openapi.json", "GET"), ("/app", "OPTIONS")])
def test_all_else_takes_no_key(resource, method):
    assert Access(DIGESTS, []).problem_with(asked(None, resource=resource, method=method)) is None


@pytest.mark.parametrize(
    ("address", "is_allowed"),
    [
        ("203.0.113.0", True),
        ("203.0.113.255", True),
        ("203.0.112.255", False),
        ("203.0.114.0", False),
        ("2001:db8::1", True),
        ("2001:db9::1", False),
        (None, False),
        ("", False),
        ("no address", False),
    ],
)
@pytest.mark.parametrize("resource", ["/app", "/health"])
def test_only_allowed_networks_may_ask(address, is_allowed, resource):
    access = Access([], ["203.0.113.0/24", "2001:db8::/32"])
    assert (access.problem_with(asked(address=address, resource=resource)) is None) == is_allowed


def test_both_are_needed_where_both_are_set():
    access = Access(DIGESTS, ["203.0.113.0/24"])
    assert access.problem_with(asked("correct horse")) is None
    for refused in (asked("correct horse", "203.0.114.1"), asked("wrong")):
        problem = access.problem_with(refused)
        assert problem is not None
        assert (problem.status, problem.code) == (403, "forbidden")


def test_without_settings_everybody_may_ask():
    assert Access([], []).problem_with(asked(address=None)) is None
