"""Who may ask the console: the holder of the printed URL, from a page of the console itself.

The printed URL carries a token. The first request exchanges it for a cookie, so that it leaves the address bar. Every
request has to name this machine as its host. Every action is a POST with the cookie, the console's own origin, and a
form token that only a page of the console has.
"""

import hashlib
import hmac
import secrets
from typing import Final

from flask import Flask, Request, Response, abort, g, redirect, request
from werkzeug.wrappers import Response as AnyResponse

PREFIX: Final = "/console"
STATIC: Final = f"{PREFIX}/static/"
TOKEN: Final = "token"  # noqa: S105 (a name)
FORM_TOKEN: Final = "form_token"  # noqa: S105 (a name)
HOSTS: Final = frozenset({"127.0.0.1", "localhost", "[::1]"})
HEADERS: Final = {
    # `style-src` and `script-src` name no inline source: an event's payload cannot bring either.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Not `no-referrer`: with that, browsers send `Origin: null` with a form.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Guard:
    """Holds the secrets of one console, and checks requests against them.

    Args:
        port: that the console is served on; another port of this machine is another origin.
        token: of the printed URL; a new one where none is given.
    """

    def __init__(self, port: int, token: str | None = None) -> None:
        self.token = token or secrets.token_urlsafe(32)
        self._port = port
        self._session = secrets.token_urlsafe(32)
        self.form_token = hmac.new(self._session.encode(), b"form", hashlib.sha256).hexdigest()

    @property
    def url(self) -> str:
        """The address to open, with the token."""
        return f"http://127.0.0.1:{self._port}{PREFIX}/?{TOKEN}={self.token}"

    @property
    def cookie(self) -> str:
        """The cookie's name. Cookies know no ports, so the name carries it."""
        return f"spillway_console_{self._port}"

    def install(self, app: Flask) -> None:
        """Check every request of an application, and give every answer the headers."""
        app.before_request(self.check)
        app.after_request(_with_headers)

    def check(self) -> AnyResponse | None:
        """Refuse the request at hand, exchange its token for the cookie, or let it pass (None)."""
        if not self._names_this_machine(request):
            abort(403, "Host is not this machine; open the address that Spillway printed")
        own = f"http://{request.host}"
        origin = request.headers.get("Origin")
        if (origin is not None and origin != own) or request.headers.get("Sec-Fetch-Site") in (
            "cross-site",
            "same-site",
        ):
            abort(403, "pages of other origins may not ask here")
        if request.path.startswith(STATIC):
            return None
        if (given := request.args.get(TOKEN)) is not None and request.method == "GET":
            return self._exchange(given)
        if not _equal(request.cookies.get(self.cookie, ""), self._session):
            abort(401, "open the address that Spillway printed; it carries the token of this session")
        if request.method not in ("GET", "HEAD"):
            if origin is None:
                abort(403, "an action has to name its origin")
            if not _equal(request.form.get(FORM_TOKEN, ""), self.form_token):
                abort(403, "the form is of another session of the console; open the page again")
        g.form_token = self.form_token
        return None

    def _exchange(self, given: str) -> AnyResponse:
        if not _equal(given, self.token):
            abort(401, "this token is not valid (any more); open the address that Spillway printed last")
        answer = redirect(f"{PREFIX}/", 303)
        answer.set_cookie(self.cookie, self._session, path=f"{PREFIX}/", httponly=True, samesite="Strict")
        return answer

    def _names_this_machine(self, asked: Request) -> bool:
        name, _, port = asked.host.rpartition(":")
        return name.lower() in HOSTS and port == str(self._port)


def _with_headers(answer: Response) -> Response:
    answer.headers.update(HEADERS)
    return answer


def _equal(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())
