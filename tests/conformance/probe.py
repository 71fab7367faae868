"""The function that a test of a fact creates: it keeps what it was invoked with."""

import io
import zipfile
from typing import Final

# A probe keeps each event it is given in a bucket, and answers as the test says.
PROBE: Final = """
import base64, json, time, uuid
import boto3
S3 = boto3.client("s3", region_name={region!r})

{answer}

def handler(event, context):
    seen = {{"event": event, "arn": context.invoked_function_arn, "request_id": context.aws_request_id}}
    key = f"{name}/{{time.time_ns():020}}-{{uuid.uuid4()}}"
    S3.put_object(Bucket={bucket!r}, Key=key, Body=json.dumps(seen))
    return answer(event)
"""
SUCCESS: Final = "def answer(event):\n    return None\n"


def package(source: str) -> bytes:
    """The deployment package of a function with one file."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", source)
    return package.getvalue()
