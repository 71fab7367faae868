"""Imported by Python at its start where this folder is on PYTHONPATH: shifts the clocks by what a shared file says."""

import mmap
import os
import struct
import time
from collections.abc import Callable
from pathlib import Path

with Path(os.environ["CLOCK_SHIFTS"]).open("r+b") as _file:
    _shifts = mmap.mmap(_file.fileno(), 16)


def _shifted(real: Callable[[], float], offset: int) -> Callable[[], float]:
    return lambda: real() + float(struct.unpack_from("d", _shifts, offset)[0])


time.time = _shifted(time.time, 0)
time.monotonic = _shifted(time.monotonic, 8)
