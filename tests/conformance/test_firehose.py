"""Firehose from a Kinesis stream through a function to S3: the transform's event and answer, objects, error objects."""

import base64
import io
import re
from datetime import UTC, datetime

import pyarrow.parquet as pq
import pytest

from tests.conformance.account import Account
from tests.conformance.deliveries import ROWS, Delivered, catalogue, deliver, destination, put
from tests.conformance.facts import fact


@pytest.fixture(scope="module")
def delivered(account: Account) -> Delivered:
    """The records of `deliveries`, delivered."""
    return deliver(account)


@fact("[FH-capture]")
def test_the_event_of_a_transform_has_these_members(delivered: Delivered) -> None:
    (event, *_) = delivered.events()
    assert set(event) == {"invocationId", "sourceKinesisStreamArn", "deliveryStreamArn", "region", "records"}


@fact("[FH-capture]")
def test_a_record_of_the_event_has_these_members(delivered: Delivered) -> None:
    (record, *_) = delivered.events()[0]["records"]
    assert set(record) == {"recordId", "approximateArrivalTimestamp", "data", "kinesisRecordMetadata"}
    assert set(record["kinesisRecordMetadata"]) == {
        "sequenceNumber", "subsequenceNumber", "partitionKey", "shardId", "approximateArrivalTimestamp",
    }  # fmt: skip


@fact("[FH-capture]")
def test_a_record_id_is_the_sequence_number_and_six_digits(delivered: Delivered) -> None:
    for event in delivered.events():
        for record in event["records"]:
            assert re.fullmatch(record["kinesisRecordMetadata"]["sequenceNumber"] + r"\d{6}", record["recordId"])


@fact("[FH-capture]")
def test_arrival_times_are_whole_milliseconds(delivered: Delivered) -> None:
    (record, *_) = delivered.events()[0]["records"]
    assert isinstance(record["approximateArrivalTimestamp"], int)
    assert record["approximateArrivalTimestamp"] > 1_700_000_000_000


@fact("[doc kpl-with-firehose]")
def test_an_aggregate_reaches_the_transform_as_its_records(delivered: Delivered) -> None:
    records = [record for event in delivered.events() for record in event["records"]]
    data = [base64.b64decode(record["data"]) for record in records]
    assert b'{"id":21}' in data
    assert b'{"id":22}' in data


@fact("[FH-capture]")
def test_the_records_of_an_aggregate_are_numbered_from_0(delivered: Delivered) -> None:
    records = [record for event in delivered.events() for record in event["records"]]
    numbers = {base64.b64decode(r["data"]): r["kinesisRecordMetadata"]["subsequenceNumber"] for r in records}
    assert (numbers[b'{"id":21}'], numbers[b'{"id":22}']) == (0, 1)
    assert numbers[ROWS[0]] == 0


# The answer of the transform


@fact("[floci FirehoseLambdaTransformer 2026-09-10]", each=True)
@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (b"failed", "Lambda.ProcessingFailedStatus", "ProcessingFailed status set for record"),
        (b"missing", "Lambda.MissingRecordId", "One or more record Ids were not returned. Ensure that the Lambda"),
        (b"twice", "Lambda.DuplicatedRecordId", "Multiple records were returned with the same record Id."),
        (b"without data", "Lambda.InvalidReturnFormat", "The data field cannot be null when the SourceType is"),
        (b"another result", "Lambda.InvalidReturnFormat", ""),
    ],
    ids=["ProcessingFailed", "missing id", "id twice", "Ok without data", "unknown result"],
)
def test_an_answer_is_refused_by_its_code(delivered: Delivered, data: bytes, code: str, words: str) -> None:
    error = delivered.errors("processing-failed")[data]
    assert error["errorCode"] == code
    assert error["errorMessage"].startswith(words)


@fact("[floci FirehoseLambdaTransformer 2026-09-10]")
def test_a_wrong_answer_is_not_asked_for_again(delivered: Delivered) -> None:
    assert {error["attemptsMade"] for error in delivered.errors("processing-failed").values()} == {1}


@fact("[FH23 data-transformation]")
def test_a_dropped_record_is_no_row_and_no_error(delivered: Delivered) -> None:
    assert b"dropped" not in delivered.errors("processing-failed")
    assert b"dropped" not in delivered.errors("format-conversion-failed")


@fact("[floci #3393 2026-09-10]")
def test_a_line_of_processing_failed_has_its_members_in_this_order(delivered: Delivered) -> None:
    error = delivered.errors("processing-failed")[b"failed"]
    names = ["rawData", "errorCode", "errorMessage", "attemptsMade", "arrivalTimestamp", "attemptEndingTimestamp"]
    assert list(error)[:6] == names
    assert list(error)[6].lower() == "lambdaarn"


# Objects


@fact("[FH23 s3-prefixes]")
def test_a_key_is_prefix_stream_version_time_and_a_random_part(delivered: Delivered) -> None:
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    name = rf"{delivered.delivery_stream}-1-\d{{4}}(-\d\d){{5}}-{uuid}\.parquet"
    for key in delivered.keys("events/"):
        assert re.fullmatch(rf"events/dt=\d{{4}}-\d\d-\d\d/hour=\d\d/{name}", key)


@fact("[FH23 s3-prefixes]")
def test_a_prefix_shows_the_hour_of_arrival_in_utc(delivered: Delivered) -> None:
    (record, *_) = delivered.events()[0]["records"]
    arrived = datetime.fromtimestamp(record["approximateArrivalTimestamp"] / 1000, UTC)
    assert any(key.startswith(f"events/dt={arrived:%Y-%m-%d}/hour={arrived:%H}/") for key in delivered.keys("events/"))


@fact("[FH23 s3-prefixes]")
def test_error_objects_lie_under_their_kind_and_have_no_extension(delivered: Delivered) -> None:
    for kind in ("processing-failed", "format-conversion-failed"):
        assert delivered.keys(f"errors/{kind}/")
        assert not any(key.rpartition("/")[2].count(".") for key in delivered.keys(f"errors/{kind}/"))


@fact("[floci #2410]")
def test_an_object_is_an_octet_stream(delivered: Delivered) -> None:
    (key, *_) = delivered.keys("events/")
    head = delivered.account.s3.head_object(Bucket=delivered.bucket, Key=key)
    assert head["ContentType"] == "application/octet-stream"


@fact("[m firehose ParquetSerDe]")
def test_a_parquet_file_is_compressed_with_snappy_by_default(delivered: Delivered) -> None:
    (key, *_) = delivered.keys("events/")
    metadata = pq.ParquetFile(io.BytesIO(delivered.read(key))).metadata
    assert metadata.row_group(0).column(0).compression == "SNAPPY"


@fact("[floci docs]", unsure=True)
def test_a_timestamp_is_stored_as_int96_or_as_int64(delivered: Delivered) -> None:
    # Readers see the same timestamp: tests/archive/compaction/test_int96.py queries and compacts both.
    (key, *_) = delivered.keys("events/")
    schema = pq.ParquetFile(io.BytesIO(delivered.read(key))).schema
    kinds = {schema.column(n).name: schema.column(n).physical_type for n in range(len(schema))}
    assert kinds["at"] in {"INT96", "INT64"}


# Failing invocations


@fact("[floci FirehoseLambdaTransformer 2026-09-10]")
def test_a_function_that_fails_fails_the_batch_after_its_retries(account: Account) -> None:
    function = account.function("def answer(event):\n    raise ValueError('no')\n")
    stream, bucket = account.stream(), account.bucket()
    arn = account.lambda_.get_function(FunctionName=function)["Configuration"]["FunctionArn"]
    settings = destination(account, bucket, arn, catalogue(account))
    parameters = settings["ProcessingConfiguration"]["Processors"][0]["Parameters"]
    next(each for each in parameters if each["ParameterName"] == "NumberOfRetries")["ParameterValue"] = "1"
    found = Delivered(account, function, bucket, account.delivery_stream(stream, **settings))
    put(account, stream, b"x")
    account.wait_for(lambda: found.errors("processing-failed"))
    error = found.errors("processing-failed")[b"x"]
    assert (error["errorCode"], error["attemptsMade"]) == ("Lambda.FunctionError", 2)
    words = "The Lambda function was successfully invoked but it returned an error result."
    assert error["errorMessage"] == words
    assert len(found.events()) == 2


@fact("[floci FirehoseLambdaTransformer 2026-09-10]")
def test_a_function_that_does_not_exist_fails_at_delivery(account: Account) -> None:
    stream, bucket = account.stream(), account.bucket()
    arn = f"arn:aws:lambda:{account.region}:{account.account_id}:function:spillway-conformance-absent"
    settings = destination(account, bucket, arn, catalogue(account))
    found = Delivered(account, "", bucket, account.delivery_stream(stream, **settings))
    put(account, stream, b"x")
    account.wait_for(lambda: found.errors("processing-failed"))
    assert found.errors("processing-failed")[b"x"]["errorCode"] == "Lambda.FunctionError"


# Descriptions


@fact("[floci #3236]")
def test_conversion_without_enabled_is_enabled(delivered: Delivered) -> None:
    assert delivered.rows(), "rows were written as Parquet though Enabled was left out"
