"""One contestant of the compaction benchmark in a process of its own: many small files into one.

`python -m tests.benchmarks.compaction_process CONTESTANT FOLDER` prints rows, seconds and the peak memory as JSON.
Imports are not in the seconds; in the memory they are.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path


def ours(files: list[Path], folder: Path) -> int:
    import pyarrow.parquet as pq  # noqa: PLC0415 (each contestant loads only what it needs)

    from archive.compaction.merging import Merge  # noqa: PLC0415
    from archive.compaction.parquet_files import FileWriter, read_unit, times_of, units_of  # noqa: PLC0415

    started.append(time.perf_counter())
    schema = pq.read_schema(files[0])
    writer = FileWriter(folder, schema, lambda _: None)
    units = [unit for path in files for unit in units_of(str(path), pq.read_metadata(path))]
    merged = Merge(
        lambda unit: read_unit(pq.ParquetFile(unit.source), unit, schema),
        lambda unit: times_of(pq.ParquetFile(unit.source), unit),
        folder,
    ).run(units, writer.write)
    writer.close()
    return merged.rows + merged.duplicates


def pyarrow(files: list[Path], folder: Path) -> int:
    """Every file read and written to one; neither sorted nor without duplicates."""
    import pyarrow.parquet as pq  # noqa: PLC0415

    started.append(time.perf_counter())
    rows = 0
    with pq.ParquetWriter(folder / "out.parquet", pq.read_schema(files[0]), compression="zstd") as writer:
        for path in files:
            table = pq.read_table(path)
            rows += table.num_rows
            writer.write_table(table)
    return rows


def duckdb(files: list[Path], folder: Path) -> int:
    """The same by DuckDB's COPY."""
    import duckdb as engine  # noqa: PLC0415

    started.append(time.perf_counter())
    source, target = f"{files[0].parent}/*.parquet", folder / "out.parquet"
    copied = engine.connect().execute(
        f"COPY (SELECT * FROM read_parquet('{source}')) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"  # noqa: S608 (our own paths)
    )
    row = copied.fetchone()
    return int(row[0]) if row else 0


CONTESTANTS: dict[str, Callable[[list[Path], Path], int]] = {"ours": ours, "pyarrow": pyarrow, "duckdb": duckdb}
started: list[float] = []


def main(contestant: str, source: str) -> None:
    """Run it, and print what it took."""
    files = sorted(Path(source).glob("*.parquet"))
    with tempfile.TemporaryDirectory(dir=Path(source).parent) as folder:
        rows = CONTESTANTS[contestant](files, Path(folder))
    seconds = time.perf_counter() - started[0]
    sys.stdout.write(json.dumps({"rows": rows, "seconds": seconds, "peak_mib": peak_mib()}))


def peak_mib() -> float:
    """The most resident memory of this process; getrusage would count the one that started it as well."""
    with Path("/proc/self/status").open(encoding="ascii") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
