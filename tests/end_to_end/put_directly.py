"""Records put on the stream itself, and the rows that the table holds."""

import time

from tests.end_to_end.conftest import RunningPipeline
from tests.end_to_end.what_arrived import TABLE

STREAM = "spillway-local-events"


def put_on_stream(running: RunningPipeline, datas: list[bytes]) -> None:
    kinesis = running.client("kinesis")
    for at in range(0, len(datas), 400):
        pending = [{"Data": data, "PartitionKey": f"key-{at}-{n}"} for n, data in enumerate(datas[at : at + 400])]
        while pending:
            answers = kinesis.put_records(StreamName=STREAM, Records=pending)["Records"]
            pending = [record for record, answer in zip(pending, answers, strict=True) if "ErrorCode" in answer]
            time.sleep(0.2 if pending else 0)


def rows(running: RunningPipeline) -> list[dict]:
    scan = running.client("dynamodb").get_paginator("scan")
    return [item for page in scan.paginate(TableName=TABLE) for item in page["Items"]]
