"""The machine that figures come from: its cores, its speed of the moment, and who runs on which core."""

import os
import platform
import time
from pathlib import Path
from typing import Any, Final

SPIN_STEPS: Final = 100_000


def spin() -> float:
    """Milliseconds of CPU that a fixed piece of work takes now: it shows the core's present speed."""
    started = time.thread_time()
    total = 0
    for step in range(SPIN_STEPS):
        total += step
    return (time.thread_time() - started) * 1000


def measured_core() -> int:
    """The core for what is measured."""
    return min(os.sched_getaffinity(0))


def other_core() -> int:
    """The core for what only plays along, such as a fake endpoint; the same one where there is no other."""
    return max(_online())


def pin(core: int) -> None:
    """Keep this process, threads and children to come included, on one core."""
    os.sched_setaffinity(0, {core})


def unpin() -> None:
    """Let this process use every core."""
    os.sched_setaffinity(0, _online())


def facts() -> dict[str, Any]:
    """What a reader of figures has to know of the machine."""
    return {
        "cores": os.cpu_count(),
        "processor": _processor(),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


def resident_mib(pid: int | str = "self") -> tuple[float, float]:
    """A process's resident memory, MiB: now, and at its peak since it was started."""
    with Path(f"/proc/{pid}/status").open(encoding="ascii", errors="replace") as status:
        fields = dict(line.split(":", 1) for line in status)
    return int(fields["VmRSS"].split()[0]) / 1024, int(fields["VmHWM"].split()[0]) / 1024


def _online() -> set[int]:
    return set(range(os.cpu_count() or 1))


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.machine()
