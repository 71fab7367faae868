"""The OpenAPI document is valid and true to the code, and it describes every answer of the API."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from openapi_spec_validator import validate
from schemathesis import GenerationMode
from schemathesis.specs.openapi.checks import positive_data_acceptance

from producers.validation import EVENT_SCHEMA_FILE

EXAMPLES = 40  # of each operation and mode: a few hundred requests in all


@pytest.fixture(scope="module")
def document(api):
    return api.request("GET", "/dev/openapi.json").body


@pytest.fixture(scope="module")
def schema(api):
    return schemathesis.openapi.from_url(api.pipeline.url.replace("/app", "/openapi.json"))


def test_the_document_is_valid_openapi_3_1(document):
    validate(document)
    assert document["openapi"].startswith("3.1")


def test_it_has_the_event_schema_and_the_limits(document, api):
    assert document["components"]["schemas"]["Payload"]["title"] in EVENT_SCHEMA_FILE.read_text()
    assert "25,000 events" in document["paths"]["/app"]["post"]["description"]
    assert "400,000 bytes" in document["paths"]["/app"]["post"]["description"]
    assert document["servers"] == [{"url": "/dev"}]


def test_it_has_every_resource_of_the_api(document):
    assert set(document["paths"]) == {"/app", "/health", "/openapi.json"}


@pytest.mark.parametrize(
    ("path", "mode"),
    [
        ("/app", GenerationMode.POSITIVE),
        ("/app", GenerationMode.NEGATIVE),
        ("/health", GenerationMode.POSITIVE),
        ("/openapi.json", GenerationMode.POSITIVE),
    ],
)
def test_whatever_is_asked_the_answer_is_documented_and_no_server_error(schema, path, mode):
    for operation in schema[path].values():
        cases = operation.as_strategy(generation_mode=mode)

        @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=cases)
        def ask(case: schemathesis.Case) -> None:
            # An empty list, or a line of NDJSON that is not JSON, is refused, which a schema cannot say.
            case.call_and_validate(timeout=30, excluded_checks=[positive_data_acceptance])

        ask()
