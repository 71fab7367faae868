"""`python -m tests.simulation`: runs seeds, a line each.

Every seed is run by a fork of one prepared process, so that each begins in the same state.
"""

import os
import sys

if os.environ.get("PYTHONHASHSEED") != "0":  # the order of sets of text must be the same in every run
    os.execve(  # noqa: S606 (it is this program)
        sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]], {**os.environ, "PYTHONHASHSEED": "0"}
    )

from tests.simulation import threads

threads.install()

from tests.simulation.run import main  # noqa: E402 (everything else is imported under the simulation's own threads)

main()
