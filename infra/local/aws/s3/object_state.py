"""What S3 knows of an object besides its bytes, as the store keeps it."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from moto.s3.exceptions import MissingKey
from moto.s3.models import FakeKey

from infra.local.store.object_files import State, StoredObject
from infra.local.store.object_paths import md5_of

CONTENT_TYPE: Final = "binary/octet-stream"  # S3's own, where the put names none
_KEPT: Final = (
    "encryption", "kms_key_id", "bucket_key_enabled", "website_redirect_location", "checksum_algorithm",
    "checksum_value", "checksum_type", "checksum_parts",
)  # fmt: skip


class StoredKey(FakeKey):
    """moto's object, whose bytes are read from its file when something asks for them."""

    def __init__(self, stored: StoredObject, bucket: str, account_id: str, region: str) -> None:
        super().__init__(stored.key, b"", account_id, region, bucket_name=bucket, version_id="null")
        self._value_buffer.close()  # moto makes one for every object
        self.disposed = True
        self._file = stored.file
        self.contentsize = stored.size
        state = stored.state
        self._etag = state["etag"]
        self.last_modified = datetime.fromisoformat(state["last_modified"])
        self._storage_class = state["storage_class"]
        self.set_metadata(dict(state["metadata"]), replace=True)
        for name in _KEPT:
            setattr(self, name, state.get(name))

    @property
    def value(self) -> bytes:
        """Its bytes.

        Raises:
            MissingKey: its file was deleted by hand.
        """
        try:
            return self._file.read_bytes()
        except FileNotFoundError:
            raise MissingKey from None

    @value.setter
    def value(self, _: bytes) -> None:
        """Leave the file as it is: moto sets a value once, when it makes the object."""
        self.contentsize = 0


def state_of(key: FakeKey) -> State:
    """What is kept of an object of moto's."""
    state: dict[str, Any] = {name: getattr(key, name) for name in _KEPT if getattr(key, name) is not None}
    if isinstance(state.get("checksum_value"), bytes):
        state["checksum_value"] = state["checksum_value"].decode()
    return state | {
        "etag": key.etag.strip('"'),
        "last_modified": key.last_modified.isoformat(),
        "storage_class": key.storage_class,
        "metadata": dict(key.metadata),
    }


def state_of_file(file: Path) -> State:
    """What is said of an object that was put in its bucket's folder by hand."""
    changed = datetime.fromtimestamp(file.stat().st_mtime, UTC).replace(tzinfo=None)
    return {
        "etag": md5_of(file),
        "last_modified": changed.isoformat(),
        "storage_class": "STANDARD",
        "metadata": {"Content-Type": CONTENT_TYPE},
    }
