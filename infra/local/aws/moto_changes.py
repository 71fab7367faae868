"""Changes that moto does not know: of tags, and of Athena's workgroup.

`infra.local.aws.moto_fixes` installs them with its own fixes.
"""

from collections.abc import Callable
from typing import Any, Final, cast

from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
from moto.athena.responses import AthenaResponse
from moto.budgets.responses import BudgetsResponse
from moto.xray.responses import XRayResponse

Tags = list[dict[str, str]]


def tags_of_targets(response: ApplicationAutoScalingResponse) -> dict[str, dict[str, str]]:
    """Tags by target, kept beside the targets so that they go with them."""
    backend = response.applicationautoscaling_backend
    return cast("dict[str, dict[str, str]]", backend.__dict__.setdefault("tags_of_targets", {}))


def _tag_target(response: ApplicationAutoScalingResponse) -> str:
    tags = tags_of_targets(response).setdefault(response._get_param("ResourceARN"), {})  # noqa: SLF001
    tags.update(response._get_param("Tags"))  # noqa: SLF001
    return "{}"


def _untag_target(response: ApplicationAutoScalingResponse) -> str:
    tags = tags_of_targets(response).setdefault(response._get_param("ResourceARN"), {})  # noqa: SLF001
    for key in response._get_param("TagKeys"):  # noqa: SLF001
        tags.pop(key, None)
    return "{}"


def _tag_budget(response: BudgetsResponse) -> str:
    return _tag(response.backend, response, response._get_param("ResourceTags"))  # noqa: SLF001


def _untag_budget(response: BudgetsResponse) -> str:
    return _untag(response.backend, response, response._get_param("ResourceTagKeys"))  # noqa: SLF001


def _tag_traced(response: XRayResponse) -> str:
    return _tag(response.xray_backend, response, response._get_param("Tags"))  # noqa: SLF001


def _untag_traced(response: XRayResponse) -> str:
    return _untag(response.xray_backend, response, response._get_param("TagKeys"))  # noqa: SLF001


def _tag(backend: Any, response: Any, tags: Tags) -> str:
    kept = _kept_tags(backend, response)
    changed = {tag["Key"] for tag in tags}
    kept["tags"] = [*(tag for tag in kept["tags"] if tag["Key"] not in changed), *tags]
    return "{}"


def _untag(backend: Any, response: Any, keys: list[str]) -> str:
    kept = _kept_tags(backend, response)
    kept["tags"] = [tag for tag in kept["tags"] if tag["Key"] not in keys]
    return "{}"


def _kept_tags(backend: Any, response: Any) -> dict[str, Tags]:
    """Where `moto_operation` keeps the tags of the resource that a request names."""
    kept: dict[str, dict[str, Tags]] = backend.__dict__.setdefault("kept_tags", {})
    return kept.setdefault(response._get_param("ResourceARN"), {"tags": []})  # noqa: SLF001


def _update_work_group(response: AthenaResponse) -> str:
    group = response.athena_backend.work_groups[response._get_param("WorkGroup")]  # noqa: SLF001
    group.description = response._get_param("Description") or group.description  # noqa: SLF001
    updates = dict(response._get_param("ConfigurationUpdates") or {})  # noqa: SLF001
    results = updates.pop("ResultConfigurationUpdates", {})
    if updates.pop("RemoveBytesScannedCutoffPerQuery", False):
        group.configuration.pop("BytesScannedCutoffPerQuery", None)
    group.configuration |= updates
    group.configuration.setdefault("ResultConfiguration", {}).update(
        {name: value for name, value in results.items() if not name.startswith("Remove")}
    )
    return "{}"


FIXES: Final[tuple[tuple[type, str, Callable[..., Any]], ...]] = (
    (ApplicationAutoScalingResponse, "tag_resource", _tag_target),
    (ApplicationAutoScalingResponse, "untag_resource", _untag_target),
    (AthenaResponse, "update_work_group", _update_work_group),
    (BudgetsResponse, "tag_resource", _tag_budget),
    (BudgetsResponse, "untag_resource", _untag_budget),
    (XRayResponse, "tag_resource", _tag_traced),
    (XRayResponse, "untag_resource", _untag_traced),
)
XRAY_PATHS: Final = {f"{{0}}/{action}$": XRayResponse.dispatch for action in ("TagResource", "UntagResource")}
