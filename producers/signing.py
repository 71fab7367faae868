"""Signature Version 4 for a POST to `/`, as every AWS JSON service takes it."""

import hashlib
import hmac
from collections.abc import Mapping
from typing import NamedTuple


class Credentials(NamedTuple):
    """What requests are signed with."""

    access_key: str
    secret_key: str
    token: str | None


def signature(
    credentials: Credentials, headers: Mapping[str, str], body: bytes, *, region: str, service: str, at: str
) -> str:
    """The `Authorization` of a request, byte for byte botocore's.

    Args:
        credentials: to sign with.
        headers: to sign, names in lower case.
        body: of the request.
        region: of the endpoint.
        service: of the endpoint, as its scope names it, such as `kinesis`.
        at: the request's `x-amz-date`, such as `20261124T203456Z`.
    """
    names = sorted(headers)
    signed = ";".join(names)
    lines = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in names)
    request = f"POST\n/\n\n{lines}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{at[:8]}/{region}/{service}/aws4_request"
    to_sign = f"AWS4-HMAC-SHA256\n{at}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{credentials.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    proof = hmac.digest(key, to_sign.encode(), "sha256").hex()
    return f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, SignedHeaders={signed}, Signature={proof}"
