"""Records the calls of a new process: Python runs this file first where its folder is on PYTHONPATH."""

import importlib.util
import os
from pathlib import Path

_spec = importlib.util.spec_from_file_location("spillway_recording", Path(__file__).parents[1] / "recording.py")
assert _spec is not None
assert _spec.loader is not None
_recording = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_recording)
_recording.install(Path(os.environ[_recording.FOLDER_VARIABLE]))
