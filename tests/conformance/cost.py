"""What a run on a real account costs, at most."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the bill: how much of what, and its price in dollars (us-east-1, 2026)."""

    what: str
    amount: float
    price: float

    @property
    def dollars(self) -> float:
        return self.amount * self.price


# Counted generously. A shard is billed for the hour it was begun in.
BILL: Final = (
    Item("Kinesis shard hours", 55, 0.015),
    Item("Kinesis PUT units, millions", 0.01, 0.014),
    Item("API Gateway requests, millions", 0.0002, 3.50),
    Item("Lambda invocations, millions", 0.001, 0.20),
    Item("Lambda GB-seconds", 500, 0.0000133334),
    Item("SQS requests, millions", 0.02, 0.40),
    Item("DynamoDB write units, millions", 0.005, 0.625),
    Item("S3 PUT requests, thousands", 2, 0.005),
    Item("Firehose and conversion, GB", 0.02, 0.047),
)
MOST_DOLLARS: Final = 1.0


def cost_dollars() -> float:
    """The sum of the bill."""
    return sum(item.dollars for item in BILL)


def cost_text() -> str:
    """The arithmetic, in one line."""
    return "; ".join(f"{item.what}: {item.amount:g} x {item.price:g} = {item.dollars:.3f}" for item in BILL) + "."
