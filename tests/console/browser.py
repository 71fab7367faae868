"""A real browser on a console: Chromium of the system, through Playwright."""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests.end_to_end.conftest import ROOT
from tests.waiting import wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Dialog, Error, Page, Request

PICTURES = ROOT / "build" / "console"
WIDE = {"width": 1280, "height": 800}
NARROW = {"width": 390, "height": 844}
TIMEOUT_MS = 60_000  # of one step, on a machine that is busy


def chromium() -> str | None:
    """Where Chromium is: as `CHROMIUM` says, else on the PATH."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


@contextmanager
def browser() -> Iterator["Browser"]:
    """A browser without a window; skips where this machine has no Chromium, except in CI, where that is a failure."""
    path = chromium()
    if path is None and not os.environ.get("CI"):
        pytest.skip("no Chromium: apt-get install chromium, or set CHROMIUM to one")
    assert path is not None, "CI has to install Chromium: apt-get install chromium"
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 (only where there is a browser)

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield opened
        finally:
            opened.close()


@dataclass
class Screen:
    """One page of a console in a browser, and what went wrong in it.

    Args:
        page: Playwright's.
        url: of the console, with the token.
        problems: errors and warnings of scripts, of the content security policy, and requests to elsewhere.
        clicks: made through `click`.
    """

    page: "Page"
    url: str
    problems: list[str] = field(default_factory=list)
    clicks: int = 0

    def watch(self, origin: str) -> None:
        """Note from now on what must not happen."""

        def said(message: "ConsoleMessage") -> None:
            if message.type in ("error", "warning"):
                self.problems.append(message.text)

        def opened(dialog: "Dialog") -> None:
            self.problems.append(f"dialog: {dialog.message}")
            dialog.dismiss()

        def asked(request: "Request") -> None:
            if not request.url.startswith(origin):
                self.problems.append(f"asked {request.url}")

        def failed(error: "Error") -> None:
            self.problems.append(str(error))

        self.page.on("console", said)
        self.page.on("dialog", opened)
        self.page.on("request", asked)
        self.page.on("pageerror", failed)

    @property
    def origin(self) -> str:
        return self.url.partition("/console/")[0]

    def go(self, path: str = "/pipeline") -> "Page":
        self.page.goto(f"{self.origin}/console{path}")
        return self.page

    def click(
        self, role: Literal["button", "link", "checkbox"], name: str | re.Pattern[str], *, first: bool = False
    ) -> None:
        """Click what a reader would, by its role and its name."""
        self.clicks += 1
        found = self.page.get_by_role(role, name=name)
        (found.first if first else found).click()

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Wait until something is so, while the page goes on."""

        def holds() -> object:
            self.page.wait_for_timeout(100)
            return condition()

        wait_until(holds)

    def keep(self, name: str) -> Path:
        """Keep a picture of the whole page under build/."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        path = PICTURES / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path

    def is_within_its_width(self) -> bool:
        """Whether nothing sticks out at the right: the page need not be moved sideways."""
        return bool(self.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@contextmanager
def screen(opened: "Browser", url: str, viewport: dict[str, int] | None = None, **options: Any) -> Iterator[Screen]:
    """A page of a console, the printed address opened; at the end it must have had no problem."""
    size: Any = viewport or WIDE
    context = opened.new_context(viewport=size, accept_downloads=True, **options)
    context.set_default_timeout(TIMEOUT_MS)
    shown = Screen(context.new_page(), url)
    origin = shown.origin
    shown.watch(origin)
    try:
        shown.page.goto(url)
        yield shown
    finally:
        context.close()
