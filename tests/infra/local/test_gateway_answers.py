"""What the gateway answers by itself, and which answers of a function it takes."""

import re
from pathlib import Path

import pytest

from infra.local.gateway import http_answer
from infra.local.gateway_request import Own, Refused
from infra.local.gateway_rest import OWN_ANSWERS

TERRAFORM = Path(__file__).parents[3] / "infra" / "terraform"


def test_the_own_answers_of_the_rest_door_are_the_ones_that_terraform_sets():
    text = (TERRAFORM / "api_errors.tf").read_text()
    entries = {
        name: dict(re.findall(r"(\w+)\s*= (\"[^\"]*\"|\w+)", members))
        for name, members in re.findall(r"^    ([A-Z_0-9]+)\s*= \{(.*?)\}$", text, re.MULTILINE | re.DOTALL)
    }
    assert set(OWN_ANSWERS) | {Own.BODY_TOO_LARGE} == set(Own)
    for own, (response_type, status, code, message, retry_after) in OWN_ANSWERS.items():
        entry = entries[response_type]
        assert entry["code"] == f'"{code}"', own
        assert entry["message"] == f'"{message}"'.replace("{stage}", "${local.stage_name}"), own
        assert entry["status"] in (f'"{status}"', "null"), own
        assert entry.get("retry_after") == (None if retry_after is None else str(retry_after)), own


@pytest.mark.parametrize(
    "answer",
    [
        {"statusCode": 200, "wrongValue": 1},
        {"statusCode": "abc"},
        {"statusCode": None},
        "text",
        [],
        None,
        {"statusCode": 200, "headers": ["a"]},
        {"statusCode": 200, "body": 5},
    ],
    ids=str,
)
def test_an_answer_in_another_form_than_the_proxys_is_refused(answer):
    with pytest.raises(Refused):
        http_answer(answer)


@pytest.mark.parametrize(
    ("answer", "status"),
    [({"statusCode": "204", "headers": None}, 204), ({"headers": {"x": True}}, 200), ({"statusCode": 201}, 201)],
    ids=str,
)
def test_an_answer_in_the_proxys_form_is_taken(answer, status):
    assert http_answer(answer)[0] == status
