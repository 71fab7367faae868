"""The console's application: its pages, its errors, what every template knows."""

import logging
from typing import Any, Final

from flask import Blueprint, Flask, Response, abort, g, make_response, redirect, render_template, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response as AnyResponse

from infra.console.asgi import MAX_BODY_BYTES
from infra.console.console import Console
from infra.console.pages import (
    applying,
    audit,
    dead_letters,
    events,
    journey,
    pipeline,
    query,
    replay,
    shards,
    simulation,
)
from infra.console.security import PREFIX, Guard
from infra.console.text import FILTERS, plain

PAGES: Final = (
    ("pipeline", "Pipeline"),
    ("events", "Events"),
    ("query", "Query"),
    ("dead_letters", "Dead letters"),
    ("shards", "Shards"),
    ("audit_page", "Audit"),
)
MODULES: Final = (pipeline, events, journey, query, dead_letters, replay, shards, applying, simulation, audit)

_log = logging.getLogger("spillway.console")


def application(console: Console, guard: Guard) -> Flask:
    """The WSGI application of a console.

    Args:
        console: what its pages work with.
        guard: checks every request.
    """
    app = Flask(__name__, static_folder=None)
    app.config.update(
        MAX_CONTENT_LENGTH=MAX_BODY_BYTES, MAX_FORM_MEMORY_SIZE=MAX_BODY_BYTES, PROPAGATE_EXCEPTIONS=False
    )
    app.jinja_env.filters.update(FILTERS)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    guard.install(app)
    blueprint = Blueprint("console", __name__, url_prefix=PREFIX, static_folder="static")
    for page in MODULES:
        page.register(blueprint, console)
    _register_jobs(blueprint, console)
    app.register_blueprint(blueprint)
    app.context_processor(
        lambda: {
            "environment": console.environment.environment,
            "is_local": console.environment.is_local,
            "pages": [(f"console.{endpoint}", title) for endpoint, title in PAGES],
            "form_token": g.get("form_token", ""),
        }
    )
    app.register_error_handler(Exception, lambda error: _failed(console, error))
    return app


def _register_jobs(blueprint: Blueprint, console: Console) -> None:
    @blueprint.get("/")
    def home() -> AnyResponse:
        return redirect(url_for("console.pipeline"), 303)

    @blueprint.get("/jobs/<job_id>")
    def job(job_id: str) -> str:
        found = console.jobs.find(job_id)
        if found is None:
            abort(404, "this job is long over, or of another session of the console")
        line = None if found.error is None else _line(console, found.error)
        return render_template(f"_job_{found.what.replace(' ', '_')}.html", job=found, error=line)

    @blueprint.post("/jobs/<job_id>/stop")
    def stop(job_id: str) -> AnyResponse:
        found = console.jobs.find(job_id)
        if found is None:
            abort(404, "this job is long over, or of another session of the console")
        found.stopping.set()
        return redirect(url_for("console.job_page", job_id=job_id), 303)

    @blueprint.get("/jobs/<job_id>/page")
    def job_page(job_id: str) -> str:
        found = console.jobs.find(job_id)
        if found is None:
            abort(404, "this job is long over, or of another session of the console")
        line = None if found.error is None else _line(console, found.error)
        return render_template("job.html", job=found, error=line)


def _failed(console: Console, error: Exception) -> Response:
    """The page for a request that failed."""
    if isinstance(error, HTTPException):
        if error.code is None or error.code < 400:
            return error.get_response()  # type: ignore[return-value] # a redirect that a route raised
        return _page(error.code, error.name, str(error.description or ""))
    line = _line(console, error)
    return _page(502, "That did not work", line)


def _line(console: Console, error: BaseException) -> str:
    line = console.explain(error)
    if line is None:
        _log.error("the console failed", exc_info=error)
        line = f"A mistake in Spillway: {type(error).__name__}. The log of Spillway has the details."
    return plain(line, 2_000, "\n")


def _page(status: int, title: str, message: str) -> Response:
    values: dict[str, Any] = {"title": title, "message": message, "inside": bool(g.get("form_token"))}
    return make_response(render_template("error.html", **values), status)
