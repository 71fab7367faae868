"""Work that goes on beyond a request: an audit, a replay, a plan carried out. Pages ask for its progress."""

import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from producers.explained import Explained

KEPT: Final = 20  # jobs that can still be looked at
MAX_LINES: Final = 200  # of one job
MAX_RUNNING: Final = 4


class TooManyJobs(Explained):
    """So many jobs run already that another is refused."""


@dataclass
class Job:
    """One piece of work.

    Args:
        what: in words, such as `audit`.
        section: the page that it belongs to.
        asked: the fields of the form that began it, with which it can be begun again.
        id: of the job.
        lines: of progress, the newest last.
        counted: how far it is, one line.
        result: what came of it; None before its end.
        error: what ended it early.
        stopping: set by whoever wants it to end.
        seconds: that it took; None before its end.
    """

    what: str
    section: str
    asked: dict[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    lines: list[str] = field(default_factory=list)
    counted: str = ""
    result: Any = None
    error: BaseException | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    started: float = field(default_factory=time.monotonic)
    seconds: float | None = None

    @property
    def is_over(self) -> bool:
        """Whether it has ended, well or not."""
        return self.seconds is not None

    def say(self, line: str) -> None:
        """Add a line of progress."""
        self.lines.append(line)
        del self.lines[:-MAX_LINES]

    def count(self, line: str) -> None:
        """Show how far it is: one line, which the next call replaces."""
        self.counted = line


class Jobs:
    """The jobs of one console, each on a thread of its own."""

    def __init__(self) -> None:
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()

    def start(self, what: str, section: str, work: Callable[[Job], Any], asked: Mapping[str, str] | None = None) -> Job:
        """Start a job.

        Args:
            what: it is, in words.
            section: see `Job`.
            asked: likewise.
            work: given the job, returns its result; it looks at `stopping` where it can be stopped.

        Raises:
            TooManyJobs: others have to end first.
        """
        job = Job(what, section, dict(asked or {}))
        with self._lock:
            if sum(not each.is_over for each in self._jobs.values()) >= MAX_RUNNING:
                raise TooManyJobs(f"{MAX_RUNNING} jobs of this console run already; wait until one ends, or stop one")
            over = [each.id for each in self._jobs.values() if each.is_over]
            for old in over[: max(0, len(self._jobs) + 1 - KEPT)]:
                del self._jobs[old]
            self._jobs[job.id] = job
        threading.Thread(target=_run, args=(job, work), name=f"console-{what}", daemon=True).start()
        return job

    def find(self, job_id: str) -> Job | None:
        """The job of an id; None where it is unknown, or long over."""
        return self._jobs.get(job_id)

    def stop(self) -> None:
        """Ask every job to end."""
        for job in list(self._jobs.values()):
            job.stopping.set()


def _run(job: Job, work: Callable[[Job], Any]) -> None:
    try:
        job.result = work(job)
    except Exception as error:  # noqa: BLE001 (the edge of a thread: the page shows it)
        job.error = error
    finally:
        job.seconds = time.monotonic() - job.started
