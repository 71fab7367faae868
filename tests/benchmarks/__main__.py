"""`make bench`: run the benchmarks, each in a process of its own, and print one table.

A missed target is shown, and is no failure; a benchmark that breaks is one, after the others were run.
"""

import argparse
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.report import DEFAULT_FILE, Report

FOLDER = Path(__file__).parent
PREFIX = "bench_"
SECONDS_EACH = 1800
DOCUMENT = FOLDER.parents[1] / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"


def names() -> list[str]:
    """The benchmarks there are: of `bench_http.py` it is `http`."""
    return sorted(path.stem.removeprefix(PREFIX) for path in FOLDER.glob(f"{PREFIX}*.py"))


def main(arguments: list[str] | None = None) -> int:
    """Run what the arguments ask for; the exit status."""
    options = _parser().parse_args(arguments)
    if options.here:
        report = Report(quick=options.quick)
        importlib.import_module(f"tests.benchmarks.{PREFIX}{options.here}").run(report)
        report.write(options.json)
        return 0
    report = Report(quick=options.quick)
    broken = []
    for name in options.only or names():
        started = time.monotonic()
        _say(f"{name} ...", end=" ")
        if _in_own_process(name, report):
            _say(f"{time.monotonic() - started:.0f} s")
        else:
            broken.append(name)
    report.print()
    report.write(options.json)
    _say(f"written to {options.json}")
    if options.document and not broken:
        document(report, DOCUMENT)
    if broken:
        _say(f"broke: {', '.join(broken)}; see above")
    return 1 if broken else 0


def document(report: Report, path: Path) -> None:
    """Put the table of a whole run in place of the one that the document holds."""
    before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    figures = f"{BEGIN}\n{report.to_markdown()}\n\nMeasured on {report.machine()}\n{END}"
    path.write_text(f"{before}{figures}{after}", encoding="utf-8")


def _say(text: str, end: str = "\n") -> None:
    """Show progress."""
    sys.stderr.write(text + end)
    sys.stderr.flush()


def _in_own_process(name: str, report: Report) -> bool:
    """Run one benchmark where no other has left its imports and its garbage; whether it came to its end."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.json"
        command = [sys.executable, "-m", "tests.benchmarks", "--here", name, "--json", str(path)]
        try:
            done = subprocess.run(
                command + (["--quick"] if report.quick else []),
                stdout=sys.stderr,
                env=_environment(),
                timeout=SECONDS_EACH,
                check=False,
            )
        except subprocess.TimeoutExpired:
            _say(f"{name} took over {SECONDS_EACH} s")
            return False
        if done.returncode == 0:
            report.take(json.loads(path.read_text(encoding="utf-8")))
        return done.returncode == 0


def _environment() -> dict[str, str]:
    """This environment, without what changes how fast Python starts or where AWS clients connect."""
    dropped = {"PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"}
    return {name: value for name, value in os.environ.items() if not name.startswith("AWS_") and name not in dropped}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=names(), help=f"of: {', '.join(names())}")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs: to see that they work")
    parser.add_argument("--json", type=Path, default=DEFAULT_FILE, metavar="FILE", help=f"default: {DEFAULT_FILE}")
    parser.add_argument("--document", action="store_true", help="put the table in docs/performance.md")
    parser.add_argument("--here", choices=names(), help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
