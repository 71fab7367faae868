"""The folders of the code: the one rule of each, and which other folders it may import."""

import ast
import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
LAYERS: Final = ("producers", "consumers", "archive", "infra")


@dataclass(frozen=True, slots=True)
class Folder:
    """What belongs in a folder.

    Args:
        rule: one sentence for the reader of docs/architecture.md.
        may_import: the other folders whose modules it imports.
    """

    rule: str
    may_import: tuple[str, ...] = ()


_HANDLERS: Final = ("producers", "consumers")
FOLDERS: Final[dict[str, Folder]] = {
    "producers": Folder("Accepts events over HTTP, and owns their bytes on the stream: it encodes and decodes."),
    "consumers": Folder("Writes the stream's events to DynamoDB, and sends what cannot be written.", ("producers",)),
    "archive": Folder(
        "The three Lambda handlers of the lake and of the dead letters; each is a table of contents.",
        ("producers", "archive/compaction", "archive/dead_letters", "archive/lake"),
    ),
    "archive/lake": Folder("What the lake holds: columns, tables, rows, hours, prefixes, SQL.", ("producers",)),
    "archive/compaction": Folder(
        "Turns the small files of a closed hour into few large ones.", ("producers", "archive/lake")
    ),
    "archive/dead_letters": Folder(
        "Archiving failures; where they lie, how they are read and selected.", (*_HANDLERS, "archive/lake")
    ),
    "archive/replay": Folder(
        "Puts failures back, once: plan, journal, lock, destinations.",
        (*_HANDLERS, "archive/dead_letters", "archive/lake"),
    ),
    "infra": Folder(
        "What the whole deployment shares: settings, names, functions, prices.", ("producers", "infra/shards")
    ),
    "infra/openx": Folder("JSON as the OpenX SerDe reads it, for Firehose and for Athena's JSON tables."),
    "infra/shards": Folder("Measures, plans and changes the shards, by hand and by schedule.", ("producers", "infra")),
    "infra/cost": Folder("Estimates a month's bill and how it grows.", ("infra", "infra/shards")),
    "infra/loading": Folder("Sends files of events, and resumes where a killed load stopped.", ("producers",)),
    "infra/tail": Folder(
        "Follows the stream: its events as they come, through reshards.", (*_HANDLERS, "archive/dead_letters")
    ),
    "infra/journey": Folder(
        "Finds one event at every place that it passed.",
        ("producers", "archive/dead_letters", "archive/lake", "infra", "infra/tail"),
    ),
    "infra/querying": Folder(
        "Runs SQL on the lake, in Athena or in DuckDB, and renders results.",
        ("producers", "archive/lake", "infra", "infra/openx"),
    ),
    "infra/audit": Folder(
        "Accounts for every event of a period.",
        ("producers", "archive/dead_letters", "archive/lake", "infra"),
    ),
    "infra/recovery": Folder(
        "Rebuilds the table from the lake.",
        (*_HANDLERS, "archive/lake", "infra", "infra/audit"),
    ),
    "infra/deploy": Folder(
        "Deploys to AWS: preflight, package, Terraform runs, canary.", ("producers", "archive/lake", "infra")
    ),
    "infra/doctor": Folder(
        "Checks, each with its remedy: this machine, the account, the environment.",
        ("producers", "infra", "infra/deploy", "infra/local", "infra/local/store"),
    ),
    "infra/local/store": Folder(
        "What one machine keeps: a SQLite database, and objects as plain files.", ("producers",)
    ),
    "infra/local/aws": Folder(
        "Answers AWS calls on one machine.",
        (
            "infra/local",
            "infra/local/aws/dynamodb",
            "infra/local/aws/kinesis",
            "infra/local/aws/s3",
            "infra/local/store",
        ),
    ),
    "infra/local/aws/dynamodb": Folder(
        "The local DynamoDB: items, keys, numbers.", ("producers", "infra/local/aws", "infra/local/store")
    ),
    "infra/local/aws/kinesis": Folder(
        "The local Kinesis: streams, shards, limits.", ("producers", "infra/local/aws", "infra/local/store")
    ),
    "infra/local/aws/s3": Folder(
        "The local S3: objects and listings.", ("infra/local/aws", "infra/local/store")
    ),
    "infra/local/event_sources": Folder(
        "Invokes the functions for batches of the stream and the queue, as Lambda's mappings do.",
        ("producers", "infra", "infra/local", "infra/local/store"),
    ),
    "infra/local/firehose": Folder(
        "Delivers the stream to S3 as Parquet, as Firehose does.",
        ("producers", "infra", "infra/local", "infra/local/store", "infra/openx"),
    ),
    "infra/local": Folder(
        "Starts the pipeline on one machine and drives its functions.",
        (
            "producers",
            "archive/lake",
            "infra",
            "infra/local/aws",
            "infra/local/aws/dynamodb",
            "infra/local/aws/kinesis",
            "infra/local/event_sources",
            "infra/local/firehose",
            "infra/local/store",
        ),
    ),
    "infra/dead_letters": Folder(
        "What the commands and the console do with failures: select, rehearse, replay, discard.",
        (*_HANDLERS, "archive/dead_letters", "archive/lake", "archive/replay", "infra"),
    ),
    "infra/console": Folder(
        "The web console: its frame, its security, its charts, its jobs.",
        ("producers", "infra", "infra/console/pages", "infra/tail"),
    ),
    "infra/console/pages": Folder(
        "The console's pages, over the functions that the commands call.",
        (
            "producers",
            "archive/dead_letters",
            "archive/replay",
            "infra",
            "infra/audit",
            "infra/console",
            "infra/dead_letters",
            "infra/journey",
            "infra/querying",
            "infra/shards",
            "infra/tail",
        ),
    ),
    "infra/cli": Folder(
        "The command `spillway`, a module for each group of commands.",
        (
            *_HANDLERS,
            "archive/compaction",
            "archive/dead_letters",
            "archive/lake",
            "archive/replay",
            "infra",
            "infra/audit",
            "infra/console",
            "infra/cost",
            "infra/dead_letters",
            "infra/deploy",
            "infra/doctor",
            "infra/journey",
            "infra/loading",
            "infra/local",
            "infra/local/store",
            "infra/querying",
            "infra/recovery",
            "infra/shards",
            "infra/tail",
        ),
    ),
}  # fmt: skip


@functools.cache
def modules() -> dict[str, Path]:
    """Every module of the code by its dotted name; a package goes by its folder's name."""
    found = {}
    for layer in LAYERS:
        for path in sorted((ROOT / layer).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


def folder_of(path: Path) -> str:
    """The folder of a module, from the repository's root."""
    return path.parent.relative_to(ROOT).as_posix()


@functools.cache
def imports() -> dict[str, set[str]]:
    """The modules that each module imports, wherever in the file the import stands."""
    known = modules()
    found: dict[str, set[str]] = {}
    for name, path in known.items():
        found[name] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                candidates = {f"{node.module}.{alias.name}" for alias in node.names}
                found[name] |= {each if each in known else node.module for each in candidates} & known.keys()
            elif isinstance(node, ast.Import):
                found[name] |= {alias.name for alias in node.names} & known.keys()
        found[name].discard(name)
    return found


@functools.cache
def folder_imports() -> dict[str, set[str]]:
    """The other folders that each folder imports."""
    known = modules()
    found: dict[str, set[str]] = {folder_of(path): set() for path in known.values()}
    for name, imported in imports().items():
        here = folder_of(known[name])
        found[here] |= {folder_of(known[each]) for each in imported} - {here}
    return found
