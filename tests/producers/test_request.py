"""A client's request as each door of API Gateway hands it over."""

from typing import Any

import pytest

from producers.request import Request, request_of


def rest_event(**changes):
    return {
        "resource": "/app",
        "httpMethod": "POST",
        "headers": {"Content-Type": "text/plain", "X-Number": 7},
        "body": "bnVsbA==",
        "isBase64Encoded": True,
        "requestContext": {
            "stage": "dev",
            "requestId": "id-1",
            "identity": {"sourceIp": "203.0.113.9", "userAgent": "curl/8.5", "apiKeyId": "key-1"},
        },
    } | changes


def http_event(**changes):
    return {
        "version": "2.0",
        "routeKey": "ANY /app",
        "headers": {"content-type": "text/plain", "x-number": 7, "x-api-key": "key-1"},
        "body": "bnVsbA==",
        "isBase64Encoded": True,
        "requestContext": {
            "stage": "dev",
            "requestId": "id-1",
            "http": {"method": "POST", "sourceIp": "203.0.113.9", "userAgent": "curl/8.5"},
        },
    } | changes


WHOLE: dict[str, Any] = {
    "resource": "/app",
    "method": "POST",
    "body": "bnVsbA==",
    "is_base64": True,
    "stage": "dev",
    "request_id": "id-1",
    "source_ip": "203.0.113.9",
    "user_agent": "curl/8.5",
    "client": "key-1",
}


def test_a_rest_api_hands_over_every_part_of_a_request():
    headers = {"content-type": "text/plain", "x-number": "7"}
    assert request_of(rest_event()) == Request(**WHOLE, headers=headers)
    assert request_of(rest_event(version="1.0")) == Request(**WHOLE, headers=headers)


def test_an_http_api_hands_over_every_part_of_a_request():
    headers = {"content-type": "text/plain", "x-number": "7", "x-api-key": "key-1"}
    assert request_of(http_event()) == Request(**WHOLE, headers=headers)


@pytest.mark.parametrize("absent", [{}, None])
def test_what_a_door_leaves_out_is_empty(absent):
    bare = {"headers": {}, "body": "", "is_base64": False, "stage": "", "client": "anyone"}
    expected = Request(**WHOLE | bare | {"source_ip": None, "user_agent": None})
    rest: dict[str, Any] = {"resource": "/app", "httpMethod": "POST", "requestContext": {"requestId": "id-1"}}
    http: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "ANY /app",
        "requestContext": {"requestId": "id-1", "http": {"method": "POST"}},
    }
    assert request_of(rest) == expected
    assert request_of(http) == expected
    rest["requestContext"] |= {"identity": absent, "authorizer": absent}
    http["requestContext"] |= {"authorizer": absent}
    for event in (rest, http):
        assert request_of(event | {"headers": absent, "body": None, "isBase64Encoded": None}) == expected


def test_a_path_that_an_http_api_does_not_have_is_no_resource():
    assert request_of(http_event(routeKey="$default")).resource == ""


@pytest.mark.parametrize(
    ("authorizer", "client"),
    [
        ({"claims": {"sub": "user-1"}, "principalId": "p"}, "user-1"),
        ({"claims": {}, "principalId": "p"}, "p"),
        ({"claims": None, "principalId": "p"}, "p"),
        ({"principalId": 7}, "7"),
        ({"principalId": ""}, "key-1"),
    ],
)
def test_at_a_rest_api_the_client_is_the_user_before_the_principal_before_the_api_key(authorizer, client):
    event = rest_event()
    event["requestContext"]["authorizer"] = authorizer
    assert request_of(event).client == client


@pytest.mark.parametrize(
    ("authorizer", "client"),
    [
        ({"jwt": {"claims": {"sub": "user-1"}}, "lambda": {"principalId": "p"}}, "user-1"),
        ({"jwt": {"claims": {}}, "lambda": {"principalId": "p"}}, "p"),
        ({"jwt": {"claims": None}, "lambda": {"principalId": "p"}}, "p"),
        ({"jwt": None, "lambda": {"principalId": 7}}, "7"),
        ({"lambda": {}}, "key-1"),
        ({"lambda": None}, "key-1"),
    ],
)
def test_at_an_http_api_the_client_is_the_user_before_the_principal_before_the_api_key(authorizer, client):
    event = http_event()
    event["requestContext"]["authorizer"] = authorizer
    assert request_of(event).client == client
