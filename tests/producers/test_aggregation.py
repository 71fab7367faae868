"""KPL aggregation, both ways."""

import base64
import hashlib

import pytest
from aws_kinesis_agg.deaggregator import deaggregate_records
from hypothesis import given
from hypothesis import strategies as st
from messages_pb2 import AggregatedRecord

from producers.aggregation import MAGIC, MalformedAggregate, UserRecord, _varint, deaggregate, pack
from tests.events import kinesis_record

RECORDS = st.lists(st.tuples(st.text(min_size=1, max_size=20), st.binary(max_size=300)), max_size=60)


def aggregate(message: bytes) -> bytes:
    return MAGIC + message + hashlib.md5(message, usedforsecurity=False).digest()


def plain(data: bytes) -> bytes:
    """Data that is no aggregate by chance."""
    return b"." + data


@given(RECORDS, st.integers(64, 2000), st.booleans())
def test_whatever_is_packed_comes_out_once_each_within_the_limit(records, max_bytes, by_key):
    records = [(key, plain(data)) for key, data in records]
    packed = pack(records, max_bytes, by_key=by_key)
    assert sorted(position for record in packed for position in record.members) == list(range(len(records)))
    for record in packed:
        user_records = deaggregate(record.partition_key, record.data)
        assert [user.data for user in user_records] == [records[position][1] for position in record.members]
        assert {user.partition_key for user in user_records} == {record.partition_key}
        assert record.partition_key == records[record.members[0]][0]
        assert len(record.members) == 1 or record.size <= max_bytes


@given(RECORDS, st.integers(64, 2000))
def test_by_key_only_records_of_one_key_share_an_aggregate_and_keep_their_order(records, max_bytes):
    records = [(key, plain(data)) for key, data in records]
    packed = pack(records, max_bytes, by_key=True)
    assert all(records[position][0] == record.partition_key for record in packed for position in record.members)
    for key in {key for key, _ in records}:
        positions = [p for record in packed if record.partition_key == key for p in record.members]
        assert positions == [n for n, (other, _) in enumerate(records) if other == key]


@given(RECORDS)
def test_what_is_packed_is_read_by_the_published_library(records):
    records = [(key, plain(data)) for key, data in records]
    packed = pack(records, 262_144, by_key=False)
    read = deaggregate_records(
        [kinesis_record(record.data, n, record.partition_key) for n, record in enumerate(packed)]
    )
    assert [base64.b64decode(record["kinesis"]["data"]) for record in read] == [data for _, data in records]


@pytest.mark.parametrize("short_of_the_limit", range(60))
def test_a_record_near_the_limit_is_not_lost(short_of_the_limit):
    # The published aggregator loses a record whose encoded size is within 20 bytes of the maximum.
    records = [("key", b"a" * (1024 - short_of_the_limit)), ("key", b"b"), ("key", b"c" * (1024 - short_of_the_limit))]
    packed = pack(records, 1024, by_key=False)
    read = [user.data for record in packed for user in deaggregate(record.partition_key, record.data)]
    assert read == [data for _, data in records]


def test_a_full_aggregate_uses_the_room_there_is():
    # The published aggregator counts a repeated key every time, and fills little more than half.
    packed = pack([("a key of some length", b"x" * 100)] * 20_000, 1_048_576, by_key=False)
    assert packed[0].size > 0.999 * 1_048_576


def test_a_record_has_no_other_records_explicit_hash_key():
    message = AggregatedRecord(partition_key_table=["a", "b"], explicit_hash_key_table=["17"])
    message.records.add(partition_key_index=0, explicit_hash_key_index=0, data=b"first")
    message.records.add(partition_key_index=1, data=b"second")
    assert deaggregate("outer", aggregate(message.SerializeToString())) == [
        UserRecord("a", b"first", "17"),
        UserRecord("b", b"second", None),
    ]


def test_a_plain_record_is_its_own_user_record():
    assert deaggregate("key", b"{}") == [UserRecord("key", b"{}")]


def message_with(*, index: int = 0, hash_index: int | None = None) -> bytes:
    message = AggregatedRecord(partition_key_table=["a"])
    message.records.add(partition_key_index=0, data=b"good")
    record = message.records.add(partition_key_index=index, data=b"bad")
    if hash_index is not None:
        record.explicit_hash_key_index = hash_index
    return bytes(message.SerializeToString())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (MAGIC, "too few"),
        (MAGIC + bytes(16), "too few"),
        (aggregate(message_with())[:-1], "checksum"),
        (aggregate(message_with())[:-1] + b"x", "checksum"),
        (aggregate(message_with())[:10] + b"?" + aggregate(message_with())[11:], "checksum"),
        (aggregate(b"\xff\xff\xff"), "protobuf"),
        (aggregate(b"\x1a\x02\x08\x00"), "lacks"),
        (aggregate(message_with(index=1)), "tables do not hold"),
        (aggregate(message_with(hash_index=0)), "tables do not hold"),
    ],
)
def test_a_damaged_aggregate_is_reported_not_dropped(data, reason):
    # The published deaggregator prints to stderr and drops records, or passes the bytes through.
    with pytest.raises(MalformedAggregate, match=reason):
        deaggregate("key", data)


@pytest.mark.parametrize(
    ("number", "encoded"), [(0, "00"), (126, "7e"), (127, "7f"), (128, "8001"), (16_383, "ff7f"), (16_384, "808001")]
)
def test_a_length_takes_as_few_bytes_as_protobuf_allows(number, encoded):
    assert _varint(number) == bytes.fromhex(encoded)


def test_each_kind_of_damage_has_its_own_message():
    damaged = {
        aggregate(message_with(index=0))[:-1] + b"?": "the checksum does not match: the bytes were damaged or cut",
        aggregate(message_with(index=1)): "a record in it names a key that its tables do not hold",
        aggregate(bytes.fromhex("0a016b1a020800")): "a record in it lacks its partition key or its data",
    }
    for data, message in damaged.items():
        with pytest.raises(MalformedAggregate) as raised:
            deaggregate("key", data)
        assert str(raised.value) == message
