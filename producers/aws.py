"""AWS clients for the handlers, made once per process and cheap to import.

boto3 is a layer of resources and sessions over botocore; a client made by botocore is the same object at
half the import time, which is what a cold start consists of (`make bench` prints both).
"""

import functools
from typing import Any

CONNECT_TIMEOUT_SECONDS = 2
READ_TIMEOUT_SECONDS = 10
MAX_CONNECTIONS = 32


@functools.cache
def client(service: str) -> Any:
    """The client of one AWS service, such as `kinesis`, with settings from the standard AWS environment.

    It does not retry by itself: the callers do, within their deadline and for failed parts only
    (`producers.retry`), and two layers of retries would multiply.
    """
    import botocore.session  # noqa: PLC0415 (a cold start pays for it only where a client is needed)
    from botocore.config import Config  # noqa: PLC0415

    return botocore.session.get_session().create_client(
        service,
        config=Config(
            connect_timeout=CONNECT_TIMEOUT_SECONDS,
            read_timeout=READ_TIMEOUT_SECONDS,
            max_pool_connections=MAX_CONNECTIONS,
            retries={"total_max_attempts": 1, "mode": "standard"},
        ),
    )
