"""What `spillway audit` says of a simulation, held against the model."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pyarrow.fs

import infra.audit.lake
from infra.audit.balance import Balance, Clients, audit
from infra.audit.sightings import Period
from producers.clock import SystemClock
from tests.simulation.model import Found, Model, PromiseBroken
from tests.simulation.scheduler import START
from tests.simulation.world import World


class Later(SystemClock):
    """A day on: nothing is on its way any more."""

    def time(self) -> float:
        """Seconds since the epoch."""
        return super().time() + 86_400


def check_audit(world: World, model: Model, found: Found) -> None:
    """Audit the whole time of a simulation.

    Raises:
        PromiseBroken: the audit says otherwise than the stores themselves.
    """
    folder = pyarrow.fs.SubTreeFileSystem(str(world.folder / "buckets"), pyarrow.fs.LocalFileSystem())
    infra.audit.lake.filesystem_of = lambda _s3: folder
    start = datetime.fromtimestamp(START, UTC)
    period = Period(start - timedelta(hours=12), start + timedelta(days=5))
    clients = Clients(*(world.clients[name] for name in ("kinesis", "dynamodb", "s3", "sqs", "cloudwatch")))
    balance = audit(clients, world.names, world.settings, period, scan_table=True, clock=Later())
    wrong = list(_differences(balance, model, found))
    if wrong:
        raise PromiseBroken(f"the audit disagrees: {'; '.join(wrong)}")


def _differences(balance: Balance, model: Model, found: Found) -> Iterable[str]:
    keys = found.stream | set(found.rows) | found.dead | set(found.lake) | set(found.errors) | set(found.compacted)
    in_table, in_lake = set(found.rows) | found.dead, set(found.lake) | set(found.errors) | set(found.compacted)
    expected = {
        "events": len(keys),
        "in_table": len(found.rows),
        "in_lake": len(found.lake.keys() | found.compacted.keys()),
        "duplicates_in_lake": sum(copies - 1 for copies in found.lake.values()),
        "lost": found.lost,
        "missing_from_table": len(keys - in_table),
        "missing_from_lake": len(keys - in_lake),
        "waiting_messages": 0,
        "unreadable": 0,
    }
    for name, value in expected.items():
        if getattr(balance, name) != value:
            yield f"{name} is {getattr(balance, name)}, not {value}"
    if not balance.is_clean and not model.excused:
        yield f"it is not clean: {balance}"
