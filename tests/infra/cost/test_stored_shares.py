"""The bill counts the lake's bytes as they are stored: 20,000 real events, landed and compacted."""

import gzip
import json
import random
from pathlib import Path
from uuid import UUID

import pytest

from archive.lake.columns import ENVELOPE, payload_columns
from infra.cost.bill import COMPACTED_ID_BYTES, COMPACTED_SHARE, LANDED_ID_BYTES, LANDED_SHARE
from tests.archive.lake import read_back
from tests.events import an_event

DATA = Path("tests/data")
LINES = gzip.decompress((DATA / "flights-20k.ndjson.gz").read_bytes()).decode().splitlines()
COLUMNS = ENVELOPE + payload_columns(json.loads((DATA / "flights.schema.json").read_text()))
BYTES = sum(map(len, LINES))


@pytest.mark.parametrize("per_request", [1, 500])
def test_the_lake_is_counted_as_it_is_stored(per_request, monkeypatch, tmp_path):
    chance = random.Random(1)
    requests = [UUID(int=chance.getrandbits(128), version=4) for _ in range(0, len(LINES), per_request)]
    ids = [f"{request}#{n}" if per_request > 1 else str(request) for request in requests for n in range(per_request)]
    monkeypatch.setattr(
        read_back, "an_event", lambda payload, number: an_event(payload, number, request_id=ids[number])
    )
    landed = read_back.landed(LINES, COLUMNS)
    compacted = read_back.compacted(landed, COLUMNS, tmp_path)
    assert len(landed) == pytest.approx(BYTES * LANDED_SHARE + len(requests) * LANDED_ID_BYTES, rel=0.05)
    assert len(compacted) == pytest.approx(BYTES * COMPACTED_SHARE + len(requests) * COMPACTED_ID_BYTES, rel=0.05)
