"""Ending what runs until Ctrl-C."""

import signal
import threading


def stop_on_signal() -> threading.Event:
    """An event that SIGINT and SIGTERM set; the second of them ends the process."""
    stop = threading.Event()

    def on_signal(_number: int, _frame: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, on_signal)
    return stop
