"""A time means the same to every command."""

from datetime import UTC, datetime, timedelta

import click
import pytest

from archive.dead_letters.selection import parse_time
from infra.cli.options import Moment
from tests.infra.cli.commands import leaves

OF_TIME = {"--from", "--to", "--since", "--until", "--at", "--before", "--after"}
OPTIONS = [
    pytest.param(option, id=f"{' '.join(path)} {option.opts[0]}")
    for path, command in leaves()
    for option in command.params
    if isinstance(option, click.Option) and (OF_TIME & set(option.opts) or option.metavar == "TIME")
]


def moment_of(option: click.Option, text: str) -> datetime:
    """What an option takes a text for; a command that keeps the text reads it with `parse_time`."""
    value = option.type_cast_value(click.Context(click.Command("any")), text)
    return value if isinstance(value, datetime) else parse_time(value, datetime.now(UTC))


def test_the_commands_that_take_a_time_are_found():
    found = {parameters.id for parameters in OPTIONS}
    assert {"audit --from", "audit --to", "dead-letters replay --from", "tail --from", "event --at"} <= found


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_a_time_has_the_one_type(option):
    assert isinstance(option.type, Moment)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_of_a_time_means_what_it_means_elsewhere(option):
    before = datetime.now(UTC)
    ago, today = moment_of(option, "90m"), moment_of(option, "02:30")
    after = datetime.now(UTC)
    assert before - timedelta(minutes=90) <= ago <= after - timedelta(minutes=90)
    assert today in {each.replace(hour=2, minute=30, second=0, microsecond=0) for each in (before, after)}
    for text in ("2026-11-23T02:30", "2026-11-23T02:30:00Z", "2026-11-23T03:30+01:00"):
        assert moment_of(option, text) == datetime(2026, 11, 23, 2, 30, tzinfo=UTC)
    assert moment_of(option, "2026-11-23") == datetime(2026, 11, 23, tzinfo=UTC)
    assert after <= moment_of(option, "now") <= datetime.now(UTC)


@pytest.mark.parametrize("text", ["", "raw", "25:00", "2026-13-01", "99999999999d"])
@pytest.mark.parametrize("option", OPTIONS)
def test_what_is_not_a_time_is_wrong_usage(option, text):
    with pytest.raises(click.BadParameter):
        moment_of(option, text)
