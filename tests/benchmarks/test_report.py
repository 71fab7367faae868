"""The benchmarks' own arithmetic: a ratio that is wrong would be believed."""

import io
import json

import pytest
from rich.console import Console

from tests.benchmarks.__main__ import BEGIN, END, document
from tests.benchmarks.report import Report, is_met, number
from tests.benchmarks.timing import Run, Series, in_turn, times


@pytest.mark.parametrize(
    ("target", "ours", "ratio", "met"),
    [
        ("≥ 1.5 x", 150.0, 1.5, True),
        ("≥ 1.5 x", 149.0, 1.49, False),
        ("≤ 0.75 x", 80.0, 0.8, False),
        (">= 2 x", 1.0, 2.1, True),
        ("≥ 2 \N{MULTIPLICATION SIGN}", 1.0, 1.9, False),
        ("≤ 60 %", 300.0, 0.59, True),
        ("≤ 60 %", 320.0, 0.61, False),
        ("≥ 3,000 events/s", 3_001.0, None, True),
        ("≤ 500 MiB", 501.0, None, False),
        ("", 1.0, None, None),
    ],
)
def test_a_target_is_met_or_missed(target, ours, ratio, met):
    assert is_met(target, ours, ratio) is met


@pytest.mark.parametrize("target", ["fast", "≥ x", "1.5 x"])
def test_a_target_that_says_nothing_is_refused(target):
    with pytest.raises(ValueError, match="target"):
        is_met(target, 1.0, 1.0)


def test_a_ratio_without_a_baseline_is_refused():
    with pytest.raises(ValueError, match="no baseline"):
        Report().row("x", 1.0, None, "s", "≥ 2 x", "")


def test_the_ratio_is_ours_to_the_baseline_unless_the_benchmark_knows_better():
    report = Report()
    report.row("a", 300.0, 200.0, "records/s", "≥ 1.5 x", "other")
    report.row("b", 300.0, 200.0, "records/s", "≥ 1.5 x", "other", ratio=1.4)
    assert [(row.ratio, row.met) for row in report.rows] == [(1.5, True), (1.4, False)]


def test_what_is_written_is_what_another_report_takes(tmp_path):
    report = Report(quick=True)
    report.row("a", 300.0, 200.0, "records/s", "≥ 1.5 x", "other", note="n")
    report.write(tmp_path / "deep" / "rows.json")
    document = json.loads((tmp_path / "deep" / "rows.json").read_text())
    other = Report()
    other.take(document)
    assert other.rows == report.rows
    assert document["machine"]["cores"] > 0
    assert document["machine"]["spin_ms"]["least"] > 0


def test_the_table_shows_a_miss():
    report = Report()
    report.row("slow thing", 1.0, 2.0, "records/s", "≥ 1.5 x", "other")
    text = io.StringIO()
    report.print(Console(file=text, width=150))
    assert "slow thing" in text.getvalue()
    assert "no" in text.getvalue()


@pytest.mark.parametrize(
    ("value", "text"), [(0.8351, "0.84"), (8.0, "8.00"), (83.51, "83.5"), (1234.5, "1,234"), (0.0, "0.00")]
)
def test_numbers_have_the_digits_that_count(value, text):
    assert number(value) == text


def test_only_rounds_at_one_speed_are_set_against_each_other():
    ours = Series([Run(1.0, 1.0, 5.0), Run(2.0, 2.0, 9.0), Run(1.0, 1.0, 5.0)])
    baseline = Series([Run(2.0, 4.0, 5.0), Run(2.0, 2.0, 5.0), Run(2.0, 4.0, 5.1)])
    assert times(ours, baseline) == 0.5
    assert times(ours, baseline, "wall") == 0.25


def test_where_no_round_was_at_one_speed_all_count():
    ours, baseline = Series([Run(1.0, 1.0, 9.0)]), Series([Run(2.0, 2.0, 5.0)])
    assert times(ours, baseline) == 0.5


def test_contestants_run_in_turn_and_warm_ups_are_thrown_away():
    order: list[str] = []

    def run(work) -> Run:
        work()
        return Run(1.0, 1.0, 5.0)

    contestants = {"a": lambda: order.append("a"), "b": lambda: order.append("b")}
    series = in_turn(contestants, rounds=2, warm_ups=1, run=run)
    assert order == ["a", "b"] * 3
    assert [len(one.runs) for one in series.values()] == [2, 2]


def test_a_document_gets_the_new_table_in_place_of_its_old_one(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    report = Report()
    report.row("slow thing", 1.0, 2.0, "records/s", "≥ 1.5 x", "other")
    document(report, path)
    text = path.read_text()
    assert "| slow thing, records/s | other | 1.00 | 2.00 | 0.50 x | ≥ 1.5 x | no |" in text
    assert text.startswith(f"before\n{BEGIN}\n")
    assert text.endswith(f"{END}\nafter\n")
    assert "old" not in text
