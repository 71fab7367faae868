"""Timestamps of landing files, in either form of Parquet."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from archive.lake.columns import arrow_schema, columns
from tests.archive.compaction.compacting import BUCKET, compact
from tests.archive.lake.lakes import HOUR, a_row


def test_timestamps_in_int96_are_the_same_in_queries_and_in_the_compacted_files(lake):
    """Firehose does not document whether it writes INT96 or INT64."""
    table = pa.Table.from_pylist([a_row(1, user_agent="int96")], arrow_schema(columns()))
    sink = io.BytesIO()
    pq.write_table(table, sink, use_deprecated_int96_timestamps=True)
    file = pq.ParquetFile(io.BytesIO(sink.getvalue()))
    assert file.schema.column(file.schema.names.index("timestamp")).physical_type == "INT96"
    lake.put(f"events/{HOUR.path}/int96.parquet", sink.getvalue())
    lake.land([a_row(2)])
    by_millisecond = 'SELECT request_id, "timestamp" FROM events ORDER BY request_id'
    landed = lake.query(by_millisecond)
    assert [at.timestamp() for _, at in landed] == [a_row(number)["timestamp"] / 1000 for number in (1, 2)]
    compact(lake)
    assert lake.query(by_millisecond) == landed
    (key,) = lake.keys("events_compacted/data/")
    body = lake.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert pq.read_table(io.BytesIO(body)).schema.field("timestamp").type == pa.timestamp("ms")
