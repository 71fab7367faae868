"""What the commands on failures print for people."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any

from archive.replay.document import document_of_event, pretty
from infra.cli.tables import say
from infra.dead_letters.steps import steps_of
from infra.value_text import count_of

if TYPE_CHECKING:
    from archive.dead_letters.draining import Drained
    from archive.dead_letters.failures import FailedRecord
    from archive.dead_letters.outlook import Outlook
    from archive.dead_letters.report import FailureReport
    from archive.dead_letters.selection import Selection
    from archive.dead_letters.settled_lines import SettledLines
    from archive.replay.journal import Record
    from archive.replay.plan import Tally

MAX_REASON_CHARACTERS = 120
SHOWN_BYTES = 512
SHOWN_LEFT = 5
PLACES = {"stream": "on the stream", "table": "straight into the table", "raw": "on the stream, as raw bytes"}
BOUND = {"table": "the table alone", "lake": "the lake alone", "table and lake": "table and lake"}


def print_report(report: "FailureReport", span: str, objects: int) -> None:
    """What failed, and what would become of it."""
    say(f"{count_of(report.left, 'failure')} left to do, {span}; {count_of(objects, 'object')} looked into")
    if report.settled:
        say(f"{count_of(report.settled, 'failure')} of that time, and of these options, settled before")
    for (stage, error), counts in sorted(report.groups.items()):
        say(f"\n{counts.count:>9,}  {stage}, {error}")
        _under("why", _short(counts.message))
        _under("when", f"{_time(counts.first)} to {_time(counts.last)} UTC, {counts.size:,} bytes")
        for verdict, count in counts.outlook.items():
            reason = counts.reasons.get(verdict, "")
            _under("now", f"{count:,} {verdict}" + (f": {_short(reason)}" if reason else ""))
        _under("sample", f"spillway dead-letters show '{counts.sample}'")
    if report.hours:
        say("\nBy the hour (UTC)")
    for hour, by_group in sorted(report.hours.items()):
        for (stage, error), count in sorted(by_group.items()):
            say(f"{count:>9,}  {hour:%Y-%m-%d %H:%M}  {stage}, {error}")
    if report.left:
        say(f"\n{report.ready:,} ready to be put back as they are, with the same options: spillway dead-letters replay")


def print_failure(failed: "FailedRecord", settled: "SettledLines", archived_at: datetime, outlook: "Outlook") -> None:
    """One failure whole: why, its journey, its bytes."""
    say(failed.name)
    before = f"put back {_times(failed.replays)} before" if failed.replays else "not put back before"
    _field("stage", f"{failed.stage}, tried {_times(failed.attempts)}, {before}")
    _field("reason", f"{failed.error.type}: {failed.error.message}")
    bound = failed.bound or "table and lake"
    _field("now", f"{outlook.verdict}, for the {bound}" + (f": {outlook.reason}" if outlook.reason else ""))
    say("  journey")
    event = outlook.event
    for at, text in steps_of(failed, settled, archived_at, outlook):
        _step(at, text)
    if event is not None:
        say(f"  event, {len(failed.data or b''):,} bytes")
        say("\n".join(f"    {line}" for line in pretty(document_of_event(event))))
    elif failed.data is not None:
        say(f"  bytes, {len(failed.data):,}, not an event")
        say("\n".join(f"    {line}" for line in _dump(failed.data)))


def print_tally(tally: "Tally", *, done: bool, destination: str) -> None:
    """What a replay did, or would do."""
    bound = ", ".join(f"{count:,} for {BOUND[name]}" for name, count in sorted(tally.bound.items()))
    _field("put back", f"{tally.put_back:,} {PLACES[destination]}" + (f": {bound}" if bound else ""))
    if tally.discarded:
        _field("discarded", f"{tally.discarded:,}, as the edit says")
    if not tally.left:
        return
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in tally.left.most_common())
    total = tally.left.total()
    were = f"{count_of(total, 'was', 'were')} not" if done else f"{total:,} would not be"
    _field("left", f"{were} put back: {kinds}")
    for left in tally.examples[:SHOWN_LEFT]:
        say(f"    {left.name}\n      {left.kind}: {_short(left.reason)}")
    if total > SHOWN_LEFT:
        say(f"    … and {total - SHOWN_LEFT:,} more: spillway dead-letters list, same options")


def print_history(records: Iterable[tuple["Record", str]]) -> None:
    """Replays, the newest last."""
    nothing = True
    for record, state in records:
        nothing = False
        say(f"{record.id}  {state}" + (f": {record.error}" if record.error and state != "finished" else ""))
        times = f"{record.started_at[:19].replace('T', ' ')} to {record.updated_at[:19].replace('T', ' ')} UTC"
        _field("by", f"{record.operator}, {times}" + (f", resumed {_times(record.resumed)}" if record.resumed else ""))
        _field("selected", _selected(record.selection))
        for edit in record.edits:
            _field("edited", edit)
        discarded = f", {record.discarded:,} discarded" if record.discarded else ""
        _field("put back", f"{record.put_back:,} {PLACES[record.destination]}{discarded}")
        if record.left:
            _field(
                "left",
                f"{sum(record.left.values()):,} not put back: "
                + ", ".join(f"{count:,} {kind}" for kind, count in record.left.items()),
            )
    if nothing:
        say("Nothing was put back so far.")


def _selected(selection: dict[str, Any]) -> str:
    start, end = datetime.fromisoformat(selection["from"]), datetime.fromisoformat(selection["to"])
    parts = [f"{start:%m-%d %H:%M} to {end:%m-%d %H:%M}", *selection["stage"], *selection["error"]]
    return ", ".join([*parts, selection["where"]] if selection["where"] else parts)


def span_of(selection: "Selection") -> str:
    """The time that a selection covers."""
    return f"{selection.start:%Y-%m-%d %H:%M} to {selection.end:%Y-%m-%d %H:%M} UTC"


def duration_of(seconds: float) -> str:
    """Seconds in the unit that people would use."""
    if seconds < 90:
        return f"{seconds:.0f} s" if seconds >= 1 else "a second"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _field(name: str, text: str) -> None:
    say(f"  {name:<10} {text}")


def _under(name: str, text: str) -> None:
    say(f"{'':>9}  {name:<7} {text}")


def _step(at: str, text: str) -> None:
    moment = at.replace("T", " ").removesuffix("Z").removesuffix("+00:00")[:26]
    say(f"    {moment:<26}  {text}")


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _time(moment: datetime) -> str:
    return f"{moment:%m-%d %H:%M:%S}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= MAX_REASON_CHARACTERS else line[: MAX_REASON_CHARACTERS - 1] + "…"


def _dump(data: bytes) -> list[str]:
    """Bytes as text where they are, else in hexadecimal."""
    shown = data[:SHOWN_BYTES]
    more = [f"… {len(data) - SHOWN_BYTES:,} bytes more; --json has them all"] if len(data) > SHOWN_BYTES else []
    try:
        text = shown.decode("utf-8", "strict" if not more else "ignore")
    except UnicodeDecodeError:
        text = ""
    if text.isprintable() and text:
        return [text[at : at + 100] for at in range(0, len(text), 100)] + more
    return [f"{at:06x}  {shown[at : at + 16].hex(' ')}" for at in range(0, len(shown), 16)] + more


def print_drained(drained: Iterable["Drained"]) -> None:
    """What became of the messages of queues."""
    for each in drained:
        held = f", with {count_of(each.letters, 'dead letter')}" if each.messages else ""
        lost = f", {count_of(each.lost, 'record')} lost" if each.lost else ""
        say(f"{each.queue}: {count_of(each.messages, 'message')} archived{held}{lost}")
        if each.hidden:
            say(f"  {count_of(each.hidden, 'message')} in other hands, such as the archiver's; drain again later")
