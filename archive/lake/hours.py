"""The hours of the lake. Each partition holds one hour."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

ONE_HOUR: Final = timedelta(hours=1)
_PARTITION: Final = re.compile(r"dt=(\d{4}-\d\d-\d\d)/hour=(\d\d)")


@dataclass(frozen=True, slots=True, order=True)
class Hour:
    """One hour of arrival, UTC."""

    start: datetime

    @classmethod
    def of(cls, time: datetime) -> "Hour":
        """The hour that contains a time."""
        return cls(time.astimezone(UTC).replace(minute=0, second=0, microsecond=0))

    @classmethod
    def of_key(cls, key: str) -> "Hour | None":
        """The hour named in an object's key; None if the key names no hour."""
        found = _PARTITION.search(key)
        if not found:
            return None
        return cls(datetime.fromisoformat(f"{found[1]}T{found[2]}:00:00").replace(tzinfo=UTC))

    @property
    def dt(self) -> str:
        """The value of the partition column `dt`."""
        return f"{self.start:%Y-%m-%d}"

    @property
    def hour(self) -> str:
        """The value of the partition column `hour`."""
        return f"{self.start:%H}"

    @property
    def path(self) -> str:
        """The partition as part of a key: `dt=YYYY-MM-DD/hour=HH`."""
        return f"dt={self.dt}/hour={self.hour}"

    @property
    def end(self) -> datetime:
        """When the hour ends and the next one begins."""
        return self.start + ONE_HOUR

    def __str__(self) -> str:
        return f"{self.dt} {self.hour}:00"


def hours_between(start: datetime, end: datetime) -> Iterator[Hour]:
    """The hours from the one that contains `start` to the last one that begins before `end`."""
    hour = Hour.of(start)
    while hour.start < end:
        yield hour
        hour = Hour(hour.end)
