"""Requests to S3, each of whose changes is on disk before its answer goes out."""

import threading
from collections.abc import Callable
from typing import Any, Final

from moto.core.common_types import TYPE_RESPONSE
from moto.s3.responses import S3Response

from infra.local.aws.s3.stored_keys import StoredKeys
from infra.local.store.errors import StoreFull

_changing: Final = threading.RLock()  # held by the request that changes objects
_CHANGES: Final = ("PUT", "POST", "DELETE")
_FULL: Final = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>ServiceUnavailable</Code><Message>The disk of this machine '
    "is full; nothing was written. Make room, and send it again.</Message></Error>"
)


class S3Api(S3Response):
    """One request."""

    def bucket_response(self, request: Any, full_url: str, headers: Any) -> TYPE_RESPONSE:
        """Answer a request to a bucket."""
        return self._answer(super().bucket_response, request, full_url, headers)

    def key_response(self, request: Any, full_url: str, headers: Any) -> TYPE_RESPONSE:
        """Answer a request to an object."""
        return self._answer(super().key_response, request, full_url, headers)

    def _answer(
        self, answer: Callable[[Any, str, Any], TYPE_RESPONSE], request: Any, full_url: str, headers: Any
    ) -> TYPE_RESPONSE:
        """Answer what only reads at once; what changes objects one at a time, so that conditions of a put hold."""
        if request.method not in _CHANGES:
            return answer(request, full_url, headers)
        with _changing:
            try:
                answered = answer(request, full_url, headers)
            except BaseException:
                self._settle(StoredKeys.forget)
                raise
            try:
                self._settle(StoredKeys.keep if answered[0] < 400 else StoredKeys.forget)
            except StoreFull:
                return 503, {"content-type": "application/xml"}, _FULL
        return answered

    def _settle(self, settle: Callable[[StoredKeys], None]) -> None:
        """Keep or forget what this request has changed."""
        for bucket in list(self.backend.buckets.values()):
            keys: object = bucket.keys
            if isinstance(keys, StoredKeys):
                settle(keys)
