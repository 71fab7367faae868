"""What failed, counted by hour, stage and reason, and what the pipeline would do with it now."""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from archive.dead_letters.failures import FailedRecord
from archive.dead_letters.outlook import READY, Outlook

MAX_GROUPS: Final = 1_000  # of stage and reason; types of errors are few, but bytes of others might name any
OTHER: Final = "(other)"

_EVER = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)

Group = tuple[str, str]  # stage, type of error


@dataclass(slots=True)
class GroupCounts:
    """The failures of one stage and reason that are left to do.

    Args:
        count: how many.
        size: bytes of their records.
        first: when the first of them failed.
        last: when the last did.
        sample: the name of one.
        message: its error's.
        outlook: how many have which verdict.
        reasons: an example of why, for each verdict.
    """

    count: int = 0
    size: int = 0
    first: datetime = _NEVER
    last: datetime = _EVER
    sample: str = ""
    message: str = ""
    outlook: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class FailureReport:
    """Counts of failures; memory grows with the hours and kinds, not with the failures.

    Args:
        groups: what is left to do, by stage and reason.
        hours: how many of it failed in each hour, by stage and reason.
        settled: how many were put back or discarded before.
    """

    groups: dict[Group, GroupCounts] = field(default_factory=dict)
    hours: dict[datetime, Counter[Group]] = field(default_factory=dict)
    settled: int = 0

    def add(self, failed: FailedRecord, outlook: Outlook) -> None:
        """Count a failure that is left to do, and what would become of it."""
        group = (failed.stage, failed.error.type)
        if group not in self.groups and len(self.groups) >= MAX_GROUPS:
            group = (failed.stage, OTHER)
        counts = self.groups.setdefault(group, GroupCounts())
        counts.count += 1
        counts.size += len(failed.data or b"")
        counts.first = min(counts.first, failed.failed_at)
        counts.last = max(counts.last, failed.failed_at)
        if not counts.sample:
            counts.sample, counts.message = failed.name, failed.error.message
        counts.outlook[outlook.verdict] += 1
        if outlook.reason:
            counts.reasons.setdefault(outlook.verdict, outlook.reason)
        hour = failed.failed_at.replace(minute=0, second=0, microsecond=0)
        self.hours.setdefault(hour, Counter())[group] += 1

    @property
    def left(self) -> int:
        """How many are left to do."""
        return sum(counts.count for counts in self.groups.values())

    @property
    def ready(self) -> int:
        """How many would pass if they were put back as they are."""
        return sum(counts.outlook[READY] for counts in self.groups.values())

    def document(self) -> dict[str, Any]:
        """For programs."""
        return {
            "left": self.left,
            "settled": self.settled,
            "groups": [
                {
                    "stage": stage,
                    "error": error,
                    "count": counts.count,
                    "bytes": counts.size,
                    "first": counts.first.isoformat(),
                    "last": counts.last.isoformat(),
                    "now": dict(counts.outlook),
                    "reasons": counts.reasons,
                    "message": counts.message,
                    "sample": counts.sample,
                }
                for (stage, error), counts in sorted(self.groups.items())
            ],
            "hours": [
                {"hour": hour.isoformat(), "stage": stage, "error": error, "count": count}
                for hour, counts in sorted(self.hours.items())
                for (stage, error), count in sorted(counts.items())
            ],
        }
