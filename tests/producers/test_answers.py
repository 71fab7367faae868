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
