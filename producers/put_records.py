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
        records = ",".join(
            f'{{"Data":"{b2a_base64(record["Data"], newline=False).decode("ascii")}",'
            f'"PartitionKey":{quote(record["PartitionKey"])}}}'
            for record in Records
        )
        return self._kinesis.call("PutRecords", f'{{"Records":[{records}],"StreamName":{quote(StreamName)}}}'.encode())
