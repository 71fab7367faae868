"""With SnapStart the clients are made before the snapshot, and only then."""

import importlib

import pytest

from producers import http_api


@pytest.mark.parametrize(("kind", "made"), [("snap-start", 1), ("on-demand", 0)])
def test_the_client_is_made_at_import_where_a_snapshot_is_taken(aws, monkeypatch, kind, made):
    for name, value in {
        "AWS_LAMBDA_INITIALIZATION_TYPE": kind,
        "STREAM_NAME": "events",
        "AGGREGATE_BYTES": "1024",
        "MAX_EVENT_BYTES": "1024",
        "MAX_BATCH_EVENTS": "10",
    }.items():
        monkeypatch.setenv(name, value)
    assert importlib.reload(http_api)._ingestion.cache_info().currsize == made
    monkeypatch.undo()
    importlib.reload(http_api)
