"""The order in which records of one partition key are delivered."""

from tests.simulation.watch import Order


def broken_by(*steps: tuple[str, list[tuple[str, int]]]) -> list[str]:
    """What is reported of deliveries and settlements."""
    reports: list[BaseException] = []
    order = Order(reports.append)
    for what, records in steps:
        order.delivered(records) if what == "delivered" else order.settled(records)
    return [str(report) for report in reports]


def test_records_in_their_order_are_fine_however_often_they_are_delivered():
    batch = [("key", 1), ("key", 2), ("other", 1)]
    assert broken_by(("delivered", batch), ("delivered", batch), ("settled", batch), ("delivered", [("key", 3)])) == []


def test_a_record_that_was_passed_over_is_reported():
    steps = ("delivered", [("key", 2)]), ("settled", [("key", 2)]), ("delivered", [("key", 1)])
    assert broken_by(*steps) == ["record 1 of key 'key' is delivered after 2"]


def test_a_record_that_is_delivered_before_the_one_before_it_is_settled_is_reported():
    steps = ("delivered", [("key", 1)]), ("delivered", [("key", 2)])
    assert broken_by(*steps) == ["record 2 of key 'key' is delivered before 1 is settled"]


def test_keys_do_not_wait_for_each_other():
    assert broken_by(("delivered", [("key", 1)]), ("delivered", [("other", 2)])) == []
