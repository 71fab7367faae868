"""Who may post, and how often: the gateway's part, with the settings of pipeline.yaml."""

import pytest


def test_the_rate_bites_and_says_when_to_come_again(start, door):
    api = start(local={"limits": "aws"}, http={"rate_per_second": 1, "burst": 5})
    replies = [api.post(b"1") for _ in range(12)]
    assert [reply.status for reply in replies[:5]] == [201] * 5
    refused = [reply for reply in replies if reply.status == 429]
    assert len(refused) >= 5
    if door == "http":  # an HTTP API words its own answers
        assert refused[0].body == {"message": "Too Many Requests"}
        return
    assert all(int(reply.headers["retry-after"]) >= 1 for reply in refused)
    assert refused[0].body["error"]["code"] == "too_many_requests"


def test_posting_takes_the_api_key_where_one_is_required(start, monkeypatch):
    monkeypatch.setenv("SPILLWAY_API_KEY", "correct horse")
    api = start(http={"api_key_required": True})
    assert api.post(b"1").status == 403
    refused = api.post(b"1", x_api_key="wrong")
    assert refused.status == 403
    assert refused.body["error"]["code"] == "forbidden"
    assert api.post(b"1", x_api_key="correct horse").status == 201
    assert api.request("GET", "/dev/health").status == 200
    assert api.request("OPTIONS", "/dev/app").status == 204


def test_an_api_key_is_made_where_none_is_given(start, monkeypatch):
    monkeypatch.delenv("SPILLWAY_API_KEY", raising=False)
    api = start(http={"api_key_required": True})
    assert len(api.pipeline.api_key) >= 32
    assert api.post(b"1", x_api_key=api.pipeline.api_key).status == 201


@pytest.mark.parametrize(
    ("cidrs", "status"),
    [(["127.0.0.0/8"], 201), (["203.0.113.0/24", "127.0.0.1/32"], 201), (["203.0.113.0/24"], 403), (["::1/128"], 403)],
)
def test_only_allowed_addresses_may_post_whatever_they_claim(start, cidrs, status):
    api = start(http={"allowed_cidrs": cidrs})
    assert api.post(b"1").status == status
    assert api.post(b"1", x_forwarded_for="203.0.113.9").status == status


def test_pages_of_an_origin_that_is_named_may_post(start):
    api = start(http={"cors_origins": ["https://example.com"]})
    asked = api.request("OPTIONS", "/dev/app", origin="https://example.com", access_control_request_method="POST")
    assert asked.status == 204
    assert asked.headers["access-control-allow-origin"] == "https://example.com"
    assert "POST" in asked.headers["access-control-allow-methods"]
    assert "Idempotency-Key" in asked.headers["access-control-allow-headers"]
    for body, status in ((b"1", 201), (b"{", 400)):
        reply = api.post(body, origin="https://example.com")
        assert (reply.status, reply.headers["access-control-allow-origin"]) == (status, "https://example.com")
        assert reply.headers["vary"] == "Origin"
    assert api.post(b"1", origin="https://example.org").status == 403
