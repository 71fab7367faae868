"""Time to live: items whose time has come are deleted, a part of a table at a time.

DynamoDB deletes them within a few days, and shows them until then. So does this: each step looks at some items, and the
next step goes on behind them. At the end of a table it begins anew.
"""

from typing import TYPE_CHECKING, Any, Final

from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends

from infra.local.aws.dynamodb.table import LocalTable
from producers.clock import SYSTEM_CLOCK, Clock

if TYPE_CHECKING:
    from infra.local.store.table_items import Place

ITEMS_AT_ONCE: Final = 500


class ExpirySweep:
    """Goes round and round through the tables that have a time to live.

    Args:
        region: of the tables.
        clock: what time it is.
        items_at_once: looked at in a step, of each table.
    """

    def __init__(self, region: str, clock: Clock = SYSTEM_CLOCK, *, items_at_once: int = ITEMS_AT_ONCE) -> None:
        self._region = region
        self._clock = clock
        self._items_at_once = items_at_once
        self._places: dict[str, Place | None] = {}  # how far each table was looked at

    def step(self) -> int:
        """Look at some items of each table; gives how many were deleted."""
        deleted = 0
        for name, table in list(dynamodb_backends[DEFAULT_ACCOUNT_ID][self._region].tables.items()):
            attribute = _attribute(table)
            if attribute is not None and isinstance(table, LocalTable):
                gone, self._places[name] = table.items.rows.delete_expired(
                    attribute, int(self._clock.time()), behind=self._places.get(name), limit=self._items_at_once
                )
                deleted += gone
        return deleted


def _attribute(table: Any) -> str | None:
    """The attribute with the time that an item expires at; None where the table has no time to live."""
    return table.ttl.get("AttributeName") if table.ttl.get("TimeToLiveStatus") == "ENABLED" else None
