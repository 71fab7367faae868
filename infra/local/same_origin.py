"""Keeping web pages of other origins away from the ports of this machine.

A page in the user's browser can reach 127.0.0.1. It gives itself away by `Origin` or `Sec-Fetch-Site`, and by a `Host`
that is not this machine where its own name was rebound to 127.0.0.1.
"""

from collections.abc import Callable, Collection, Iterable
from typing import Any, Final

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})


def foreign(host: str, origin: str, fetch_site: str, allowed_origins: Collection[str] = ()) -> str | None:
    """Why a request is taken for one of a foreign web page; None where it is not.

    Args:
        host: the header `Host`; empty where it is missing, as with the other two.
        origin: the header `Origin`.
        fetch_site: the header `Sec-Fetch-Site`.
        allowed_origins: of other pages that may ask; `*` for any.
    """
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if host and name.lower() not in _LOOPBACK and not name.lower().endswith(".localhost"):
        return f"Host {host!r:.100} is not this machine; use 127.0.0.1 or localhost"
    if "*" in allowed_origins or origin in allowed_origins:
        return None
    if origin and origin != f"http://{host}":
        return f"pages of {origin!r:.100} may not ask here"
    if fetch_site.lower() in ("cross-site", "same-site"):
        return "pages of other origins may not ask here"
    return None


class SameOriginOnly:
    """A WSGI application behind that check: 403 for every foreign request.

    Args:
        application: what answers the others.
    """

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request; see PEP 3333."""
        why = foreign(
            environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN", ""), environ.get("HTTP_SEC_FETCH_SITE", "")
        )
        if why is None:
            return self._application(environ, start_response)
        start_response("403 Forbidden", [("Content-Type", "text/plain; charset=utf-8")])
        return [f"{why}\n".encode()]
