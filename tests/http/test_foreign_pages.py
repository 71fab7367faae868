"""Web pages of other origins, which reach 127.0.0.1 through a browser: both ports refuse them."""

import pytest
import urllib3


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://example.com"},
        {"origin": "null"},
        {"origin": "http://localhost:3000"},
        {"sec_fetch_site": "cross-site"},
        {"sec_fetch_site": "same-site"},
        {"host": "rebound.example.com"},
        {"host": "rebound.example.com:8080"},
        {"host": "127.0.0.1.example.com"},
    ],
    ids=str,
)
def test_pages_of_other_origins_get_nothing_and_put_nothing(api, headers):
    before = len(api.events())
    for method, path in (("POST", "/dev/app"), ("GET", "/_local/status"), ("GET", "/dev/health")):
        reply = api.request(method, path, b"1" if method == "POST" else None, **headers)
        assert (reply.status, reply.body["error"]["code"]) == (403, "foreign_page")
        assert not [name for name in reply.headers if name.startswith("access-control")]
    assert len(api.events()) == before


def test_pages_of_this_machine_and_programs_may_ask(api):
    own = "/".join(api.pipeline.url.split("/")[:3])
    port = own.rpartition(":")[2]
    for headers in ({}, {"origin": own}, {"sec_fetch_site": "none"}, {"host": f"localhost:{port}"}, {"host": "[::1]"}):
        assert api.post(b"1", **headers).status == 201


@pytest.mark.parametrize("headers", [{"origin": "https://example.com"}, {"host": "rebound.example.com"}], ids=str)
def test_pages_of_other_origins_do_not_reach_the_aws_port(api, headers):
    queues = api.pipeline.aws_url + "/?Action=ListQueues&Version=2012-11-05"
    sign = {"Authorization": "AWS4-HMAC-SHA256 Credential=local/20261124/eu-west-2/sqs/aws4_request"}
    assert urllib3.request("GET", queues, headers=sign).status == 200
    assert urllib3.request("GET", queues, headers=sign | headers).status == 403
