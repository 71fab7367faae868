"""Runs seeds, each in a fork of this process, and prints what became of each."""

import argparse
import os
import pickle
import resource
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TextIO

import time_machine

from tests.simulation import operators, threads, world
from tests.simulation.bugs import BUGS, NEEDED
from tests.simulation.plan import Action, plan
from tests.simulation.scheduler import START
from tests.simulation.shrink import shrink
from tests.simulation.simulation import Result, Simulation
from tests.simulation.weather import Strike

SEED_SECONDS = 120  # of a processor's time, for one seed


def run_in_fork(
    seed: int,
    actions: list[Action] | None = None,
    faults: Collection[Strike] | None = None,
    bug: str | None = None,
) -> tuple[int, int]:
    """Start a simulation in a fork; its process and the pipe that its result comes from."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    status = 1
    try:
        os.close(reader)
        resource.setrlimit(resource.RLIMIT_CPU, (SEED_SECONDS, SEED_SECONDS))
        result = Simulation(seed, actions, faults, BUGS[bug] if bug else lambda: None).run()
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(result, pipe)
        status = 0
    except BaseException:  # noqa: BLE001 (the edge of the fork: what it says goes to the terminal)
        import traceback  # noqa: PLC0415

        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def result_of(pid: int, reader: int) -> Result | None:
    """What a fork found; None where it broke."""
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    os.waitpid(pid, 0)
    return pickle.loads(data) if data else None  # noqa: S301 (our own child wrote it)


def results(seeds: Iterator[int], jobs: int, bug: str | None) -> Iterator[tuple[int, Result | None]]:
    """Run seeds, so many at once; their results in the order of the seeds."""
    running: list[tuple[int, int, int]] = []
    for seed in seeds:
        running.append((seed, *run_in_fork(seed, bug=bug)))
        if len(running) >= jobs:
            first, pid, reader = running.pop(0)
            yield first, result_of(pid, reader)
    for first, pid, reader in running:
        yield first, result_of(pid, reader)


def hunt(bug: str, first: int, most: int, jobs: int) -> tuple[int | None, Result | None]:
    """Plant a bug in seed after seed until one finds it.

    A seed in whose plan nobody runs what the bug is in counts as one that did not find it, and is not run.

    Returns:
        How many seeds it took, and the result that found it; None where none did.
    """
    needed = NEEDED.get(bug)
    seeds = (
        seed for seed in range(first, first + most) if needed is None or any(each.kind == needed for each in plan(seed))
    )
    for seed, result in results(seeds, jobs, bug):
        if result is not None and result.broken is not None:
            return seed - first + 1, result
    return None, None


def hunt_all(bugs: Iterable[str], first: int, most: int, jobs: int, out: TextIO) -> int:
    """Plant each bug, print a row of a table for each, and return how many were not found."""
    missed = 0
    for bug in bugs:
        count, result = hunt(bug, first, most, jobs)
        missed += count is None
        found = "not found" if result is None else str(result.broken)[:100]
        print(f"| {bug.replace('_', ' ')} | {count or f'over {most}'} | {found} |", file=out, flush=True)
    return missed


def run_one(seed: int, out: TextIO) -> int:
    """Run one seed, print its history, shrunk where it fails, and return the exit status."""
    result = result_of(*run_in_fork(seed))
    if result is None or result.broken is None:
        print(*(result.lines if result else ()), result, sep="\n", file=out, flush=True)
        return 0 if result else 1
    print(f"{result}\nlooking for the shortest history that fails ...", file=out, flush=True)
    shortest = shrink(plan(seed), result, lambda actions, faults: result_of(*run_in_fork(seed, actions, faults)))
    print(*shortest.result.lines, sep="\n", file=out)
    counts = f"{len(shortest.actions)} actions and {len(shortest.faults)} faults, after {shortest.runs} runs"
    print(f"BROKEN with {counts}: {shortest.result.broken}", file=out, flush=True)
    return 1


def drawn_seed() -> int:
    """A seed from the machine: this process's own randomness is the simulation's."""
    with Path("/dev/urandom").open("rb") as source:
        return int.from_bytes(source.read(4))


def main() -> None:
    """Parse the command line, run, exit with 1 where a promise is broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, help="run this one and print its history")
    parser.add_argument("--seeds", type=int, default=20, help="how many")
    parser.add_argument("--first", type=int, default=None, help="the first of them; else drawn")
    parser.add_argument("--minutes", type=float, default=10.0, help="stop after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at once")
    parser.add_argument("--bug", choices=BUGS, help="plant this bug first")
    parser.add_argument("--hunt", action="store_true", help="plant bugs one by one, and say how many seeds find each")
    parser.add_argument("--bugs", nargs="*", choices=BUGS, help="with --hunt, these; else every one")
    options = parser.parse_args()
    out = sys.stdout
    began = threads._REAL_MONOTONIC()
    threads.WORLD.traveller = time_machine.travel(START, tick=False).start()
    world.install()
    operators.install()
    if options.seed is not None:
        os._exit(run_one(options.seed, out))
    first = drawn_seed() if options.first is None else options.first
    if options.hunt:
        os._exit(1 if hunt_all(options.bugs or BUGS, first, options.seeds, options.jobs, out) else 0)
    seeds = (
        seed for seed in range(first, first + options.seeds) if threads._REAL_MONOTONIC() - began < options.minutes * 60
    )
    hours = failed = count = 0.0
    for seed, result in results(seeds, options.jobs, options.bug):
        print(result or f"seed {seed}: the simulation itself broke", file=out, flush=True)
        count += 1
        hours += result.hours if result else 0
        failed += result is None or result.broken is not None
        if failed and options.bug:
            break
    seconds = threads._REAL_MONOTONIC() - began
    print(
        f"{count:.0f} seeds, {hours:,.0f} h of pipeline time in {seconds:.0f} s, {failed:.0f} broken",
        file=out,
        flush=True,
    )
    os._exit(1 if failed else 0)
