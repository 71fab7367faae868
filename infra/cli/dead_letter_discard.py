"""`spillway dead-letters discard`: settle failures without putting them back."""

from typing import TYPE_CHECKING, Any

import click

from archive.replay.run import NothingSelected
from infra.cli.context import Context
from infra.cli.dead_letter_options import (
    TO,
    nothing_selected,
    operator,
    say_what_where_does_not_fit,
    selection_of,
    selection_options,
    session,
)
from infra.cli.dead_letter_putting import Display
from infra.cli.dead_letter_tables import span_of
from infra.cli.tables import print_json
from infra.dead_letters.replaying import count_unsettled, order_of
from infra.dead_letters.replaying import discard as discarded
from infra.value_text import count_of

if TYPE_CHECKING:
    from archive.dead_letters.selection import Selection
    from archive.replay.journal import Record
    from infra.dead_letters.session import Session


@click.command()
@selection_options
@TO
@click.option("--yes", is_flag=True, help="Discard; without it, only count what would be discarded.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.pass_obj
def discard(context: Context, /, **options: Any) -> None:
    """Settle failures without putting them back. A dry run, unless --yes is given.

    `list` and `replay` leave them out from then on. Nothing is deleted: `replay --again` still puts them back.

    \b
    spillway dead-letters discard --from 2h --error PoisonEvent
    spillway dead-letters discard --from 2h --error PoisonEvent --yes
    """
    names = ("start", "end", "stages", "errors", "where")
    selection = selection_of(*(options[name] for name in names))
    with session(context) as opened:
        if options["yes"]:
            as_written = {"discard": True, **{name: _plain(options[name]) for name in names}}
            record = _discard(context, opened, selection, as_written)
            counts = {"dry_run": False, "replay": record.id, "discarded": record.discarded}
            text = f"{count_of(record.discarded, 'failure')} discarded by {record.id}. `replay --again` puts them back."
        else:
            count = count_unsettled(opened, selection)
            counts = {"dry_run": True, "discarded": count}
            text = (
                f"Dry run: {count_of(count, 'failure')} would be discarded, {span_of(selection)}.\n"
                "Nothing was changed. The same command with --yes acts."
            )
        say_what_where_does_not_fit(opened)
    if options["as_json"]:
        print_json(counts)
    else:
        click.echo(text)


def _plain(value: Any) -> Any:
    """An option as JSON keeps it, so that the same options are found again."""
    return list(value) if isinstance(value, tuple) else value


def _discard(context: Context, opened: "Session", selection: "Selection", as_written: dict[str, Any]) -> "Record":
    order = order_of(operator(context), as_written, selection)
    with Display() as display:
        try:
            return discarded(opened, order, stop=display.stopping.is_set, on_batch=display.update)
        except NothingSelected as error:
            say_what_where_does_not_fit(opened)
            raise nothing_selected(error, selection) from error
