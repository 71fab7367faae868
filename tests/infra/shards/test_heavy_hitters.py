"""The heaviest keys, found in bounded memory."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from infra.shards.heavy_hitters import LEAST_WEIGHT, HeavyHitters, weight_of

RECORDS = st.lists(st.tuples(st.sampled_from("abcdefghijklmnop"), st.integers(1, 50_000)), max_size=300)


@given(RECORDS, st.integers(1, 20))
def test_weights_are_bounds_and_no_heavy_key_is_missed(records, capacity):
    found = HeavyHitters(capacity)
    true: Counter[str] = Counter()
    for key, size in records:
        found.add(key, size)
        true[key] += weight_of(size)
    counted = {c.key: c for c in found.counted()}
    assert len(counted) <= capacity
    assert found.total_weight == sum(true.values())
    for key, c in counted.items():
        assert c.weight - c.error <= true[key] <= c.weight
    for key, weight in true.items():
        if weight * capacity > found.total_weight:
            assert key in counted


def test_only_keys_that_surely_have_their_share_are_named():
    found = HeavyHitters(4)
    for number in range(1_000):
        found.add("hot" if number % 2 else f"key-{number}", 200)
    assert [c.key for c in found.heaviest(0.3)] == ["hot"]
    assert found.heaviest(0.3)[0].records == 500


def test_a_small_record_weighs_its_part_of_a_thousand_a_second():
    assert weight_of(1) == LEAST_WEIGHT == 1_048
    assert weight_of(5_000) == 5_000
