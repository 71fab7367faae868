"""A local S3 whose objects are plain files: moto's, with the objects of unversioned buckets kept in the store.

A bucket whose versioning is switched on is moto's own from then on, in memory. ACLs and tags of objects are in memory
as well, and so are the parts of uploads that were not completed.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from moto.s3.models import S3Backend, s3_backends

from infra.local.aws.moto_backends import use_backend
from infra.local.aws.s3.backend import LocalS3Backend
from infra.local.aws.s3.object_state import state_of_file
from infra.local.aws.s3.stored_keys import StoredKeys
from infra.local.store.store import Store, throwaway


@contextmanager
def installed(store: Store | None = None) -> Iterator[None]:
    """Put the local S3 in the place of moto's for as long as the block lasts.

    Args:
        store: where objects are kept; a bucket in it has its objects again once a bucket of its name is made. Without
            one, a store that is gone at the end.
    """
    with ExitStack() as stack:
        held = store or stack.enter_context(throwaway())
        held.objects.adopt(state_of_file)
        LocalS3Backend.store, LocalS3Backend.found = held, held.objects.buckets()
        use_backend(s3_backends, LocalS3Backend)
        stack.callback(use_backend, s3_backends, S3Backend)
        stack.callback(_close_versions)
        stack.callback(s3_backends.bucket_accounts.clear)  # else a bucket of that name could not be made again
        yield


def _close_versions() -> None:
    """Close the buffers of objects that moto holds itself."""
    for backends in s3_backends.values():
        for backend in backends.values():
            for bucket in backend.buckets.values():
                held: object = bucket.keys
                if not isinstance(held, StoredKeys):
                    for _, versions in bucket.keys._iterlists():  # noqa: SLF001 (moto has no other way)
                        for version in versions:
                            getattr(version, "dispose", lambda: None)()
