"""Memory that the pipeline has freed goes back to the operating system."""

import ctypes

import pyarrow as pa

TRIM_THRESHOLD = -1  # M_TRIM_THRESHOLD of glibc's malloc.h
TRIM_BYTES = 1_000_000


def give_back_what_is_freed() -> None:
    """Make Arrow and the C library return freed memory at once.

    A C library other than glibc keeps its own way.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(TRIM_THRESHOLD, TRIM_BYTES)
