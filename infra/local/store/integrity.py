"""The check of a whole data folder, for `spillway doctor`; it may run beside the pipeline, which it only reads from."""

import sqlite3
from pathlib import Path

from infra.local.store import schema
from infra.local.store.folder import BUCKETS_FOLDER, DATABASE_FILE

SHOWN = 20  # problems of one kind


def integrity(folder: Path) -> list[str]:
    """What is wrong with a data folder, a line each; nothing where all is sound or the folder holds no data.

    SQLite reads every page of the database, so this takes about a second for each 200 MB.

    Args:
        folder: as given to `spillway run --data`.
    """
    database = folder / DATABASE_FILE
    if not database.exists():
        return []
    damage = schema.problems(database)
    if damage:
        advice = "put a backup in its place, or start over with --fresh (docs/one-machine.md, Backup)"
        return [f"{database} is damaged ({problem}); {advice}" for problem in damage]
    return _objects_amiss(folder, database)


def _objects_amiss(folder: Path, database: Path) -> list[str]:
    """Objects whose file is missing or has another size than was written."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=60)
    problems = []
    try:
        rows = connection.execute("SELECT bucket, path, size FROM objects WHERE aside IS NULL ORDER BY bucket, path")
        for bucket, path, size in rows:
            file = folder / BUCKETS_FOLDER / bucket / path
            found = file.stat().st_size if file.exists() else None
            if found is None:
                problems.append(f"{file} is missing; restore it from a backup, or the next start forgets the object")
            elif found != size:
                problems.append(f"{file} has {found} bytes, and {size} were written; restore it from a backup")
            if len(problems) == SHOWN:
                break
    finally:
        connection.close()
    return problems
