"""Who may ask, where an HTTP API stands in front: it checks neither API keys nor addresses, so the function does.

Imported only where pipeline.yaml asks for either.
"""

import hashlib
import hmac
from collections.abc import Iterable
from ipaddress import ip_address, ip_network

from producers.problem import Problem
from producers.request import Request

KEYED_RESOURCE = "/app"  # only posting takes a key

FORBIDDEN = Problem(403, "forbidden", "no valid API key (header x-api-key), or an address that is not allowed")


class Access:
    """What a request needs.

    Args:
        key_digests: SHA-256, in hexadecimal, of each API key that is valid; empty where posting takes no key. The keys
            themselves are neither in the function's environment nor in Terraform's state.
        allowed_cidrs: the networks that may ask; empty: all.
    """

    def __init__(self, key_digests: Iterable[str], allowed_cidrs: Iterable[str]) -> None:
        self._digests = tuple(digest.lower().encode() for digest in key_digests)
        self._networks = tuple(ip_network(cidr) for cidr in allowed_cidrs)

    def problem_with(self, request: Request) -> Problem | None:
        """Why a request is refused; None where it is not."""
        return None if self._is_from_allowed_network(request) and self._has_key(request) else FORBIDDEN

    def _is_from_allowed_network(self, request: Request) -> bool:
        if not self._networks:
            return True
        try:
            address = ip_address(request.source_ip or "")
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def _has_key(self, request: Request) -> bool:
        """Whether the key is valid, in a time that does not depend on how much of it is right."""
        if not self._digests or request.resource != KEYED_RESOURCE or request.method == "OPTIONS":
            return True
        key = request.headers.get("x-api-key", "").encode("utf-8", "surrogatepass")
        given = hashlib.sha256(key).hexdigest().encode()
        matches = [hmac.compare_digest(given, digest) for digest in self._digests]  # all of them, found or not
        return any(matches)
