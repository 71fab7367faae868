"""What a check found."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Literal

from producers.explained import Explained
from producers.retry import AWS_ERRORS, error_code

Result = Literal["ok", "warning", "failed", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found.

    Args:
        check: its name.
        result: `failed` keeps Spillway from working; `warning` may do so, or hides a failure.
        looked_at: what was looked at, and what it is.
        remedy: what to do; empty where all is well.
    """

    check: str
    result: Result
    looked_at: str
    remedy: str = ""


Check = Callable[[], Finding]


def examine(checks: Iterable[tuple[str, Check]]) -> Iterator[Finding]:
    """Run checks one after the other; one that cannot look is a finding of its own, and ends no other.

    Args:
        checks: a name and a check each.
    """
    for name, check in checks:
        try:
            yield check()
        except AWS_ERRORS as error:
            yield Finding(name, "failed", f"cannot be looked at: {error_code(error)}: {error}", _REMEDY)
        except Explained as error:
            yield Finding(name, "failed", f"cannot be looked at: {error}", "do what the message says")
        except OSError as error:
            yield Finding(name, "failed", f"cannot be looked at: {error}", "check the path and its permissions")


_REMEDY = "check the credentials, the region, and what the role may call"


def named(name: str, check: Callable[..., Finding], *arguments: object, **options: object) -> tuple[str, Check]:
    """A check with its arguments, to be run later."""
    return name, partial(check, *arguments, **options)


def well(check: str, looked_at: str) -> Finding:
    """A finding without anything wrong."""
    return Finding(check, "ok", looked_at)
