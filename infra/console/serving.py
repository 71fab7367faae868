"""A console as an ASGI application, from its start to its end."""

from collections.abc import Iterator
from contextlib import contextmanager

from infra.console.app import application
from infra.console.asgi import AsAsgi
from infra.console.console import Console
from infra.console.security import Guard


@contextmanager
def serve(console: Console, guard: Guard) -> Iterator[AsAsgi]:
    """Give the application of a console; at the end its threads are asked to end."""
    served = AsAsgi(application(console, guard).wsgi_app)
    try:
        yield served
    finally:
        served.close()
        console.watch.stop()
        console.jobs.stop()
        console.tails.end()
