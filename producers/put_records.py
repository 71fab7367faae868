"""PutRecords over the wire client, called as botocore's client is."""

from binascii import b2a_base64
from collections.abc import Sequence
from json.encoder import encode_basestring_ascii as quote
from typing import Any

from producers.wire import WireClient


class WiredStream:
    """What `producers.stream.StreamWriter` needs of a Kinesis client.

    Args:
        kinesis: makes the calls.
    """

    def __init__(self, kinesis: WireClient) -> None:
        self._kinesis = kinesis

    def put_records(self, *, StreamName: str, Records: Sequence[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803 (botocore's names)
        """Make one call.

        Raises:
            ClientError, BotoCoreError: see `WireClient.call`.
        """
        parts = [b'{"StreamName":', quote(StreamName).encode(), b',"Records":[']
        for number, record in enumerate(Records):
            data, key = b2a_base64(record["Data"], newline=False), quote(record["PartitionKey"]).encode()
            parts += (b',{"Data":"' if number else b'{"Data":"', data, b'","PartitionKey":', key, b"}")
        return self._kinesis.call("PutRecords", b"".join((*parts, b"]}")))
