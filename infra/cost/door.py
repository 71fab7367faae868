"""What it costs to take requests in, by what stands in front of the function."""

from math import ceil
from typing import Final, Literal

from infra.cost.flow import Work
from infra.prices import (
    BALANCER_HOUR,
    BALANCER_UNIT_CONNECTIONS,
    BALANCER_UNIT_GIB_HOUR,
    BALANCER_UNIT_HOUR,
    GIB,
    HTTP_REQUEST_BYTES,
    HTTP_REQUEST_MILLION,
    MILLION,
    REQUEST_MILLION,
)

Door = Literal["REST API", "HTTP API", "function URL", "load balancer"]
NAMES: Final[dict[str, Door]] = {"rest": "REST API", "http": "HTTP API"}  # of `http.door`
FOR_COMPARISON: Final[tuple[Door, ...]] = ("function URL", "load balancer")  # Spillway does not deploy these


def billed_requests(work: Work, door: Door) -> float:
    """Requests a second as the door bills them."""
    requests = work.events_per_second / work.events_per_request
    if door == "HTTP API":
        return requests * max(1, ceil(work.events_per_request * work.payload_bytes / HTTP_REQUEST_BYTES))
    return requests


def door_dollars(work: Work) -> dict[Door, float]:
    """US dollars a second by door, without the function itself.

    A function URL costs nothing by itself. For the load balancer every request has a connection of its own, as
    clients that seldom post have; with kept connections it costs less.
    """
    requests = work.events_per_second / work.events_per_request
    gib_an_hour = work.events_per_second * work.payload_bytes * 3_600 / GIB
    units = max(requests / BALANCER_UNIT_CONNECTIONS, gib_an_hour / BALANCER_UNIT_GIB_HOUR)
    return {
        "REST API": billed_requests(work, "REST API") * REQUEST_MILLION / MILLION,
        "HTTP API": billed_requests(work, "HTTP API") * HTTP_REQUEST_MILLION / MILLION,
        "function URL": 0.0,
        "load balancer": (BALANCER_HOUR + units * BALANCER_UNIT_HOUR) / 3_600,
    }
