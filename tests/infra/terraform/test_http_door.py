"""Terraform applied to the local endpoint with an HTTP API as the door, and the pipeline run on what it made."""

import hashlib

import boto3
import pytest
import urllib3

from infra.local.aws import moto_fixes
from infra.local.pipeline import LocalPipeline
from tests.infra.terraform.applying import ENVIRONMENT, ApplyingHttp, change_settings, set_options

API_KEY = "correct horse"


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_an_http_api_is_applied_guards_in_its_function_and_is_destroyed(configuration, monkeypatch):
    http = {"door": "http", "api_key_required": True, "allowed_cidrs": ["127.0.0.0/8"]}
    change_settings(configuration, {"http": http})
    set_options(configuration, ENVIRONMENT, f'api_key_sha256 = ["{hashlib.sha256(API_KEY.encode()).hexdigest()}"]\n')
    monkeypatch.setenv("SPILLWAY_API_KEY", "another key")  # the digests are the ones that Terraform set
    applying = ApplyingHttp(configuration)
    pipeline = LocalPipeline(applying.settings, ENVIRONMENT, 0, 0, make=applying.make)
    with moto_fixes.installed(), pipeline:
        assert applying.outputs is not None
        assert applying.outputs["url"].endswith("/dev/app")
        assert "$SPILLWAY_API_KEY" in applying.outputs["curl"]
        assert boto3.client("apigateway").get_rest_apis()["items"] == []
        applying.assert_nothing_to_do()
        _assert_it_has_the_three_resources()
        _assert_only_the_right_key_posts(pipeline.url)
        for worker in pipeline._workers:
            worker.stop()
        applying.deployment.destroy(delete_data=True)
        assert applying.deployment._terraform.addresses() == []
        assert boto3.client("apigatewayv2").get_apis()["Items"] == []


def _assert_it_has_the_three_resources() -> None:
    gateway = boto3.client("apigatewayv2")
    [api] = gateway.get_apis()["Items"]
    assert (api["ProtocolType"], api["Name"]) == ("HTTP", f"spillway-{ENVIRONMENT}")
    routes = {route["RouteKey"] for route in gateway.get_routes(ApiId=api["ApiId"])["Items"]}
    assert routes == {"ANY /app", "ANY /health", "ANY /openapi.json", "OPTIONS /app"}
    [integration] = gateway.get_integrations(ApiId=api["ApiId"])["Items"]
    assert (integration["PayloadFormatVersion"], integration["IntegrationType"]) == ("2.0", "AWS_PROXY")


def _assert_only_the_right_key_posts(url: str) -> None:
    for key, status in ((API_KEY, 201), ("another key", 403), ("", 403)):
        assert urllib3.request("POST", url, body=b"1", headers={"x-api-key": key}).status == status
    assert urllib3.request("GET", url.replace("/app", "/health")).status == 200
