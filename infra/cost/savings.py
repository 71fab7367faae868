"""Which settings would save most, each tried by itself: the bill is made anew with one of them changed."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec

from infra.cost.bill import Assumptions, monthly_bill
from infra.cost.flow import Work
from infra.settings import Settings

PACKED: Final = 500  # events in a request, as `spillway load` posts them
LEAST_MEMORY: Final = 256  # MiB; the peak of every handler is below (docs/performance.md)
MOST_SAVINGS: Final = 3
LEAST_DOLLARS: Final = 0.01  # a month; less is not reported


@dataclass(frozen=True, slots=True)
class Saving:
    """A setting that would make the bill smaller.

    Args:
        setting: where it is made.
        now: its value.
        then: the value that saves.
        dollars: US dollars a month that it saves by itself; savings of several overlap.
        price: what one gives up for it.
    """

    setting: str
    now: str
    then: str
    dollars: float
    price: str


@dataclass(frozen=True, slots=True)
class _Change:
    setting: str
    now: object
    then: object
    price: str
    work: Work
    settings: Settings
    assumptions: Assumptions


def savings(work: Work, settings: Settings, assumptions: Assumptions, most: int = MOST_SAVINGS) -> list[Saving]:
    """The settings that would save most, the best first."""
    whole = monthly_bill(work, settings, assumptions).dollars
    found = [
        Saving(change.setting, str(change.now), str(change.then), saved, change.price)
        for change in _changes(work, settings, assumptions)
        if (saved := whole - monthly_bill(change.work, change.settings, change.assumptions).dollars) >= LEAST_DOLLARS
    ]
    return sorted(found, key=lambda saving: -saving.dollars)[:most]


def _changes(work: Work, settings: Settings, assumptions: Assumptions) -> Iterator[_Change]:
    """Every change that might save something."""
    packed = min(PACKED, settings.http.max_batch_events)
    if work.events_per_request < packed:
        price = "clients collect events before they post them"
        changed = replace(work, events_per_request=packed)
        yield _Change("--batch-size", work.events_per_request, packed, price, changed, settings, assumptions)
    if assumptions.table_mode == "on-demand":
        price = "throttled writes in a peak, until the capacity is scaled"
        provisioned = replace(assumptions, table_mode="provisioned")
        yield _Change("table_capacity (Terraform)", "on-demand", "provisioned", price, work, settings, provisioned)
    for section, name, then, price in (
        ("http", "door", "http", "no WAF, no usage plan, no traces of the gateway; it words its own errors"),
        ("stream", "shards", 1, "no room for a peak until the stream is scaled"),
        ("stream", "retention_hours", 24, "a day to repair what stops the consumers"),
        ("http", "memory_mib", LEAST_MEMORY, "slower single requests; the CPU comes in proportion"),
        ("table_writer", "memory_mib", LEAST_MEMORY, "slower batches"),
        ("table_writer", "batching_window_seconds", 5, "rows up to 5 s later"),
        ("archive", "memory_mib", LEAST_MEMORY, "slower batches"),
        ("archive", "buffer_seconds", 900, "the lake is up to 15 minutes behind"),
        ("archive", "transform_buffer_mib", 3.0, "larger batches to retry"),
        ("table", "ttl_days", 7, "rows of the last week only; the lake keeps all"),
        ("tracing", "sample_rate", 0.01, "one request of a hundred is traced"),
    ):
        now = getattr(getattr(settings, section), name)
        rises = name in ("batching_window_seconds", "buffer_seconds", "transform_buffer_mib")
        if now is None or _saves(now, then, rises=rises):
            changed_settings = _with(settings, section, name, then)
            yield _Change(f"{section}.{name}", now, then, price, work, changed_settings, assumptions)


def _saves(now: Any, then: Any, *, rises: bool) -> bool:
    """Whether a value is on the dearer side of another."""
    if isinstance(then, str):
        return bool(now != then)
    return bool(now < then if rises else now > then)


def _with(settings: Settings, section: str, name: str, value: Any) -> Settings:
    changed: Any = msgspec.structs.replace(getattr(settings, section), **{name: value})
    return msgspec.structs.replace(settings, **{section: changed})
