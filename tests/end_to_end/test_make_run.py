"""`make run` on a terminal, ended by Ctrl-C."""

import os
import pty
import select
import shutil
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.skipif(not shutil.which("make") or not shutil.which("bash"), reason="needs make and bash")
@pytest.mark.skipif(not (ROOT / ".venv" / ".run").exists(), reason="make would set up an environment of its own")
def test_ctrl_c_after_a_clean_drain_exits_0():
    pid, terminal = pty.fork()  # whose other side is the controlling terminal of make
    if pid == 0:
        os.chdir(ROOT)
        os.execvp("make", ["make", "--no-print-directory", "run", "ARGS=--port 0 --aws-port 0"])  # noqa: S606 (no shell is needed)
    output, presses = b"", 0
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if select.select([terminal], [], [], 0.5)[0]:
            try:
                output += os.read(terminal, 65_536)
            except OSError:  # all that had the terminal have ended
                break
        if b"Ctrl-C" in output and not presses:
            os.write(terminal, b"\x03")
            presses = 1
    os.close(terminal)  # a process that still has it is sent SIGHUP
    _, status = os.waitpid(pid, 0)
    assert presses
    assert os.waitstatus_to_exitcode(status) == 0, output.decode()
    assert b"Draining" in output
    assert b"Error" not in output
