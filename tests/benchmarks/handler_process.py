"""A process that starts one handler as Lambda does, calls it, and reports its time and memory.

    python -m tests.benchmarks.handler_process MODULE EVENT_FILE

Nothing is imported before the handler that it would not import itself, as far as can be: this module stays small.
"""

import contextlib
import importlib
import json
import os
import sys
import time


class Context:
    """The context of a handler's invocation; see `infra.local.lambda_context`, which would import more."""

    aws_request_id = "8f1c7d5e-0000-4000-8000-000000000000"
    function_name = "bench"
    memory_limit_in_mb = "512"
    invoked_function_arn = "arn:aws:lambda:eu-west-2:123456789012:function:bench"
    log_group_name = "/aws/lambda/bench"
    log_stream_name = "2026/11/23/[$LATEST]0"

    def get_remaining_time_in_millis(self):
        return 60_000


def main(module: str, event_file: str) -> dict[str, object]:
    """Import, call, measure."""
    with open(event_file, "rb") as file:  # noqa: PTH123 (pathlib would be imported before the handler)
        event = json.loads(file.read())
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):  # noqa: PTH123 (as above)
        wall, cpu = time.perf_counter(), time.process_time()
        handler = importlib.import_module(module).handler
        imported = time.perf_counter()
        answer = handler(event, Context())
        called, cpu = time.perf_counter(), time.process_time() - cpu
        answer_bytes = len(json.dumps(answer).encode())
    with open("/proc/self/status", encoding="ascii", errors="replace") as status:  # noqa: PTH123 (as above)
        peak_kib = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
    return {
        "import_ms": (imported - wall) * 1000,
        "wall_ms": (called - wall) * 1000,
        "cpu_ms": cpu * 1000,
        "peak_mib": peak_kib / 1024,
        "answer_bytes": answer_bytes,
        "modules": len(sys.modules),
        "problem": problem_of(answer),
    }


def problem_of(answer):
    """Why a benchmark may not count an answer; None where it may."""
    if answer.get("batchItemFailures") or answer.get("statusCode", 201) != 201:
        return json.dumps(answer)[:300]
    failed = [record for record in answer.get("records", ()) if record["result"] != "Ok"]
    return f"{len(failed)} records failed" if failed else None


if __name__ == "__main__":
    json.dump(main(*sys.argv[1:]), sys.stdout)
