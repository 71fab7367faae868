"""Answers: the truth in the fewest words, and never more than Lambda may return."""

import json

import pytest

from producers import answers
from producers.ingestion import IN_DOUBT, THROTTLED, Accepted
from producers.problem import Problem

LAMBDA_RESPONSE_BYTES = 6_291_556
TIMESTAMP = "2026-11-23T02:34:56.123456Z"
INVALID = Problem(400, "not_json", "not JSON")


def accepted(n: int) -> Accepted:
    return Accepted(TIMESTAMP, f"8f1c7d5e-0000-4000-8000-000000000000#{n}")


@pytest.mark.parametrize(
    ("results", "status"),
    [
        ([accepted(0), accepted(1)], 201),
        ([accepted(0), INVALID], 207),
        ([accepted(0), THROTTLED], 207),
        ([accepted(0), IN_DOUBT], 207),
        ([INVALID, INVALID], 422),
        ([INVALID, THROTTLED], 503),
        ([INVALID, THROTTLED, IN_DOUBT], 504),
    ],
)
def test_the_status_of_a_list_says_what_to_do(results, status):
    answer = answers.batch(results)
    assert answer["statusCode"] == status
    assert ("Retry-After" in answer["headers"]) == (status in (503, 504))
    body = json.loads(answer["body"])
    assert body["accepted"] + body["rejected"] == len(results) == len(body["results"])
    statuses = {THROTTLED: "throttled", IN_DOUBT: "in_doubt", INVALID: "invalid"}
    assert [result["status"] for result in body["results"]] == [statuses.get(r, "accepted") for r in results]


def size(answer) -> int:
    return len(json.dumps(answer, separators=(",", ":")))


LONG = Problem(422, "schema_violation", '"\\' * 300, "/" + "é" * 300)


@pytest.mark.parametrize("of_25_000", [0, 1, 12_500, 24_999, 25_000])
def test_the_largest_list_with_the_longest_problems_fits_into_lambdas_response(of_25_000):
    results = [accepted(n) for n in range(25_000 - of_25_000)] + [LONG] * of_25_000
    answer = answers.batch(results)
    assert size(answer) <= LAMBDA_RESPONSE_BYTES
    shown = json.loads(answer["body"])["results"]
    assert [result["index"] for result in shown] == list(range(25_000))
    assert all(result["error"]["code"] == "schema_violation" for result in shown if result["status"] == "invalid")
    whole = [result for result in shown if result["status"] == "invalid" and result["error"]["message"] == LONG.message]
    assert len(whole) == of_25_000 or size(answer) > answers.MAX_BODY_BYTES - size([LONG.message, LONG.path])


def test_details_are_left_out_only_where_there_is_no_room():
    entry = len(answers.batch([LONG])["body"])
    per_entry = size(answers.batch([LONG] * 101)) - size(answers.batch([LONG] * 100))
    most = answers.MAX_BODY_BYTES // per_entry - 1
    assert entry < per_entry
    for number, has_all in ((most, True), (most + 3, False)):
        shown = json.loads(answers.batch([LONG] * number)["body"])["results"]
        assert all(result["error"]["message"] == LONG.message for result in shown) == has_all


def test_one_event_with_a_key_as_long_as_an_event_may_be_fits_as_well():
    results = [Problem(422, "schema_violation", "x", "/" + "\\" * 400_000) for _ in range(14)]
    answer = answers.batch(results)
    assert size(answer) <= LAMBDA_RESPONSE_BYTES
    paths = [result["error"]["path"] for result in json.loads(answer["body"])["results"]]
    assert paths[0] == results[0].path
    assert paths[-1] is None


def test_one_accepted_event_is_answered_with_its_key():
    assert answers.single(Accepted(TIMESTAMP, "id-1")) == {
        "statusCode": 201,
        "headers": {"Content-Type": "application/json"},
        "body": f'{{"timestamp":"{TIMESTAMP}","request_id":"id-1"}}\n',
        "isBase64Encoded": False,
    }


@pytest.mark.parametrize(
    ("status", "headers"),
    [(400, {}), (409, {"Retry-After": "1"}), (422, {}), (503, {"Retry-After": "1"}), (504, {"Retry-After": "1"})],
)
def test_a_refused_request_is_answered_with_its_problem(status, headers):
    problem = Problem(status, "some_code", "what is wrong", "/n")
    for answer in (answers.refusal(problem), answers.single(problem)):
        assert answer == {
            "statusCode": status,
            "headers": {"Content-Type": "application/json"} | headers,
            "body": '{"error":{"code":"some_code","message":"what is wrong","path":"/n"}}\n',
            "isBase64Encoded": False,
        }


def test_a_method_that_a_resource_does_not_have_is_answered_with_the_ones_it_has():
    assert answers.method_not_allowed(["GET", "POST"]) == {
        "statusCode": 405,
        "headers": {"Content-Type": "application/json", "Allow": "GET, POST, OPTIONS"},
        "body": '{"error":{"code":"method_not_allowed","message":"use GET, POST, OPTIONS","path":null}}\n',
        "isBase64Encoded": False,
    }


def test_options_are_answered_without_a_body():
    expected = {"statusCode": 204, "headers": {"Allow": "POST, OPTIONS"}, "body": "", "isBase64Encoded": False}
    assert answers.options(["POST"]) == expected


ORIGIN = "https://example.com"


@pytest.mark.parametrize("allowed", [[ORIGIN], ["*"], ["https://example.org", ORIGIN]])
@pytest.mark.parametrize(("own", "methods"), [({}, "POST"), ({"Allow": "GET, OPTIONS"}, "GET, OPTIONS")])
def test_a_page_of_an_allowed_origin_gets_the_answer(allowed, own, methods):
    response = {"statusCode": 204, "headers": {"X-Own": "kept"} | own}
    assert answers.with_cors(response, ORIGIN, allowed)["headers"] == {
        "X-Own": "kept",
        **own,
        "Access-Control-Allow-Origin": ORIGIN,
        "Access-Control-Allow-Methods": methods,
        "Access-Control-Allow-Headers": "Content-Type, Content-Encoding, Idempotency-Key, X-Api-Key, Authorization",
        "Access-Control-Expose-Headers": "Retry-After",
        "Access-Control-Max-Age": "86400",
        "Vary": "Origin",
    }


@pytest.mark.parametrize(
    ("origin", "allowed"), [(None, ["*"]), (None, [ORIGIN]), (ORIGIN, []), (ORIGIN, ["https://example.org"])]
)
def test_a_page_of_another_origin_does_not(origin, allowed):
    assert answers.with_cors({"headers": {"X-Own": "kept"}}, origin, allowed) == {"headers": {"X-Own": "kept"}}


def test_a_list_keeps_its_details_while_its_body_has_the_largest_size(monkeypatch):
    results: list[Accepted | Problem] = [accepted(0), LONG, THROTTLED]
    whole = answers.batch(results)["body"]
    in_response = len(json.dumps(whole.removesuffix("\n"), ensure_ascii=False)) - 2
    monkeypatch.setattr(answers, "MAX_BODY_BYTES", in_response)
    assert answers.batch(results)["body"] == whole
    monkeypatch.setattr(answers, "MAX_BODY_BYTES", in_response - 1)
    shown = json.loads(answers.batch(results)["body"])["results"]
    assert [result["status"] for result in shown] == ["accepted", "invalid", "throttled"]
    assert shown[1]["error"] == {
        "code": "schema_violation",
        "message": "left out, since an answer has at most 6 MB",
        "path": None,
    }
