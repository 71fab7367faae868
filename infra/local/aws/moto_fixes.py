"""What Terraform asks of AWS and moto answers wrongly or not at all, fixed in one place.

Each fix says what moto does, and a test holds it. `local_aws` installs them, so that Terraform reaches the endpoint of
`spillway run` as well.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from typing import Any, Final, cast
from unittest.mock import patch

from moto.apigateway import urls as gateway_urls
from moto.apigateway.models import RestAPI
from moto.apigateway.responses import APIGatewayResponse
from moto.apigatewayv2.models import Stage
from moto.apigatewayv2.responses import ApiGatewayV2Response
from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.athena.responses import AthenaResponse
from moto.awslambda import urls as lambda_urls
from moto.awslambda.models import EventSourceMapping
from moto.awslambda.responses import LambdaResponse
from moto.awslambda_simple.models import LambdaSimpleBackend, lambda_simple_backends
from moto.backup import urls as backup_urls
from moto.core.common_types import TYPE_RESPONSE
from moto.ec2.models.security_groups import SecurityGroupRule
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket
from moto.sqs.models import Queue
from moto.xray import urls as xray_urls

from infra.local.aws import gateway_changes, moto_changes, moto_operation
from infra.local.aws.moto_backends import use_backend
from infra.local.aws.moto_changes import tags_of_targets

ACCOUNT_SETTINGS: Final = r"{0}/(?P<api_version>[^/]+)/account-settings/?$"
PROVISIONED_CONCURRENCY: Final = (
    r"{0}/(?P<api_version>[^/]+)/functions/(?P<function_name>[\w_:%-]+)/provisioned-concurrency$"
)

_moto_set_attributes: Final = Queue._set_attributes  # noqa: SLF001 (moto has no other way)
_moto_attributes: Final = Queue.__dict__["attributes"].fget
_moto_api: Final = RestAPI.to_dict
_moto_create_api: Final = APIGatewayResponse.create_rest_api
_moto_make_rule: Final = SecurityGroupRule.__init__
_moto_register: Final = ApplicationAutoScalingResponse.register_scalable_target


@contextmanager
def installed() -> Iterator[None]:
    """Fix moto for as long as the block lasts, which begins before moto starts."""
    # moto keeps a RedriveAllowPolicy and never returns it, so Terraform waits for it in vain.
    attributes = [*Queue.BASE_ATTRIBUTES, "RedriveAllowPolicy"]
    with ExitStack() as stack:
        for fix in (
            patch.object(Queue, "BASE_ATTRIBUTES", attributes),
            patch.object(Queue, "redrive_allow_policy", None, create=True),
            patch.object(Queue, "_set_attributes", _set_attributes),
            patch.object(Queue, "attributes", property(_attributes)),
            patch.object(AthenaResponse, "delete_named_query", _delete_named_query, create=True),
            patch.object(ApplicationAutoScalingResponse, "register_scalable_target", _register_scalable_target),
            patch.object(ApplicationAutoScalingResponse, "list_tags_for_resource", _list_scaling_tags, create=True),
            patch.object(RestAPI, "to_dict", _api),
            patch.object(APIGatewayResponse, "create_rest_api", _create_api),
            patch.object(ApiGatewayV2Response, "update_stage", _update_stage, create=True),
            patch.object(FakeBucket, "get_permission", _permission),
            patch.object(SecurityGroupRule, "__init__", _make_rule),
            patch.object(SecurityGroupRule, "description", property(_describe_rule)),
        ):
            stack.enter_context(fix)
        for response, name, answer in (*moto_operation.FIXES, *moto_changes.FIXES, *gateway_changes.FIXES):
            stack.enter_context(patch.object(response, name, answer, create=True))
        stack.enter_context(patch.dict(gateway_urls.url_paths, gateway_changes.PATHS))
        stack.enter_context(patch.dict(backup_urls.url_paths, moto_operation.BACKUP_PATHS))
        stack.enter_context(patch.dict(xray_urls.url_paths, moto_operation.XRAY_PATHS | moto_changes.XRAY_PATHS))
        lambda_paths = {PROVISIONED_CONCURRENCY: LambdaApi.dispatch, ACCOUNT_SETTINGS: LambdaApi.dispatch}
        stack.enter_context(patch.dict(lambda_urls.url_paths, lambda_paths))
        use_backend(lambda_simple_backends, LocalLambdaBackend)
        stack.callback(use_backend, lambda_simple_backends, LambdaSimpleBackend)
        yield


def _set_attributes(queue: Queue, attributes: dict[str, Any], now: float | None = None) -> None:
    """Set what is given: moto drops the queue's policy whenever anything else is set."""
    policy = {"Policy": queue.policy} if getattr(queue, "policy", None) else {}
    _moto_set_attributes(queue, policy | attributes, now)


def _attributes(queue: Queue) -> dict[str, Any]:
    """A queue's attributes as AWS returns them.

    The redrive policy is compact, since Terraform takes spaces for a difference. A RedriveAllowPolicy that was removed
    is left out; Terraform waits for that, too.
    """
    attributes: dict[str, Any] = _moto_attributes(queue)
    if not attributes["RedriveAllowPolicy"]:
        del attributes["RedriveAllowPolicy"]
    if attributes.get("RedrivePolicy"):
        attributes["RedrivePolicy"] = json.dumps(queue.redrive_policy, separators=(",", ":"))
    return attributes


def _delete_named_query(response: AthenaResponse) -> str:
    """Delete a saved query, which moto can only create."""
    response.athena_backend.named_queries.pop(response._get_param("NamedQueryId"), None)  # noqa: SLF001
    return "{}"


def _register_scalable_target(response: ApplicationAutoScalingResponse) -> str:
    """Register a target with its tags, which moto drops."""
    answer = _moto_register(response)
    if tags := response._get_param("Tags"):  # noqa: SLF001 (moto has no other way)
        tags_of_targets(response)[json.loads(answer)["ScalableTargetARN"]] = tags
    return answer


def _list_scaling_tags(response: ApplicationAutoScalingResponse) -> str:
    """The tags of a target, which moto does not return."""
    return json.dumps({"Tags": tags_of_targets(response).get(response._get_param("ResourceARN"), {})})  # noqa: SLF001


def _api(api: RestAPI) -> dict[str, Any]:
    """A REST API, the quotes in its policy escaped, as API Gateway returns it and moto does not."""
    answer: dict[str, Any] = _moto_api(api)
    if answer.get("policy"):
        answer["policy"] = json.dumps(answer["policy"])[1:-1]
    return answer


def _create_api(response: APIGatewayResponse) -> TYPE_RESPONSE:
    """Create a REST API with its binary media types, which moto keeps only when they are changed later."""
    status, headers, body = _moto_create_api(response)
    if status == HTTPStatus.OK:
        api = response.backend.get_rest_api(json.loads(body)["id"])
        api.binaryMediaTypes = response._get_param("binaryMediaTypes") or []  # noqa: SLF001 (moto has no other way)
        body = json.dumps(api.to_dict())
    return status, headers, body


def _update_stage(response: ApiGatewayV2Response) -> TYPE_RESPONSE:
    """Update a stage of an HTTP API, which moto can only create."""
    *_, api_id, _stages, name = response.path.split("/")
    api = response.apigatewayv2_backend.get_api(api_id)
    stage = api.stages[name] = Stage(api, api.get_stage(name).config | json.loads(response.body))
    return 200, {}, json.dumps(stage.to_json())


def _permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    """What a bucket's policy allows: moto takes every condition for a denial, since it does not know the request."""
    policy: dict[str, Any] = {"Statement": []} if bucket.policy is None else json.loads(bucket.policy)
    policy["Statement"] = [statement for statement in policy["Statement"] if "Condition" not in statement]
    return IAMPolicy(json.dumps(policy)).is_action_permitted(action, resource)


def _make_rule(rule: SecurityGroupRule, *arguments: Any, **named: Any) -> None:
    """Make a rule, and keep the description of a group or prefix list: moto keeps only that of an address."""
    _moto_make_rule(rule, *arguments, **named)
    sides = [side for side in (*arguments, *named.values()) if isinstance(side, dict)]
    rule.__dict__["given_description"] = next((side["Description"] for side in sides if "Description" in side), None)


def _describe_rule(rule: SecurityGroupRule) -> str | None:
    return cast("str | None", rule.__dict__["given_description"])


class LocalLambdaBackend(LambdaSimpleBackend):
    """moto's Lambda, whose event source mappings keep what they were given, and which has provisioned concurrency.

    moto turns an alias into the version that it stands for, and does not know consumers (enhanced fan-out) as sources.
    """

    def __init__(self, region_name: str, account_id: str) -> None:
        super().__init__(region_name, account_id)
        self.provisioned: dict[tuple[str, str], int] = {}  # executions, by function and alias

    @property
    def _url_module(self) -> Any:
        """Where requests go to: moto looks beside the class, and would not find them there."""
        return lambda_urls

    def create_event_source_mapping(self, spec: dict[str, Any]) -> EventSourceMapping:
        """As moto; the mapping keeps the function and the source as they were given."""
        source = spec["EventSourceArn"]
        mapping = super().create_event_source_mapping({**spec, "EventSourceArn": source.partition("/consumer/")[0]})
        mapping.event_source_arn = source
        _keep_alias(mapping, spec)
        return mapping

    def update_event_source_mapping(self, uuid: str, spec: dict[str, Any]) -> EventSourceMapping | None:
        """As moto; the mapping keeps the function and the source as they were given."""
        mapping = super().update_event_source_mapping(uuid, spec)
        if mapping is not None:
            _keep_alias(mapping, spec)
        return mapping


class LambdaApi(LambdaResponse):
    """The requests that moto does not know: provisioned concurrency, ready at once."""

    @property
    def _provisioned(self) -> dict[tuple[str, str], int]:
        return cast("LocalLambdaBackend", self.backend).provisioned

    @property
    def _key(self) -> tuple[str, str]:
        return self.path.split("/")[-2], self.querystring["Qualifier"][0]

    def put_provisioned_concurrency_config(self) -> TYPE_RESPONSE:
        """Set how many executions are kept warm."""
        self._provisioned[self._key] = self.json_body["ProvisionedConcurrentExecutions"]
        return 202, {"status": 202}, self._description()

    def get_provisioned_concurrency_config(self) -> TYPE_RESPONSE:
        """Return how many are."""
        if self._key not in self._provisioned:
            absent = "ProvisionedConcurrencyConfigNotFoundException"
            return 404, {"status": 404, "x-amzn-errortype": absent}, json.dumps({"Type": "User", "Message": absent})
        return 200, {"status": 200}, self._description()

    def get_account_settings(self) -> TYPE_RESPONSE:
        """Return the quotas of an account that is no longer new."""
        limits = {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 1000}
        return 200, {"status": 200}, json.dumps({"AccountLimit": limits, "AccountUsage": {}})

    def delete_provisioned_concurrency_config(self) -> TYPE_RESPONSE:
        """Keep no execution warm."""
        self._provisioned.pop(self._key, None)
        return 204, {"status": 204}, ""

    def _description(self) -> str:
        number = self._provisioned[self._key]
        return json.dumps(
            {
                "RequestedProvisionedConcurrentExecutions": number,
                "AvailableProvisionedConcurrentExecutions": number,
                "AllocatedProvisionedConcurrentExecutions": number,
                "Status": "READY",
                "LastModified": "2026-01-01T00:00:00+0000",
            }
        )


def _keep_alias(mapping: EventSourceMapping, spec: dict[str, Any]) -> None:
    """Let a mapping name the function as it was given: by its alias."""
    name = spec.get("FunctionName", "")
    if name.startswith("arn:"):
        mapping.function_arn = name
