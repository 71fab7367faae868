"""What was measured: one table for people, one JSON file for programs."""

import json
import re
import statistics
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from tests.benchmarks import machine

DEFAULT_FILE: Final = Path("build/benchmarks.json")

_TARGET = re.compile(r"(>=|<=|≥|≤)\s*([\d,]*\.?\d+)\s*(.*)")
_TIMES: Final = "\N{MULTIPLICATION SIGN}"
_RATIO_UNITS: Final = {_TIMES: 1.0, "x": 1.0, "%": 0.01}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure beside its baseline.

    Args:
        what: was measured.
        ours: Spillway's figure, in `unit`.
        baseline: the other's, in the same run; None where there is nothing to compare with.
        unit: such as `records/s`, `ms of CPU` or `MiB`.
        target: `≥ 1.5 x` or `≤ 60 %` of the baseline, or `≤ 500 MiB` of itself; empty where the figure has no target.
        baseline_name: what the baseline is.
        ratio: ours to baseline; None without a baseline.
        met: whether the target is; None without one.
        note: what a reader should know beside it.
        spin_ms: what a spin took when the row was entered.
    """

    what: str
    ours: float
    baseline: float | None
    unit: str
    target: str
    baseline_name: str
    ratio: float | None
    met: bool | None
    note: str
    spin_ms: float


class Report:
    """Collects the rows of a run.

    Args:
        quick: benchmarks are asked for fewer and shorter runs, good for seeing that they work.
    """

    def __init__(self, *, quick: bool = False) -> None:
        self.quick = quick
        self.rows: list[Row] = []

    def rounds(self, full: int, quick: int = 2) -> int:
        """How many rounds to run."""
        return quick if self.quick else full

    def row(
        self,
        what: str,
        ours: float,
        baseline: float | None,
        unit: str,
        target: str,
        baseline_name: str,
        *,
        ratio: float | None = None,
        note: str = "",
    ) -> None:
        """Enter a figure; see `Row`.

        Args:
            ratio: ours to baseline where the benchmark knows it better than by dividing the two, such as a median over
                rounds.

        Raises:
            ValueError: the target cannot be read, or asks for a ratio where there is no baseline.
        """
        if ratio is None and baseline:
            ratio = ours / baseline
        self.rows.append(
            Row(
                what,
                ours,
                baseline,
                unit,
                target,
                baseline_name,
                ratio,
                is_met(target, ours, ratio),
                note,
                machine.spin(),
            )
        )

    def to_json(self) -> dict[str, Any]:
        """Everything, for programs."""
        spins = [row.spin_ms for row in self.rows]
        return {
            "machine": {
                **machine.facts(),
                "spin_ms": {"least": min(spins), "median": statistics.median(spins), "most": max(spins)}
                if spins
                else None,
            },
            "quick": self.quick,
            "rows": [asdict(row) for row in self.rows],
        }

    def take(self, document: dict[str, Any]) -> None:
        """Add the rows that another process's report wrote as JSON."""
        self.rows += [Row(**row) for row in document["rows"]]

    def write(self, path: Path) -> None:
        """Write the JSON file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def to_markdown(self) -> str:
        """The table as docs/performance.md has it."""
        lines = ["| what | beside | ours | baseline | ratio | target | met |", "|---|---|--:|--:|--:|--:|---|"]
        lines += [f"| {' | '.join(_cells(row))} |" for row in self.rows]
        return "\n".join(lines)

    def print(self, console: Console | None = None) -> None:
        """Print the table, and what the machine was."""
        table = Table()
        for name in ("what", "beside"):
            table.add_column(name, overflow="fold")
        for name in ("ours", "baseline", "ratio", "target", "met"):
            table.add_column(name, justify="right", overflow="fold")
        colours = {"yes": "[green]yes[/]", "no": "[red]no[/]"}
        for row in self.rows:
            *cells, met = _cells(row)
            table.add_row(*cells, colours.get(met, met))
        console = console or Console(width=None if Console().is_terminal else 150)
        console.print(table)
        console.print(f"{self.machine()} Only ratios within a row mean anything: docs/performance.md")

    def machine(self) -> str:
        """One sentence on the machine."""
        facts = machine.facts()
        spins = [row.spin_ms for row in self.rows] or [machine.spin()]
        return (
            f"{facts['cores']} cores, {facts['processor']}, Python {facts['python']}; a fixed spin took "
            f"{min(spins):.1f} to {max(spins):.1f} ms."
        )


def _cells(row: Row) -> list[str]:
    """A row as texts, for either table."""
    return [
        f"{row.what}, {row.unit}" + (f" ({row.note})" if row.note else ""),
        row.baseline_name,
        number(row.ours),
        "" if row.baseline is None else number(row.baseline),
        "" if row.ratio is None else f"{number(row.ratio)} x",
        row.target,
        {True: "yes", False: "no", None: ""}[row.met],
    ]


def is_met(target: str, ours: float, ratio: float | None) -> bool | None:
    """Whether a figure meets its target; None where it has no target.

    Raises:
        ValueError: see `Report.row`.
    """
    if not target:
        return None
    found = _TARGET.fullmatch(target.strip())
    if not found:
        raise ValueError(f"target {target!r}: write it as '≥ 1.5 x', '≤ 60 %' or '≤ 500 MiB'")
    sign, amount, unit = found.groups()
    bound, value = float(amount.replace(",", "")), ours
    if unit in _RATIO_UNITS:
        if ratio is None:
            raise ValueError(f"target {target!r} is a ratio, but there is no baseline")
        bound, value = bound * _RATIO_UNITS[unit], ratio
    return value >= bound if sign in (">=", "≥") else value <= bound


def number(value: float) -> str:
    """A number with three digits that count, or all those before the point."""
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= 10 else f"{value:.2f}"
