"""The failures that a selection means, out of all three stores, as a stream."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from archive.dead_letters.claims import InvalidClaim, read_claim
from archive.dead_letters.failures import UNREADABLE, FailedRecord
from archive.dead_letters.reading import FailureReader
from archive.dead_letters.selection import Matcher, Selection, SelectionError
from archive.dead_letters.settled_lines import PREFIX as SETTLED_PREFIX
from archive.dead_letters.settled_lines import SettledLines
from archive.dead_letters.stores import Store, StoredObject, objects, store_of
from archive.lake.layout import DEAD_LETTERS
from archive.lake.listing import list_objects
from consumers.dead_letter import Failure
from producers.explained import Explained

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from types_boto3_s3 import S3Client

    from archive.dead_letters.documents import Documents

_LINE: Final = re.compile(r"\d{1,9}", re.ASCII)

ObjectSource = Callable[[Store, Selection], Iterable[StoredObject]]


class NoSuchFailure(Explained, LookupError):
    """No failure has this name; the message says what names look like."""


@dataclass(slots=True)
class Seen:
    """How much was read, for whoever shows it.

    Args:
        objects: how many.
        size: their bytes.
        records: the failures in them.
        unfit: failures to which the selection's `where` cannot be applied.
        why_unfit: the first of them, and why.
    """

    objects: int = 0
    size: int = 0
    records: int = 0
    unfit: int = 0
    why_unfit: str = ""


@dataclass(frozen=True, slots=True)
class SelectedFailures:
    """Reads failures.

    Args:
        s3: the client; its pool must have a connection for each of the executor's threads.
        executor: reads objects at once.
        stores: where failures lie.
        documents: the bucket with the settled lines.
        sources: gives the objects of a store otherwise than by listing them, by the store's name.
        seen: counts.
    """

    s3: "S3Client"
    executor: "Executor"
    stores: tuple[Store, ...]
    documents: "Documents"
    sources: dict[str, ObjectSource] = field(default_factory=dict)
    seen: Seen = field(default_factory=Seen)

    def objects(self, selection: Selection) -> Iterator[StoredObject]:
        """The objects that may hold what is selected."""
        for store in self.stores:
            if _may_hold(store, selection):
                source = self.sources.get(store.name)
                found = source(store, selection) if source else objects(self.s3, store, selection.start, selection.end)
                yield from found

    def select(
        self, selection: Selection, *, read_settled: bool = False
    ) -> Iterator[tuple[FailedRecord, SettledLines]]:
        """Yield the failures that a selection means, with what is settled of their objects.

        Args:
            selection: what is meant.
            read_settled: whether objects are read of which everything is settled.

        A failure to which the selection's `where` cannot be applied is left out, and counted in `seen`.
        """
        matcher = Matcher(selection)
        reader = FailureReader(
            self.s3, self.executor, self.documents, self._settled_keys(selection), read_settled=read_settled
        )
        for failed, settled in reader.read(self._counted(selection)):
            self.seen.records += 1
            at_hand = self.with_data(failed) if matcher.needs_data else failed
            try:
                is_meant = matcher.matches(at_hand)
            except SelectionError as error:
                self.seen.unfit += 1
                self.seen.why_unfit = self.seen.why_unfit or str(error)
                continue
            if is_meant:
                yield at_hand, settled

    def find(self, name: str) -> tuple[FailedRecord, SettledLines, StoredObject]:
        """The failure of a name, `<object key>#<line>`; the line may be left out where the object has one only.

        Raises:
            NoSuchFailure: no failure has this name.
        """
        key, _, line = name.removeprefix("s3://").partition("#")
        store = store_of(key, self.stores)
        if store is None:
            examples = " or ".join(f"{store.prefix}dt=…" for store in self.stores)
            raise NoSuchFailure(
                f"{name!r} is not the name of a failure; names begin with {examples}, and end with #<line>"
            )
        found = next((each for each in list_objects(self.s3, store.bucket, key) if each.key == key), None)
        if found is None:
            raise NoSuchFailure(f"there is no object {key} in {store.bucket}")
        stored = StoredObject(store, key, found.size, found.written_at)
        reader = FailureReader(self.s3, self.executor, self.documents, read_settled=True)
        wanted = int(line) if _LINE.fullmatch(line) else 0
        count, chosen = 0, None
        for count, found_here in enumerate(reader.read([stored]), 1):
            if count == wanted + 1:
                chosen = found_here
        if not line and count > 1:
            raise NoSuchFailure(f"{key} holds {count} failures; name one, from {key}#0 on")
        if chosen is None or (line and not _LINE.fullmatch(line)):
            raise NoSuchFailure(f"{key} holds {count} failures; there is no line {line}")
        failed, settled = chosen
        return self.with_data(failed), settled, stored

    def with_data(self, failed: FailedRecord) -> FailedRecord:
        """A failure with its bytes at hand; `unreadable` where they lie apart and cannot be fetched."""
        if failed.data is not None or failed.data_ref is None:
            return failed
        try:
            return replace(failed, data=read_claim(self.documents, failed.data_ref))
        except InvalidClaim as error:
            return replace(failed, stage=UNREADABLE, error=Failure("InvalidClaim", str(error)))

    def _counted(self, selection: Selection) -> Iterator[StoredObject]:
        for stored in self.objects(selection):
            self.seen.objects += 1
            self.seen.size += stored.size
            yield stored

    def _settled_keys(self, selection: Selection) -> frozenset[str]:
        """The documents of settled lines, of objects of the time in question."""
        keys: set[str] = set()
        for store in self.stores:
            prefix = f"{SETTLED_PREFIX}{store.prefix}"
            first = f"{prefix}dt={selection.start - store.lag - timedelta(days=1):%Y-%m-%d}"
            keys.update(found.key for found in list_objects(self.s3, self.documents.bucket, prefix, first))
        return frozenset(keys)


def _may_hold(store: Store, selection: Selection) -> bool:
    """Whether a store has anything of the selected stages."""
    if not selection.stages or UNREADABLE in selection.stages:
        return True
    of_firehose = {"processing-failed", "format-conversion-failed"}
    return store.name in selection.stages or (
        store.name == DEAD_LETTERS and any(stage not in of_firehose for stage in selection.stages)
    )
