"""Requests to a console as a program makes them, with the headers that a test chooses."""

import html
import re
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

import urllib3


@dataclass
class Asking:
    """A client of one console.

    Args:
        url: of the console, with the token.
        cookie: as the header has it; empty before `log_in`.
    """

    url: str
    cookie: str = ""
    form_token: str = ""
    last: urllib3.BaseHTTPResponse | None = field(default=None, repr=False)

    @property
    def origin(self) -> str:
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> urllib3.BaseHTTPResponse:
        """Make a request; an underscore in a header's name stands for a hyphen."""
        fields = {"Cookie": self.cookie} if self.cookie else {}
        fields |= {name.replace("_", "-"): value for name, value in headers.items()}
        url = path if path.startswith("http") else f"{self.origin}/console{path}"
        self.last = urllib3.request(method, url, body=body, headers=fields, redirect=False, retries=False, timeout=30)
        return self.last

    def log_in(self) -> "Asking":
        """Exchange the token for the cookie, and read the form token off a page."""
        answer = self.ask("GET", self.url)
        assert answer.status == 303
        self.cookie = answer.headers["set-cookie"].partition(";")[0]
        page = self.ask("GET", "/query").data.decode()
        found = re.search(r'name="form_token" value="([^"]+)"', page)
        assert found, page
        self.form_token = html.unescape(found[1])
        return self

    def post(self, path: str, **fields: str) -> urllib3.BaseHTTPResponse:
        """Send a form as a page of the console does."""
        body = urlencode({"form_token": self.form_token, **fields}).encode()
        return self.ask("POST", path, body, Content_Type="application/x-www-form-urlencoded", Origin=self.origin)
