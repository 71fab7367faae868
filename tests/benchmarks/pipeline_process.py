"""The local pipeline in a process of its own, limits off, with aggregates of a size that pipeline.yaml would refuse.

    python -m tests.benchmarks.pipeline_process AGGREGATE_BYTES

With 1 no event shares a stream record with another: the same work without aggregation. Prints its addresses as JSON,
then logs as `spillway run` does; ends when its standard input does.
"""

import json
import logging
import sys

import msgspec

from infra.local.pipeline import LocalPipeline
from infra.settings import load


def main(aggregate_bytes: int) -> None:
    """Run until standard input ends."""
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("spillway").setLevel(logging.INFO)
    settings = load("local")
    settings = msgspec.structs.replace(
        settings,
        stream=msgspec.structs.replace(settings.stream, aggregate_bytes=aggregate_bytes),
        local=msgspec.structs.replace(settings.local, limits="off"),
    )
    with LocalPipeline(settings, "local", 0, 0) as pipeline:
        sys.stdout.write(json.dumps({"url": pipeline.url, "aws_url": pipeline.aws_url}) + "\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main(int(sys.argv[1]))
