"""Work in DuckDB that Ctrl-C ends at once: the main thread waits, another one works."""

import threading
from collections.abc import Callable
from typing import Final, Generic, TypeVar

import duckdb

LOOK_SECONDS: Final = 0.1  # between two looks for a signal
END_SECONDS: Final = 5.0  # for an interrupted query to end

T = TypeVar("T")


class _Call(Generic[T]):
    """A function's outcome, from another thread."""

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self.thread = threading.Thread(target=self._run, name="query", daemon=True)
        self._result: list[T] = []
        self._error: BaseException | None = None

    def _run(self) -> None:
        try:
            self._result.append(self._function())
        except BaseException as error:  # noqa: BLE001 (raised again where it is waited for)
            self._error = error

    def outcome(self) -> T:
        """The result, or the error raised again."""
        if self._error is not None:
            raise self._error
        return self._result[0]


def interruptible(connection: duckdb.DuckDBPyConnection, function: Callable[[], T]) -> T:
    """Call a function that works in DuckDB; a KeyboardInterrupt here ends that work.

    Args:
        connection: that the function works on.
        function: to call, in a thread of its own.
    """
    call = _Call(function)
    call.thread.start()
    try:
        while call.thread.is_alive():
            call.thread.join(LOOK_SECONDS)
    except KeyboardInterrupt:
        connection.interrupt()
        call.thread.join(END_SECONDS)
        raise
    return call.outcome()
