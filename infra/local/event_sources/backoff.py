"""How long a mapping waits before it tries again.

Lambda does not document its curve. This one is fitted to the one figure recorded on AWS: with a
maximum record age of 60 seconds and endless retries a failing record was invoked 8 times.
"""

import random
from collections.abc import Callable

FIRST_SECONDS = 0.5
LONGEST_SECONDS = 30.0

Jitter = Callable[[], float]


def backoff_seconds(failures: int, jitter: Jitter = random.random) -> float:
    """Seconds to wait after so many failures in a row: doubling from 0.5 to 30, less up to a half at random.

    Args:
        failures: at least 1.
        jitter: gives a number from 0 to 1, where 1 is no reduction.
    """
    exponent = min(failures - 1, 16)  # keeps the power small; the maximum is long reached
    return min(LONGEST_SECONDS, FIRST_SECONDS * 2.0**exponent) * (0.5 + jitter() / 2)
