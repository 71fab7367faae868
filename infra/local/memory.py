"""Memory that the pipeline has freed goes back to the system, so that a newcomer's machine does not miss it."""

import ctypes

import pyarrow as pa

TRIM_THRESHOLD = -1  # M_TRIM_THRESHOLD of glibc's malloc.h
TRIM_BYTES = 1_000_000


def give_back_what_is_freed() -> None:
    """Have Arrow and the C library keep no memory for later.

    Where the C library is none of glibc's it is left as it is.
    """
    pa.set_memory_pool(pa.system_memory_pool())
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(TRIM_THRESHOLD, TRIM_BYTES)
