"""The lake: local Parquet conversion and compaction, each beside what people would use instead."""

import base64
import gzip
import json
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from archive.lake.columns import ENVELOPE, arrow_schema, glue_columns, payload_columns
from archive.lake.rows import writer_for
from infra.local.firehose.parquet_conversion import RecordConverter, parquet_file
from infra.openx.glue_types import read_columns
from infra.openx.json_rows import OpenXRules
from tests.benchmarks.events import ACCEPTED_AT, stream_events
from tests.benchmarks.report import Report
from tests.benchmarks.timing import in_turn, times

DATA: Final = Path(__file__).parents[1] / "data"
COLUMNS: Final = ENVELOPE + payload_columns(json.loads((DATA / "flights.schema.json").read_text(encoding="utf-8")))
FILES: Final = 600
FILE_ROWS: Final = 2_500
BAD_EVERY: Final = 10_000  # one record in so many fails its conversion
SECONDS: Final = 600


def run(report: Report) -> None:
    """Enter the rows of the lake."""
    payloads = flights()
    _conversion(report, payloads)
    _compaction(report, payloads)


def flights() -> list[str]:
    """The payloads of tests/data."""
    return gzip.decompress((DATA / "flights-20k.ndjson.gz").read_bytes()).decode().splitlines()


def _conversion(report: Report, payloads: list[str]) -> None:
    row = writer_for(COLUMNS).row_of
    rows = [row(event) for event in stream_events(payloads * (1 if report.quick else 4))]
    with_bad = [b'{"flight":"many"}' if n % BAD_EVERY == BAD_EVERY - 1 else each for n, each in enumerate(rows)]
    megabytes = sum(map(len, rows)) / 1_000_000
    converter = RecordConverter(read_columns(glue_columns(COLUMNS)), OpenXRules())
    types = {
        "timestamp": "TIMESTAMP",
        "bigint": "BIGINT",
        "string": "VARCHAR",
        "double": "DOUBLE",
        "boolean": "BOOLEAN",
    }
    columns = {column.name: types[column.type] for column in COLUMNS}
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "rows.ndjson"
        source.write_bytes(b"\n".join(rows))
        copy = (
            f"COPY (SELECT * FROM read_json('{source}', format='newline_delimited', columns={columns})) "  # noqa: S608 (our own paths)
            f"TO '{folder}/out.parquet' (FORMAT parquet, COMPRESSION snappy)"
        )

        def ours() -> None:
            conversion = converter.convert(with_bad)
            if len(conversion.failed) != len(rows) // BAD_EVERY:
                raise RuntimeError("other records failed than should")
            parquet_file(conversion.table)

        series = in_turn({"ours": ours, "theirs": lambda: duckdb.connect().execute(copy)}, report.rounds(11))
    report.row(
        "local Parquet conversion, a bad record in 10,000 set apart",
        megabytes / series["ours"].wall,
        megabytes / series["theirs"].wall,
        "MB/s of JSON",
        "≥ 40 %",
        "DuckDB's COPY from NDJSON, none bad",
        ratio=1 / times(series["ours"], series["theirs"], "wall"),
    )


def _compaction(report: Report, payloads: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "landing"
        source.mkdir()
        _write_landing(source, payloads, FILES if not report.quick else FILES // 10)
        found: dict[str, list[dict[str, float]]] = {"ours": [], "pyarrow": [], "duckdb": []}
        for _ in range(report.rounds(5)):
            for contestant, results in found.items():
                results.append(_in_own_process(contestant, source))

    def of(contestant: str, what: str) -> float:
        return statistics.median(result[what] for result in found[contestant])

    speeds = {
        contestant: [result["rows"] / result["seconds"] for result in results] for contestant, results in found.items()
    }
    pairs = zip(speeds["ours"], speeds["pyarrow"], strict=True)
    report.row(
        f"compaction of {FILES} files: sorted, each event once",
        statistics.median(speeds["ours"]),
        statistics.median(speeds["pyarrow"]),
        "rows/s",
        "≥ 1 x",
        "a plain pyarrow rewrite",
        ratio=statistics.median(ours / theirs for ours, theirs in pairs),
        note=f"DuckDB's COPY: {statistics.median(speeds['duckdb']):,.0f}",
    )
    report.row(
        "its peak memory, interpreter and libraries included",
        of("ours", "peak_mib"),
        of("duckdb", "peak_mib"),
        "MiB",
        "≤ 100 %",
        "DuckDB's COPY, neither sorted nor without duplicates",
        note=f"the pyarrow rewrite: {of('pyarrow', 'peak_mib'):,.0f}",
    )


def _in_own_process(contestant: str, source: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.compaction_process", contestant, str(source)],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _write_landing(folder: Path, payloads: list[str], files: int) -> None:
    """Files as Firehose writes them: each of some seconds, overlapping its neighbours, not quite in order."""
    random_ = random.Random(7)
    row = writer_for(COLUMNS).row_of
    schema = arrow_schema(COLUMNS)
    converter = RecordConverter(read_columns(glue_columns(COLUMNS)), OpenXRules())
    table = converter.convert([row(event) for event in stream_events(payloads)]).table
    for number in range(files):
        start = number * FILE_ROWS % (len(payloads) - FILE_ROWS)
        piece = table.slice(start, FILE_ROWS)
        times_ = [
            ACCEPTED_AT + (number * FILE_ROWS + n) * 1_000 + random_.randrange(4_000_000) for n in range(FILE_ROWS)
        ]
        ids = [base64.b16encode(random_.randbytes(16)).decode() for _ in range(FILE_ROWS)]
        for name, values in (
            ("timestamp", pa.array([time // 1000 for time in times_], pa.timestamp("ms"))),
            ("timestamp_micros", pa.array(times_, pa.int64())),
            ("request_id", pa.array(ids)),
        ):
            piece = piece.set_column(schema.names.index(name), name, values)
        pq.write_table(piece, folder / f"{number:04d}.parquet", compression="snappy")
