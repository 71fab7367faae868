"""An HTTP API in front of a function: payload format 2.0."""

import gzip
import json

import pytest

from tests.conformance.account import Account
from tests.conformance.doors import ECHO, OBEDIENT, ServedDoor, body_of
from tests.conformance.facts import fact

JSON = [("Content-Type", "application/json")]


@pytest.fixture(scope="module")
def echo(account: Account) -> ServedDoor:
    """An API whose function answers with its event."""
    return account.http_api(account.function(ECHO))


@fact("[floci #2172 2026-08-07]")
def test_an_event_says_version_2(echo: ServedDoor) -> None:
    assert echo.post(b"{}", headers=JSON).event["version"] == "2.0"


@fact("[floci #2172 2026-08-07] [LS request_data_mapping]")
def test_header_names_are_in_lower_case(echo: ServedDoor) -> None:
    headers = echo.post(b"{}", headers=[*JSON, ("X-Custom", "1")]).event["headers"]
    assert headers["x-custom"] == "1"
    assert all(name == name.lower() for name in headers)


@fact("[floci #2172 2026-08-07]")
def test_the_raw_path_includes_the_stage(echo: ServedDoor) -> None:
    assert echo.post(b"{}", headers=JSON).event["rawPath"] == "/dev/app"


@fact("[floci #2172 2026-08-07]")
def test_cookies_have_a_list_of_their_own(echo: ServedDoor) -> None:
    event = echo.post(b"{}", headers=[*JSON, ("Cookie", "a=1")]).event
    assert event["cookies"] == ["a=1"]
    assert "cookie" not in event["headers"]


@fact("[m apigatewayv2 Api]")
def test_an_event_names_request_and_client(echo: ServedDoor) -> None:
    context = echo.post(b"{}", headers=JSON).event["requestContext"]
    assert context["requestId"]
    assert context["http"]["sourceIp"]
    assert context["http"]["method"] == "POST"


@fact("[ministack #766 2026-06-01]", each=True)
@pytest.mark.parametrize("media_type", ["application/json", "text/plain", "application/xml", "application/javascript"])
def test_a_body_of_a_text_type_arrives_as_text(echo: ServedDoor, media_type: str) -> None:
    event = echo.post('{"a":"é"}'.encode(), headers=[("Content-Type", media_type)]).event
    assert (event["isBase64Encoded"], event["body"]) == (False, '{"a":"é"}')


@fact("[ministack #766 2026-06-01]", each=True)
@pytest.mark.parametrize(
    "media_type", ["application/x-ndjson", "application/octet-stream", "application/x-www-form-urlencoded", ""]
)
def test_a_body_of_another_type_arrives_in_base64(echo: ServedDoor, media_type: str) -> None:
    event = echo.post(b"a=1", headers=[("Content-Type", media_type)] if media_type else []).event
    assert event["isBase64Encoded"] is True
    assert body_of(event) == b"a=1"


@fact("[ministack #766] [doc http-api-vs-rest]", unsure=True)
def test_a_gzip_body_called_json_arrives_somehow(echo: ServedDoor) -> None:
    # Not measured by anybody: inflated, in base64, or read as text and so destroyed. The handler judges by the bytes.
    compressed = gzip.compress(b'{"a":1}')
    event = echo.post(compressed, headers=[*JSON, ("Content-Encoding", "gzip")]).event
    destroyed = compressed.decode("utf-8", "replace").encode()
    assert body_of(event) in {b'{"a":1}', compressed, destroyed}


@fact("[m apigatewayv2 Route]")
def test_an_unknown_path_is_404(echo: ServedDoor) -> None:
    reply = echo.get("/nowhere")
    assert (reply.status, json.loads(reply.body)) == (404, {"message": "Not Found"})


@fact("[m apigatewayv2 Integration]")
def test_a_function_that_raises_is_500(account: Account) -> None:
    door = account.http_api(account.function(OBEDIENT))
    reply = door.post(b"raise", headers=JSON)
    assert (reply.status, json.loads(reply.body)) == (500, {"message": "Internal Server Error"})
