"""What an operator wants put back, and how, as it is written in a command or a form."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archive.dead_letters.selection import Selection
from archive.replay.destination_kinds import RAW, STREAM
from archive.replay.editing import Edit, EditError
from archive.replay.settling import OnDoubt
from infra.dead_letters.session import selection_of


@dataclass(frozen=True, slots=True)
class Wish:
    """What is to be put back.

    Args:
        selection: what is meant.
        as_written: the options as they were written; the same ones resume an unfinished replay.
        kind: of destination: `stream`, `table` or `raw`.
        edit: of every event first; None for none.
        force: whether what came back three times is put back as well.
        again: likewise what was put back or discarded before.
        on_doubt: what becomes of records that an interrupted replay may have put.
        rate: events a second; None for a share of what the stream has free.
        share: that is taken of it.
    """

    selection: Selection
    as_written: dict[str, Any]
    kind: str = STREAM
    edit: Edit | None = None
    force: bool = False
    again: bool = False
    on_doubt: OnDoubt = "ask"
    rate: float | None = None
    share: float = 0.5


def wish_of(
    start: str,
    end: str,
    *,
    stages: Sequence[str] = (),
    errors: Sequence[str] = (),
    where: str = "",
    kind: str = STREAM,
    edit: Edit | None = None,
    force: bool = False,
    again: bool = False,
    on_doubt: OnDoubt = "ask",
    rate: float | None = None,
    share: float = 0.5,
) -> Wish:
    """The wish that is written so; a command and a form that are written alike resume one another's replays.

    Raises:
        SelectionError: a part of the selection cannot be understood.
        EditError: bytes are to be put back as they are, and edited.
    """
    if kind == RAW and edit is not None:
        raise EditError("--into raw puts bytes back as they are; leave out --set, --jq and --python")
    as_written = {
        "from": start,
        "to": end,
        "stage": list(stages),
        "error": list(errors),
        "where": where,
        "edits": list(edit.as_written) if edit else [],
        "destination": kind,
        "force": force,
        "again": again,
    }
    selection = selection_of(start, end, tuple(stages), tuple(errors), where)
    return Wish(selection, as_written, kind, edit, force, again, on_doubt, rate, share)
