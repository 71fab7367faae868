"""The function behind the API calls Kinesis with the client that the settings name."""

from producers import http_api
from producers.put_records import WiredStream


def test_records_are_put_over_the_configured_client(api, behind):
    assert api.post(b"1").status == 201
    kinesis = http_api._ingestion()._writer._kinesis
    assert isinstance(kinesis, WiredStream) == behind["wire_client"]
