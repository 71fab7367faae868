"""Every command of `spillway`'s tree, in every condition: it works, or it fails with one line and 1 or 2."""

import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import pytest

from archive.dead_letters.draining import drain
from archive.lake.columns import columns
from infra.cli import main as entry
from infra.shards.cost import MonthlyCosts
from infra.shards.load import Load
from infra.shards.plan import Plan
from infra.shards.plan_file import write_plan
from producers import validation
from tests.end_to_end.conftest import RunningPipeline, end, start
from tests.infra.cli.commands import ARGUMENTS, FAILS_ANYWAY, LOOKED_AT, NAMES, NEEDS_AWS, WRITING, leaves

CLOSED_PORT = "http://127.0.0.1:9"
TEXT_OUTSIDE_ASCII = "Zürich ☃ 東京 \x1b[31m"
NO_PLACES = {
    "a folder that is absent": "{folder}/absent/x",
    "under a file": "{entries}/x",
    "a folder": "{folder}",
    "a full disk": "/dev/full",
}
# A package makes its folder; an empty folder is one to keep data in; nothing that is missing is no line to write.
GOES_WELL = {
    ("package", "--output", "a folder that is absent"),
    ("run", "--data", "a folder"),
    ("audit", "--missing", "a full disk"),
}


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def ends_at_once(no_aws_settings: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """`run` and `console` end as soon as they have started, and nothing waits."""
    monkeypatch.setattr(drain, "__kwdefaults__", {**(drain.__kwdefaults__ or {}), "wait_seconds": 0})
    monkeypatch.setattr("infra.deploy.package._install", a_requirement)  # the index is not asked
    stop = threading.Event()
    stop.set()
    for module in ("run", "console"):
        monkeypatch.setattr(f"infra.cli.{module}.stop_on_signal", lambda: stop)


@pytest.fixture(scope="module")
def pipeline() -> Iterator[RunningPipeline]:
    """A pipeline that holds an event and a failure with text outside ASCII."""
    running = start()
    try:
        running.spillway("post", json.dumps({"city": TEXT_OUTSIDE_ASCII}, ensure_ascii=False))
        running.client("kinesis").put_record(
            StreamName="spillway-local-events", PartitionKey="ü", Data=f"no event {TEXT_OUTSIDE_ASCII}".encode()
        )
        running.wait_until_drained(table_writer=1, firehose=1, dead_letter_archiver=1)
        yield running
    finally:
        end(running)


@pytest.fixture
def places(tmp_path: Path) -> dict[str, Any]:
    """What the braces in `ARGUMENTS` stand for."""
    entries, schema, plan = tmp_path / "entries.ndjson", tmp_path / "schema.json", tmp_path / "plan.json"
    entries.write_text('{"a": 1}\n')
    schema.write_text("{}")
    write_plan(plan, a_plan())
    invalid = tmp_path / "invalid.ndjson"
    invalid.write_text("not JSON\n")
    return {
        "entries": entries,
        "invalid": invalid,
        "schema": schema,
        "plan": plan,
        "folder": tmp_path,
        "trace": "step",
        "key": "absent",
    }


@pytest.fixture
def spillway(places: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Runs `spillway` as the process does, from its arguments to its exit status."""

    def run(name: str, *words: str, env: str | None = None, encoding: str = "utf-8", out: Any = None) -> Done:
        given = [*name.split(), *(filled(each, places) for each in words or ARGUMENTS[name])]
        stdout, stderr = (io.TextIOWrapper(io.BytesIO(), encoding, write_through=True) for _ in range(2))
        with monkeypatch.context() as patched:
            patched.setattr(sys, "argv", ["spillway", *(["--env", env] if env else []), *given])
            patched.setattr(sys, "stdout", out or stdout)
            patched.setattr(sys, "stderr", stderr)
            patched.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(), encoding))
            status: Any = 0
            try:
                entry.main()
            except SystemExit as end:
                status = end.code or 0
        return Done(status, bytes_of(stdout).decode(), bytes_of(stderr).decode())

    return run


def bytes_of(stream: io.TextIOWrapper) -> bytes:
    """What was written to a stream in memory."""
    assert isinstance(stream.buffer, io.BytesIO)
    return stream.buffer.getvalue()


def use(pipeline: RunningPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands reach a pipeline, as its greeting says."""
    for name, value in pipeline.environment.items():
        monkeypatch.setenv(name, value)


def a_requirement(folder: Path, *_: object) -> None:
    folder.mkdir()
    (folder / "requirement.py").write_text("")


@contextmanager
def broken_schema(monkeypatch: pytest.MonkeyPatch, file: Path) -> Iterator[None]:
    """Let every reader of the event schema read this file."""
    with monkeypatch.context() as patched:
        patched.setattr("archive.lake.columns.EVENT_SCHEMA_FILE", file)
        patched.setattr("producers.openapi.EVENT_SCHEMA_FILE", file)
        patched.setattr(validation.load_schema, "__defaults__", (file,))
        columns.cache_clear()
        yield
    columns.cache_clear()


def a_plan() -> Plan:
    fields: dict[str, Any] = dict.fromkeys(Plan.__dataclass_fields__)
    fields |= {"stream_name": "spillway-local-events", "load": Load(1.0, 1.0), "costs": MonthlyCosts(1.0, 1.0, 1.0)}
    fields |= {"layout": (0,), "steps": (), "advice": (), "verdict": "nothing", "reason": "as it is"}
    return Plan(**fields | {"made_at": time.time()})


def filled(text: str, places: dict[str, Any]) -> str:
    """A text with the names in braces replaced; `{}` is an event."""
    return text if text == "{}" else text.format(**places)


def line_of(done: Done, *, notes: bool = False) -> str:
    """The one line that a command failed with; with `notes`, behind notes on what it did before."""
    assert done.status == 1, done
    *before, line = done.err.splitlines()
    assert line.startswith("spillway: "), done
    assert notes or not before, done
    assert not any(each.startswith("spillway: ") for each in before), done
    return line


def assert_well(name: str, done: Done, *, needed: bool, notes: bool = False) -> None:
    """A command worked, or failed with one line; where it `needed` what is missing, it failed."""
    assert "Traceback" not in done.out + done.err, done
    if done.status == 2:
        assert "Error: " in done.err, done
    elif done.status == 1:
        line_of(done, notes=notes)
    else:
        assert (done.status, needed) == (0, False), (name, done)


def written() -> list[tuple[str, str]]:
    """Every option of every command that names something to write: a path that need not exist."""
    return [
        (" ".join(path), parameter.opts[-1])
        for path, command in leaves()
        for parameter in command.params
        if isinstance(parameter.type, click.Path) and not parameter.type.exists
    ]


def test_the_table_of_arguments_names_every_command():
    assert sorted(ARGUMENTS) == sorted(NAMES)


def test_the_table_of_what_is_written_names_every_option_that_writes():
    assert sorted(WRITING) == sorted(written())


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"doctor"}))
def test_with_nothing_running(name, spillway, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", CLOSED_PORT)
    monkeypatch.setenv("SPILLWAY_URL", CLOSED_PORT + "/dev/app")
    done = spillway(name)
    assert_well(name, done, needed=name in NEEDS_AWS)
    if done.status == 1 and name not in {"deploy", "destroy"}:  # for which dev is meant where no environment is named
        assert "127.0.0.1:9" in done.err
        assert "spillway run" in done.err


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"doctor"}))
def test_without_credentials(name, spillway):
    done = spillway(name, env="dev")
    assert_well(name, done, needed=name in NEEDS_AWS)
    if done.status == 1 and name not in {"post", "load"}:
        assert "no AWS credentials" in done.err
        assert "AWS_PROFILE" in done.err


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"doctor"}))
def test_in_a_region_that_does_not_exist(name, spillway, monkeypatch):
    monkeypatch.setenv("AWS_REGION", "eu-nowhere-9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    done = spillway(name, env="dev")
    assert_well(name, done, needed=name in NEEDS_AWS)
    if done.status == 1 and name not in {"post", "load"}:
        assert "eu-nowhere-9" in done.err
        assert "AWS_REGION" in done.err


@pytest.mark.parametrize(
    ("name", "broken"),
    [(name, "{") for name in sorted(NAMES)]
    + [(name, broken) for name in ("run", "schema show", "query") for broken in ('{"type": "strin"}', "[]")],
)
def test_with_a_broken_event_schema(name, broken, pipeline, spillway, monkeypatch, tmp_path):
    use(pipeline, monkeypatch)
    file = tmp_path / "event.schema.json"
    file.write_text(broken)
    with broken_schema(monkeypatch, file):
        done = spillway(name)
    reading = {"run"} if "strin" in broken else {"run", "schema show", "schema ddl", "query", "compact"}
    assert_well(name, done, needed=name in reading | FAILS_ANYWAY)
    if done.status == 1:
        assert "event.schema.json" in done.err or name in FAILS_ANYWAY


@pytest.mark.parametrize("name", sorted(NAMES))
def test_where_the_output_takes_ascii_alone(name, pipeline, spillway, monkeypatch):
    use(pipeline, monkeypatch)
    done = spillway(name, encoding="ascii")
    assert_well(name, done, needed=name in FAILS_ANYWAY)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_where_the_output_is_full(name, pipeline, spillway, monkeypatch):
    use(pipeline, monkeypatch)
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = spillway(name, out=full)
    assert_well(name, done, needed=True, notes=True)


@pytest.mark.parametrize(
    ("name", "option", "place"),
    [
        (*each, place)
        for each in sorted(WRITING)
        if each not in LOOKED_AT
        for place in NO_PLACES
        if (*each, place)
        != ("rebuild-table", "--journal", "a full disk")  # a journal is read first, /dev/full endlessly
    ],
)
def test_what_cannot_be_written(name, option, place, pipeline, spillway, monkeypatch, places):
    use(pipeline, monkeypatch)
    where = NO_PLACES[place]
    done = spillway(name, *WRITING[name, option], option, where)
    if (name, option, place) in GOES_WELL:
        assert done.status == 0, done
        return
    assert_well(name, done, needed=True)
    path = Path(where.format(**places))
    assert str(path) in done.err or f"{path.parent} " in done.err or f"{path.parent}:" in done.err
