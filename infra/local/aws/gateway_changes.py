"""Changes of a REST API that moto does not know: of a method, an integration, a quota, and of tags.

`infra.local.aws.moto_fixes` installs them with its own fixes.
"""

import json
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from moto.apigateway.models import UsagePlan
from moto.apigateway.responses import APIGatewayResponse
from moto.core.common_types import TYPE_RESPONSE

_KEPT_IN: Final = {
    "apikeys": "keys",
    "domainnames": "domain_names",
    "restapis": "apis",
    "usageplans": "usage_plans",
}
_moto_patch_plan: Final = UsagePlan.apply_patch_operations


def _update_method(response: APIGatewayResponse) -> str:
    method = _method(response)
    for operation in response._get_param("patchOperations"):  # noqa: SLF001 (moto has no other way)
        name, value = operation["path"].removeprefix("/"), operation.get("value")
        if name == "authorizationScopes":
            others = [scope for scope in method.authorization_scopes or [] if scope != value]
            method.authorization_scopes = others if operation["op"] == "remove" else [*others, value]
        elif name == "apiKeyRequired":
            method.api_key_required = value == "true"
        else:
            setattr(method, _PATCHED_OF_METHOD[name], value)
    return json.dumps(method.to_json())


_PATCHED_OF_METHOD: Final = {"authorizationType": "authorization_type", "authorizerId": "authorizer_id"}


def _update_integration(response: APIGatewayResponse) -> str:
    integration = _method(response).method_integration
    for operation in response._get_param("patchOperations"):  # noqa: SLF001
        match operation:
            case {"path": "/timeoutInMillis", "value": value}:
                integration.timeout_in_millis = int(value)
            case {"path": "/uri", "value": value}:
                integration.uri = value
            case _:
                raise NotImplementedError(operation)
    return json.dumps(integration.to_json())


def _method(response: APIGatewayResponse) -> Any:
    _, _, api, _, resource, _, method, *_ = response.path.split("/")
    return response.backend.get_method(api, resource, method)


def _patch_plan(plan: UsagePlan, operations: list[dict[str, Any]]) -> None:
    """As moto, the numbers of the quota as numbers."""
    _moto_patch_plan(plan, operations)
    quota: dict[str, Any] = plan.quota
    quota |= {name: int(quota[name]) for name in ("limit", "offset") if name in quota}


def answer_tags(request: Any, full_url: str, headers: Any) -> TYPE_RESPONSE:
    """Read or change the tags of the resource whose ARN ends the path."""
    response = APIGatewayResponse()
    response.setup_class(request, full_url, headers)
    tagged = _resource(response.backend, unquote(response.path).partition("::/")[2])
    tags = dict(tagged.tags or {})
    if request.method == "GET":
        return 200, {"status": 200}, json.dumps({"tags": tags})
    if request.method == "PUT":
        tags |= json.loads(response.body)["tags"]
    else:
        for key in response.querystring["tagKeys"]:
            tags.pop(key, None)
    tagged.tags = tags
    return 204, {"status": 204}, ""


def _resource(backend: Any, path: str) -> Any:
    kind, name, *below = path.split("/")
    found = getattr(backend, _KEPT_IN[kind])[name]
    return found.stages[below[1]] if below else found


_ARN: Final = "{0}/tags/arn:(?P<partition>[^/]+):apigateway:(?P<region_name>[^/]+)::"
PATHS: Final = {
    f"{_ARN}/restapis/(?P<function_id>[^/]+)/stages/(?P<stage_name>[^/]+)$": answer_tags,
    **{f"{_ARN}/{kind}/(?P<name>[^/]+)$": answer_tags for kind in _KEPT_IN},
}
FIXES: Final[tuple[tuple[type, str, Callable[..., Any]], ...]] = (
    (APIGatewayResponse, "update_integration", _update_integration),
    (APIGatewayResponse, "update_method", _update_method),
    (UsagePlan, "apply_patch_operations", _patch_plan),
)
