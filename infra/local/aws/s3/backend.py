"""moto's S3 with the objects of unversioned buckets in the store; the rest is moto's."""

import base64
from typing import Any, ClassVar

from moto.s3 import urls
from moto.s3.models import FakeBucket, FakeKey, S3Backend

from infra.local.aws.moto_backends import Stored
from infra.local.aws.s3.api import S3Api
from infra.local.aws.s3.object_state import StoredKey
from infra.local.aws.s3.stored_keys import StoredKeys
from infra.local.store.object_files import ObjectFiles, StoredObject

LAST_CHARACTER = "\U0010ffff"  # behind every key that goes on otherwise
LISTED_AT_ONCE = 1_000


class _Urls:
    """Where requests go to: the service's own addresses, our answers."""

    url_bases = urls.url_bases
    url_paths: ClassVar[dict[str, Any]] = {
        path: getattr(S3Api, dispatch.__name__) for path, dispatch in urls.url_paths.items()
    }


class LocalS3Backend(Stored, S3Backend):
    """The buckets of one account."""

    @property
    def objects(self) -> ObjectFiles:
        """Where the objects are."""
        return self.held.objects

    @property
    def _url_module(self) -> Any:
        return _Urls

    def create_bucket(self, bucket_name: str, region_name: str, *args: Any, **kwargs: Any) -> FakeBucket:
        """As moto; a bucket that the store held when it was opened has its objects again."""
        bucket = super().create_bucket(bucket_name, region_name, *args, **kwargs)
        if bucket_name in self.found:
            self.found.remove(bucket_name)
        elif bucket_name in self.objects.buckets():
            self.objects.delete_bucket(bucket_name)

        def made(stored: StoredObject) -> StoredKey:
            return StoredKey(stored, bucket_name, self.account_id, self.region_name)

        bucket.keys = StoredKeys(self.objects, bucket_name, made)  # type: ignore[assignment] # stands for moto's
        return bucket

    def delete_bucket(self, bucket_name: str) -> FakeBucket | None:
        """As moto, which deletes an empty bucket only; its folder goes with it."""
        deleted = super().delete_bucket(bucket_name)
        if deleted is not None:
            self.objects.delete_bucket(bucket_name)
        return deleted

    def put_bucket_versioning(self, bucket_name: str, status: str) -> None:
        """As moto; from here on the bucket is in memory, with what it holds."""
        super().put_bucket_versioning(bucket_name, status)
        bucket = self.get_bucket(bucket_name)
        if isinstance(bucket.keys, StoredKeys):
            held = list(bucket.keys.values())
            bucket.keys = FakeBucket(bucket_name, self.account_id, self.region_name).keys
            for key in held:
                bucket.keys[key.name] = FakeKey(
                    key.name, key.value, self.account_id, self.region_name, version_id="null"
                )

    def list_objects(
        self, bucket: FakeBucket, prefix: str | None, delimiter: str | None, marker: str | None, max_keys: int | None
    ) -> Any:
        """As moto, reading no more than the page."""
        if not isinstance(bucket.keys, StoredKeys):
            return super().list_objects(bucket, prefix, delimiter, marker, max_keys)
        limit = LISTED_AT_ONCE if max_keys is None else max_keys
        entries, truncated = self._page(bucket, prefix or "", delimiter, marker or "", limit)
        keys = [each for each in entries if isinstance(each, FakeKey)]
        folders = [each for each in entries if isinstance(each, str)]
        return keys, folders, truncated, self._get_name(entries[-1]) if truncated else None

    def list_objects_v2(  # noqa: PLR0917 (as moto calls it)
        self,
        bucket: FakeBucket,
        prefix: str | None,
        delimiter: str | None,
        continuation_token: str | None,
        start_after: str | None,
        max_keys: int,
    ) -> Any:
        """As moto, reading no more than the page."""
        if not isinstance(bucket.keys, StoredKeys):
            return super().list_objects_v2(bucket, prefix, delimiter, continuation_token, start_after, max_keys)
        after = _name_of(continuation_token) if continuation_token else start_after or ""
        entries, truncated = self._page(bucket, prefix or "", delimiter, after, max_keys)
        return entries, truncated, _token_of(self._get_name(entries[-1])) if truncated else None

    def _page(
        self, bucket: FakeBucket, prefix: str, delimiter: str | None, after: str, limit: int
    ) -> tuple[list[FakeKey | str], bool]:
        """Objects and folders behind a name, by name; and whether more follow."""
        entries: list[FakeKey | str] = []
        start = max(prefix, _behind(after, prefix, delimiter)) if after else prefix
        while True:
            found = self.objects.listed(bucket.name, start, prefix + LAST_CHARACTER, LISTED_AT_ONCE)
            for stored in found:
                if stored.key < start:
                    continue  # in a folder that is listed already
                if len(entries) == limit:
                    return entries, limit > 0
                folder = _folder(stored.key, prefix, delimiter)
                if folder is None:
                    entries.append(StoredKey(stored, bucket.name, self.account_id, self.region_name))
                    start = stored.key + "\0"
                else:
                    entries.append(folder)
                    start = folder + LAST_CHARACTER
            if not self.objects.has_any(bucket.name, start, prefix + LAST_CHARACTER):
                return entries, False


def _folder(key: str, prefix: str, delimiter: str | None) -> str | None:
    """The common prefix that a key is listed under; None where it is listed itself."""
    if not delimiter or delimiter not in key[len(prefix) :]:
        return None
    return key[: key.index(delimiter, len(prefix)) + len(delimiter)]


def _behind(name: str, prefix: str, delimiter: str | None) -> str:
    """The first key that may follow a key or a folder."""
    is_folder = bool(delimiter) and name.startswith(prefix) and _folder(name, prefix, delimiter) == name
    return name + (LAST_CHARACTER if is_folder else "\0")


def _token_of(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode()


def _name_of(token: str) -> str:
    return base64.urlsafe_b64decode(token.encode()).decode()
