"""Which configurations the wire client serves."""

import pytest
from botocore.session import get_session

from producers import wire_configuration
from producers.wire_configuration import SWITCH, wire_client
from tests.producers.lambda_environment import LAMBDA, TIMEOUTS


@pytest.fixture(autouse=True)
def no_settings_files(monkeypatch):
    monkeypatch.setattr(wire_configuration, "SETTINGS_FILES", ())


def test_what_lambda_puts_into_the_environment_is_served():
    client = wire_client("kinesis", TIMEOUTS, LAMBDA)
    assert client is not None
    assert client.url == "https://kinesis.eu-west-2.amazonaws.com"


@pytest.mark.parametrize("service", ["kinesis", "dynamodb"])
def test_the_address_in_every_commercial_region_is_botocores(service):
    session = get_session()
    for region in session.get_available_regions(service):
        client = wire_client(service, TIMEOUTS, LAMBDA | {"AWS_DEFAULT_REGION": region})
        theirs = session.create_client(
            service,
            region_name=region,
            aws_access_key_id="a",
            aws_secret_access_key="b",  # noqa: S106
        ).meta.endpoint_url
        assert client is not None, region
        assert client.url == theirs


@pytest.mark.parametrize(
    "settings",
    [
        {f"{SWITCH}KINESIS": "off"},
        {f"{SWITCH}KINESIS": ""},
        {"AWS_PROFILE": "work"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9001/2021-08-23/credentials"},  # with SnapStart
        {"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/v2/credentials"},
        {"AWS_CREDENTIAL_EXPIRATION": "2026-11-24T20:00:00Z"},
        {"HTTPS_PROXY": "http://proxy:3128"},
        {"https_proxy": "http://proxy:3128"},
        {"ALL_PROXY": "http://proxy:3128"},
        {"AWS_USE_FIPS_ENDPOINT": "true"},
        {"AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_CA_BUNDLE": "/etc/ca.pem"},
        {"REQUESTS_CA_BUNDLE": "/etc/ca.pem"},
        {"AWS_ACCOUNT_ID": "123456789012"},  # DynamoDB has endpoints by account
        {"AWS_CONFIG_FILE": "/etc/aws"},
        {"AWS_SOMETHING_NEW": "1"},
        {"AWS_ACCESS_KEY_ID": ""},
        {"AWS_SECRET_ACCESS_KEY": ""},
        {"AWS_DEFAULT_REGION": ""},
        {"AWS_DEFAULT_REGION": "us-gov-west-1"},
        {"AWS_DEFAULT_REGION": "cn-north-1"},
        {"AWS_ENDPOINT_URL_KINESIS": "https://example.com/path"},
        {"AWS_ENDPOINT_URL": "https://user@example.com"},
    ],
)
def test_every_other_configuration_is_botocores(settings):
    assert wire_client("kinesis", TIMEOUTS, LAMBDA | settings) is None


def test_a_settings_file_is_botocores(monkeypatch, tmp_path):
    file = tmp_path / "config"
    file.write_text("[default]\n")
    monkeypatch.setattr(wire_configuration, "SETTINGS_FILES", (str(file),))
    assert wire_client("kinesis", TIMEOUTS, LAMBDA) is None
