"""A REST API in front of a function: what it does to a request, and to an answer."""

import gzip
import json
import time
from typing import Any

import pytest

from tests.conformance.account import Account
from tests.conformance.doors import ECHO, OBEDIENT, ServedDoor, body_of, lowered
from tests.conformance.facts import fact

JSON = [("Content-Type", "application/json")]
GZIP = [*JSON, ("Content-Encoding", "gzip")]
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def echo(account: Account) -> ServedDoor:
    """An API whose function answers with its event; every media type is binary, as the deployment sets it."""
    return account.rest_api(account.function(ECHO), binary=True)


@pytest.fixture(scope="module")
def plain(account: Account) -> ServedDoor:
    """The same without binary media types."""
    return account.rest_api(account.function(ECHO), binary=False)


@pytest.fixture(scope="module")
def obedient(account: Account) -> ServedDoor:
    """An API whose function answers what the body says."""
    return account.rest_api(account.function(OBEDIENT), binary=True)


# Requests


@fact("[m apigateway RestApi] [L23 services-apigateway]")
def test_an_event_has_these_members(echo: ServedDoor) -> None:
    assert set(echo.post(b"{}", headers=JSON).event) == {
        "resource", "path", "httpMethod", "headers", "multiValueHeaders", "queryStringParameters",
        "multiValueQueryStringParameters", "pathParameters", "stageVariables", "requestContext", "body",
        "isBase64Encoded",
    }  # fmt: skip


@fact("[L23 services-apigateway]")
def test_an_event_names_request_client_and_time(echo: ServedDoor) -> None:
    context = echo.post(b"{}", headers=JSON).event["requestContext"]
    assert context["requestId"]
    assert context["identity"]["sourceIp"]
    assert abs(context["requestTimeEpoch"] / 1000 - time.time()) < 300
    assert (context["httpMethod"], context["resourcePath"]) == ("POST", "/app")


@fact("[L23 services-apigateway]")
def test_every_request_has_an_id_of_its_own(echo: ServedDoor) -> None:
    ids = {echo.post(b"{}", headers=JSON).event["requestContext"]["requestId"] for _ in range(3)}
    assert len(ids) == 3


@fact("[L23 services-apigateway]")
def test_a_request_without_a_body_has_the_body_null(echo: ServedDoor) -> None:
    event = echo.post().event
    assert (event["body"], event["isBase64Encoded"]) == (None, False)


@fact("[doc api-gateway-gzip-compression-decompression] [capture yoshihiro-kato 2018-03]")
def test_with_binary_media_types_a_body_arrives_in_base64(echo: ServedDoor) -> None:
    event = echo.post(b"\xff\x00\xfe", headers=[("Content-Type", "application/octet-stream")]).event
    assert event["isBase64Encoded"] is True
    assert body_of(event) == b"\xff\x00\xfe"


@fact("[m apigateway RestApi]")
def test_without_binary_media_types_a_body_arrives_as_text(plain: ServedDoor) -> None:
    event = plain.post('{"a":"é"}'.encode(), headers=JSON).event
    assert (event["isBase64Encoded"], event["body"]) == (False, '{"a":"é"}')


@fact("[doc api-gateway-gzip-compression-decompression]", each=True)
@pytest.mark.parametrize("binary", [True, False], ids=["binary media types", "none"])
def test_a_gzip_body_is_inflated(echo: ServedDoor, plain: ServedDoor, binary: bool) -> None:  # noqa: FBT001 (a parameter)
    door = echo if binary else plain
    event = door.post(gzip.compress(b'{"a":1}'), headers=GZIP).event
    assert body_of(event) == b'{"a":1}'


@fact("[capture serverless-http #194, 2021]")
def test_an_inflated_body_keeps_its_content_encoding_header(echo: ServedDoor) -> None:
    event = echo.post(gzip.compress(b'{"a":1}'), headers=GZIP).event
    assert lowered(event["headers"])["content-encoding"] == "gzip"


@fact("[doc make-request-with-compressed-payload]", each=True)
@pytest.mark.parametrize(("coding", "body"), [("gzip", b"not gzip"), ("zstd", b"x")], ids=["broken", "unknown"])
def test_a_coding_is_refused_as_an_unsupported_media_type(echo: ServedDoor, coding: str, body: bytes) -> None:
    assert echo.post(body, headers=[*JSON, ("Content-Encoding", coding)]).status == 415


@fact("[capture koki-develop/lgtm-generator #10, 2021]")
def test_a_body_over_10_mib_is_413_in_plain_text(echo: ServedDoor) -> None:
    reply = echo.post(b"x" * (10 * MIB + 1), headers=JSON)
    assert (reply.status, reply.body) == (413, b"HTTP content length exceeded 10485760 bytes.")
    assert reply.headers["content-type"] == "text; charset=utf-8"


@fact("[capture koki-develop/lgtm-generator #10, 2021]")
def test_a_body_over_what_lambda_takes_is_413(echo: ServedDoor) -> None:
    assert echo.post(b"x" * (6 * MIB), headers=JSON).status == 413


@fact("[LS request_data_mapping 2024-07-22]")
def test_a_repeated_header_is_in_the_multi_value_headers(echo: ServedDoor) -> None:
    event = echo.post(b"{}", headers=[*JSON, ("X-Two", "1"), ("X-Two", "2")]).event
    assert lowered(event["multiValueHeaders"])["x-two"] == ["1", "2"]
    assert lowered(event["headers"])["x-two"] == "2"


@fact("[L23 services-apigateway]")
def test_a_repeated_query_parameter_keeps_every_value(echo: ServedDoor) -> None:
    event = echo.post(b"{}", query="?a=1&a=2&b=", headers=JSON).event
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"], "b": [""]}
    assert event["queryStringParameters"] == {"a": "2", "b": ""}


@fact("[L23 services-apigateway]")
def test_a_request_without_a_query_has_null(echo: ServedDoor) -> None:
    event = echo.post(b"{}", headers=JSON).event
    assert (event["queryStringParameters"], event["multiValueQueryStringParameters"]) == (None, None)


# Answers


def say(door: ServedDoor, answer: Any) -> Any:
    return door.post(json.dumps(answer).encode(), headers=JSON)


@fact("[LS aws_proxy_response_payload_format_validation 2024-11-15]", each=True)
@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": 200, "wrongValue": 1}, "text", {"statusCode": "many"},
        {"statusCode": 200, "multiValueHeaders": {"a": "not a list"}},
    ],
    ids=["unknown member", "plain text", "no number", "no list of values"],
)  # fmt: skip
def test_an_answer_of_another_shape_is_502(obedient: ServedDoor, answer: Any) -> None:
    assert say(obedient, answer).status == 502


@fact("[LS aws_proxy_response_payload_format_validation 2024-11-15]", each=True)
@pytest.mark.parametrize(
    ("answer", "status"),
    [({"statusCode": "201"}, 201), ({"statusCode": 204, "headers": None}, 204), ({"headers": {"a": "b"}}, 200)],
    ids=["status as text", "null headers", "no status"],
)
def test_an_answer_is_accepted(obedient: ServedDoor, answer: Any, status: int) -> None:
    assert say(obedient, answer).status == status


@fact("[LS aws_proxy_response_payload_format_validation 2024-11-15]")
def test_an_answer_without_a_content_type_is_json(obedient: ServedDoor) -> None:
    assert say(obedient, {"statusCode": 200, "body": "{}"}).headers["content-type"] == "application/json"


@fact("[LS aws_proxy_response_payload_format_validation 2024-11-15]")
def test_headers_and_multi_value_headers_merge(obedient: ServedDoor) -> None:
    answer = {"statusCode": 200, "headers": {"a-one": "1"}, "multiValueHeaders": {"a-two": ["2", "3"]}}
    headers = say(obedient, answer).headers
    assert (headers["a-one"], headers.getlist("a-two")) == ("1", ["2", "3"])


@fact("[LS aws_proxy_response_payload_format_validation 2024-11-15]")
def test_a_header_may_be_a_boolean(obedient: ServedDoor) -> None:
    assert say(obedient, {"statusCode": 200, "headers": {"a-flag": True}}).headers["a-flag"] == "true"


@fact("[L23 services-apigateway]")
def test_a_function_that_raises_is_502(obedient: ServedDoor) -> None:
    assert obedient.post(b"raise", headers=JSON).status == 502


@fact("[L23 services-apigateway] [doc kgateway #10192]")
def test_a_function_that_is_throttled_is_500(account: Account) -> None:
    door = account.rest_api(account.throttled(), binary=True)
    assert door.post(b"{}", headers=JSON).status == 500
