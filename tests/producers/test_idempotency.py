"""The records of Idempotency-Keys: who may put, under which keys, and for how long."""

import boto3
import pytest
from moto import mock_aws

from producers.idempotency import CLOCKS_DIFFER_SECONDS, KEPT_SECONDS, Claim, ClientKey, KeyTable, once
from producers.ingestion import Acceptance, Attempt, Receipt
from producers.problem import RefusedRequest
from tests.clock import FakeClock

KEY = ClientKey("anyone", "key", b"body")
LASTS_SECONDS = 10.0


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def keys(clock, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        dynamodb = boto3.client("dynamodb", region_name="eu-west-2")
        dynamodb.create_table(
            TableName="keys",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        yield KeyTable(dynamodb, "keys", clock)


def claim(keys: KeyTable, request_id: str, key: ClientKey = KEY) -> Claim:
    claimed = ask(keys, request_id, key)
    assert isinstance(claimed, Claim)
    return claimed


def ask(keys: KeyTable, request_id: str, key: ClientKey = KEY) -> Claim | Receipt:
    return keys.claim(key, Attempt(request_id, 1_000 + int(request_id)), LASTS_SECONDS)


def refusal(keys: KeyTable, request_id: str, key: ClientKey = KEY) -> str:
    with pytest.raises(RefusedRequest) as refused:
        ask(keys, request_id, key)
    return refused.value.problem.code


def acceptance(attempt: Attempt, accepted: int, throttled=(), doubtful=()) -> Acceptance:
    receipt = Receipt(attempt.request_id, attempt.accepted_at_micros, throttled, doubtful)
    return Acceptance(receipt, accepted, 0, 0, "")


def test_a_claim_holds_until_its_invocation_has_ended_for_certain(keys, clock):
    claim(keys, "1")
    clock.advance(LASTS_SECONDS + CLOCKS_DIFFER_SECONDS - 0.002)
    assert refusal(keys, "2") == "in_progress"
    clock.advance(0.004)
    second = claim(keys, "3")
    assert second.attempt == Attempt("1", 1_001, places=None, doubtful=None)
    assert refusal(keys, "4") == "in_progress"


def test_what_an_ended_holder_says_late_changes_nothing(keys, clock):
    first = claim(keys, "1")
    clock.advance(LASTS_SECONDS + CLOCKS_DIFFER_SECONDS + 1)
    second = claim(keys, "2")
    keys.keep(second, acceptance(second.attempt, 3))
    keys.keep(first, acceptance(first.attempt, 0, throttled=(0, 1, 2)))
    assert ask(keys, "3") == Receipt("1", 1_001)


def test_a_retry_puts_what_the_first_request_could_not(keys):
    first = claim(keys, "1")
    keys.keep(first, acceptance(first.attempt, 1, throttled=(1,), doubtful=(2,)))
    second = claim(keys, "2")
    assert second.attempt == Attempt("1", 1_001, places=frozenset({1, 2}), doubtful=frozenset({2}))
    keys.keep(second, acceptance(second.attempt, 1, throttled=(1,)))
    third = claim(keys, "3")
    assert third.attempt == Attempt("1", 1_001, places=frozenset({1}), doubtful=frozenset())
    keys.keep(third, acceptance(third.attempt, 1))
    assert ask(keys, "4") == Receipt("1", 1_001)


@pytest.mark.parametrize(
    ("accepted", "throttled", "doubtful", "is_forgotten"),
    [(0, (0, 1), (), True), (1, (1,), (), False), (0, (0,), (1,), False), (0, (), (), False)],
)
def test_a_key_is_forgotten_only_where_nothing_was_put_for_certain(keys, accepted, throttled, doubtful, is_forgotten):
    first = claim(keys, "1")
    keys.keep(first, acceptance(first.attempt, accepted, throttled, doubtful))
    other = ClientKey("anyone", "key", b"another body")
    if is_forgotten:
        assert claim(keys, "2", other).attempt == Attempt("2", 1_002)
    else:
        assert refusal(keys, "2", other) == "idempotency_key_reused"


def test_the_key_of_a_holder_that_was_ended_is_never_forgotten(keys, clock):
    claim(keys, "1")
    clock.advance(LASTS_SECONDS + 5)
    second = claim(keys, "2")
    keys.keep(second, acceptance(second.attempt, 0, throttled=(0,)))
    assert claim(keys, "3").attempt.request_id == "1"


@pytest.mark.parametrize(("after_seconds", "is_new"), [(KEPT_SECONDS, False), (KEPT_SECONDS + 1, True)])
def test_a_key_is_remembered_for_a_day_though_dynamodb_deletes_it_later(keys, clock, after_seconds, is_new):
    first = claim(keys, "1")
    keys.keep(first, acceptance(first.attempt, 1))
    clock.advance(after_seconds)
    assert isinstance(ask(keys, "2"), Claim) == is_new


def test_two_clients_may_use_the_same_key(keys):
    claim(keys, "1")
    assert isinstance(claim(keys, "2", ClientKey("another", "key", b"body")), Claim)


@pytest.mark.parametrize(("characters", "is_taken"), [(0, False), (1, True), (255, True), (256, False)])
def test_a_key_has_1_to_255_characters(keys, characters, is_taken):
    key = ClientKey("anyone", "x" * characters, b"")
    if is_taken:
        assert isinstance(claim(keys, "1", key), Claim)
    else:
        assert refusal(keys, "1", key) == "invalid_idempotency_key"


def test_a_request_that_puts_is_answered_with_what_it_put(keys):
    put: list[Attempt] = []

    def accept(attempt: Attempt) -> Acceptance:
        put.append(attempt)
        return acceptance(attempt, 1)

    for request_id in ("1", "2", "3"):
        assert once(keys, KEY, Attempt(request_id, int(request_id)), accept, LASTS_SECONDS) == Receipt("1", 1)
    assert put == [Attempt("1", 1)]
