"""Reading many objects of failures: several at once, in order, in bounded memory.

A small object takes tens of milliseconds of waiting. Thirty reads under way do in seconds what one after the other does
in minutes. How much is read ahead is limited in bytes; an object larger than a share of that is read in ranges, when
its turn comes.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from archive.dead_letters.documents import Documents
from archive.dead_letters.failures import NO_TIME, FailedRecord
from archive.dead_letters.settled_lines import SettledLines, read_settled_lines, settled_key
from archive.dead_letters.stores import StoredObject

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

READERS: Final = 32  # reads under way at once; the client's pool of connections must be as large
AHEAD_BYTES: Final = 32 * 1024 * 1024
RANGE_BYTES: Final = 4 * 1024 * 1024
MAX_LINE_BYTES: Final = 16 * 1024 * 1024  # the largest record of a stream, 10 MiB, in base64


@dataclass(slots=True)
class ReadObject:
    """An object whose turn has come.

    Args:
        stored: as listed.
        settled: what is settled of it already.
        body: its content; None where it is too large to hold, or where all of it is settled.
    """

    stored: StoredObject
    settled: SettledLines
    body: bytes | None


@dataclass(slots=True)
class Progress:
    """How far reading got, for whoever shows it."""

    objects: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class FailureReader:
    """Reads failures out of objects.

    Args:
        s3: the client, used from the executor's threads.
        executor: runs the reads.
        documents: the bucket with the settled lines.
        settled_keys: the documents of settled lines that exist; None to ask for each object.
        progress: counts what was read.
        read_settled: whether objects of which all is settled are read too.
    """

    s3: "S3Client"
    executor: Executor
    documents: Documents
    settled_keys: frozenset[str] | None = None
    progress: Progress = field(default_factory=Progress)
    read_settled: bool = False

    def read(self, stored: Iterable[StoredObject]) -> Iterator[tuple[FailedRecord, SettledLines]]:
        """Yield every failure in the objects, with what is settled of its object, in their order."""
        for each in self._read_ahead(stored):
            each.settled.total = each.settled.total if each.body is None else each.body.count(b"\n")
            if each.body is not None or not self._is_done(each.settled):
                lines = _lines(each.body) if each.body is not None else self._large(each.stored)
                for number, line in enumerate(lines):
                    yield self._failure(each.stored, number, line), each.settled
            self.progress.objects += 1
            self.progress.size += each.stored.size

    @staticmethod
    def _failure(stored: StoredObject, number: int, line: bytes) -> FailedRecord:
        failed = stored.store.read(stored.key, number, line)
        # The key of an object that others put there may name no hour; then it failed when S3 got it.
        return replace(failed, failed_at=stored.written_at) if failed.arrived_at == NO_TIME else failed

    def _read_ahead(self, stored: Iterable[StoredObject]) -> Iterator[ReadObject]:
        under_way: deque[tuple[int, Future[ReadObject]]] = deque()
        ahead = 0
        for each in stored:
            size = 0 if _is_large(each) else each.size
            while under_way and (ahead + size > AHEAD_BYTES or len(under_way) >= 2 * READERS):
                done, future = under_way.popleft()
                yield future.result()
                ahead -= done
            under_way.append((size, self.executor.submit(self._read, each)))
            ahead += size
        while under_way:
            yield under_way.popleft()[1].result()

    def _read(self, stored: StoredObject) -> ReadObject:
        settled = self.settled(stored.key)
        if _is_large(stored) or self._is_done(settled):
            return ReadObject(stored, settled, None)
        body = self._get(stored)
        return ReadObject(stored, settled, body if body.endswith(b"\n") else body + b"\n")

    def settled(self, object_key: str) -> SettledLines:
        """What is settled of an object."""
        key = settled_key(object_key)
        if self.settled_keys is not None and key not in self.settled_keys:
            return SettledLines()
        return read_settled_lines(self.documents, object_key)

    def _is_done(self, settled: SettledLines) -> bool:
        return settled.is_complete and not self.read_settled

    def _large(self, stored: StoredObject) -> Iterator[bytes]:
        """The lines of an object that is read in ranges."""
        rest, is_cut = b"", False
        for start in range(0, stored.size, RANGE_BYTES):
            end = min(start + RANGE_BYTES, stored.size) - 1
            *whole, rest = (rest + self._get(stored, Range=f"bytes={start}-{end}")).split(b"\n")
            for line in whole:
                if not is_cut:
                    yield line
                is_cut = False
            if len(rest) > MAX_LINE_BYTES:  # not written by the pipeline: its beginning stands for it
                if not is_cut:
                    yield rest[:MAX_LINE_BYTES]
                rest, is_cut = b"", True
        if rest and not is_cut:
            yield rest

    def _get(self, stored: StoredObject, **span: str) -> bytes:
        """An object's content, or a range of it."""

        def get() -> bytes:
            return self.s3.get_object(Bucket=stored.store.bucket, Key=stored.key, **span)["Body"].read()  # type: ignore[arg-type]

        return self.documents.patience().call(get)


def _is_large(stored: StoredObject) -> bool:
    return stored.size > AHEAD_BYTES // 4


def _lines(body: bytes) -> Iterator[bytes]:
    """The lines of an object, without a list of them all."""
    start = 0
    while start < len(body):
        end = body.index(b"\n", start)
        yield body[start:end]
        start = end + 1
