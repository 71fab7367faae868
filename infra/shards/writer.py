"""The table writer, where it and not the stream is what holds events up."""

from dataclasses import dataclass
from math import ceil
from typing import Final

from infra.shards.limits import MAX_PARALLELIZATION

BUSY_ABOVE: Final = 0.8  # of its lanes' time, and it falls behind at the next rise


@dataclass(frozen=True, slots=True)
class Writer:
    """The function behind the stream, and its event source mapping.

    A lane is one invocation at a time: a shard has as many as the mapping's ParallelizationFactor says.

    Args:
        function_name: of the Lambda.
        mapping_id: UUID of the event source mapping.
        factor: ParallelizationFactor, 1 to 10.
        busy: share of the lanes' time spent in invocations, 0 to 1; None where Lambda has not reported it.
    """

    function_name: str
    mapping_id: str
    factor: int
    busy: float | None = None

    @property
    def is_limit(self) -> bool:
        """Whether it has next to no time left."""
        return self.busy is not None and self.busy > BUSY_ABOVE

    def lanes_needed(self, shards: int, target: float) -> int:
        """How many lanes it would need in all to be as busy as the target says.

        Args:
            shards: open now.
            target: share of the lanes' time, 0 to 1.
        """
        return ceil((self.busy or 0.0) * shards * self.factor / target - 1e-9)

    def factor_for(self, lanes: int, shards: int) -> int:
        """The ParallelizationFactor that gives at least so many lanes, or the highest there is; never a lower one."""
        return max(self.factor, min(MAX_PARALLELIZATION, ceil(lanes / shards)))
