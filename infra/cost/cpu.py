"""What an event costs in CPU at any size and any number in a request, between those that were measured."""

from collections.abc import Callable

from infra.cost.flow import MEASURED, CpuMilliseconds

_SMALL, _LARGE = sorted({size for size, _ in MEASURED})
_MOST = max(count for _, count in MEASURED)


def cpu_of(payload_bytes: int, events_per_request: int) -> CpuMilliseconds:
    """CPU of one event, in milliseconds of one core.

    By size it is taken to grow in a line through the two sizes measured. By the number of events in a request, the
    HTTP handler costs so much for the request and so much for each event in it.
    """
    return CpuMilliseconds(
        http=max(0.0, _in_line(payload_bytes, lambda size: _http(size, events_per_request))),
        writer=max(0.0, _in_line(payload_bytes, lambda size: MEASURED[size, 1].writer)),
        transform=max(0.0, _in_line(payload_bytes, lambda size: MEASURED[size, 1].transform)),
    )


def _in_line(payload_bytes: int, at: Callable[[int], float]) -> float:
    slope = (at(_LARGE) - at(_SMALL)) / (_LARGE - _SMALL)
    return at(_SMALL) + slope * (payload_bytes - _SMALL)


def _http(size: int, events: int) -> float:
    """Of one event, where a request costs `fixed` and each event in it `each`."""
    alone, packed = MEASURED[size, 1].http, MEASURED[size, _MOST].http
    fixed = (alone - packed) / (1 - 1 / _MOST)
    each = alone - fixed
    return fixed / events + each
