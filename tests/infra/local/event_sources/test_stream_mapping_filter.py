"""Event filtering: every condition Lambda documents."""

import json
from typing import Any

import pytest

from infra.local.event_sources.event_filter import EventFilter, PatternError


def passes(pattern: Any, data: Any, **fields: Any) -> bool:
    content = data if isinstance(data, bytes) else json.dumps(data).encode()
    return EventFilter([json.dumps(pattern)], content="data").passes(content, fields)


CASES: list[tuple[Any, list[Any], list[Any]]] = [
    ({"a": [None]}, [{"a": None}], [{"a": ""}, {"a": 0}, {}]),
    ({"a": [""]}, [{"a": ""}], [{"a": None}, {}]),
    ({"a": ["x"]}, [{"a": "x"}, {"a": ["y", "x"]}], [{"a": "X"}, {"a": {"x": 1}}, {}]),
    ({"a": [1]}, [{"a": 1}, {"a": 1.0}], [{"a": "1"}, {"a": True}]),
    ({"a": [True]}, [{"a": True}], [{"a": 1}, {"a": "true"}]),
    ({"a": ["x", "y"]}, [{"a": "x"}, {"a": "y"}], [{"a": "z"}]),
    ({"a": ["x"], "b": ["y"]}, [{"a": "x", "b": "y"}], [{"a": "x"}, {"b": "y"}]),
    ({"$or": [{"a": ["x"]}, {"b": ["y"]}]}, [{"a": "x"}, {"b": "y"}], [{"a": "y", "b": "x"}]),
    ({"a": {"b": {"c": [1]}}}, [{"a": {"b": {"c": 1}}}], [{"a": {"b": 1}}, {"a": 1}]),
    ({"a": [{"anything-but": ["x", 1]}]}, [{"a": "y"}, {"a": 2}], [{"a": "x"}, {"a": 1}, {}]),
    ({"a": [{"anything-but": "x"}]}, [{"a": "y"}], [{"a": "x"}]),
    ({"a": [{"anything-but": {"prefix": "x"}}]}, [{"a": "yx"}], [{"a": "xy"}]),
    ({"a": [{"numeric": ["=", 5]}]}, [{"a": 5}], [{"a": 4}, {"a": "5"}, {"a": True}]),
    ({"a": [{"numeric": [">", 0, "<=", 5]}]}, [{"a": 5}, {"a": 0.1}], [{"a": 0}, {"a": 6}]),
    ({"a": [{"exists": True}]}, [{"a": None}, {"a": 1}], [{}]),
    ({"a": [{"exists": False}]}, [{}, {"b": 1}], [{"a": None}]),
    ({"a": [{"prefix": "us-"}]}, [{"a": "us-east-1"}], [{"a": "eu-us-"}, {"a": 1}]),
    ({"a": [{"suffix": ".png"}]}, [{"a": "x.png"}], [{"a": "x.png.jpg"}]),
    ({"a": [{"equals-ignore-case": "Alice"}]}, [{"a": "aLICE"}], [{"a": "Bob"}]),
]


@pytest.mark.parametrize(("pattern", "matching", "other"), CASES, ids=lambda case: json.dumps(case)[:40])
def test_a_condition_lets_through_what_it_says_and_nothing_else(
    pattern: Any, matching: list[Any], other: list[Any]
) -> None:
    for data in matching:
        assert passes({"data": pattern}, data), data
    for data in other:
        assert not passes({"data": pattern}, data), data


def test_one_matching_filter_of_several_is_enough() -> None:
    patterns = ['{"data":{"a":[1]}}', '{"data":{"a":[2]}}']
    assert EventFilter(patterns, content="data").passes(b'{"a":2}', {})


def test_without_filters_everything_passes() -> None:
    assert EventFilter([], content="data").passes(b"\xff not JSON", {})


@pytest.mark.parametrize("data", [b"not JSON", b"\xff\xfe\xfd", b"", b"[" * 100_000])
def test_data_that_is_not_json_is_dropped_where_a_pattern_looks_into_it(data: bytes) -> None:
    assert not passes({"data": {"a": [{"exists": False}]}}, data)


def test_a_pattern_on_the_partition_key_does_not_mind_data_that_is_not_json() -> None:
    assert passes({"partitionKey": ["k"]}, b"not JSON", partitionKey="k")
    assert not passes({"partitionKey": ["k"]}, b"not JSON", partitionKey="other")


@pytest.mark.parametrize(
    "pattern",
    [
        "not JSON",
        "[]",
        '{"data":{"a":1}}',
        '{"data":{"a":[]}}',
        '{"data":{"a":[{"like":"x"}]}}',
        '{"data":{"a":[{"prefix":1}]}}',
        '{"data":{"a":[{"numeric":["=","5"]}]}}',
        '{"data":{"a":[{"numeric":[">"]}]}}',
        '{"data":{"a":[{"prefix":"x","suffix":"y"}]}}',
        '{"data":{"b":["x"],"a":["ok",{"like":"x"}]}}',
    ],
)
def test_a_pattern_that_cannot_be_followed_is_refused_at_once(pattern: str) -> None:
    with pytest.raises(PatternError):
        EventFilter([pattern], content="data")
