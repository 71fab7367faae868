"""A folder for PYTHONPATH: its `sitecustomize` shifts the clocks of a process."""
