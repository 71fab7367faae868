"""Published versions of the functions: which are live, and which are old enough to be deleted.

Lambda keeps every version that was ever published, and bills for none but counts all against the account's 75 GB of
code.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

from infra.functions import (
    COMPACTOR,
    DEAD_LETTER_ARCHIVER,
    FIREHOSE_TRANSFORM,
    HTTP_API,
    SCALING_FUNCTION,
    TABLE_WRITER,
)
from infra.names import Names

if TYPE_CHECKING:
    from types_boto3_lambda import LambdaClient

ALIAS: Final = "live"
KEPT_VERSIONS: Final = 10  # the newest of a function, to roll back to
MODULES: Final = (HTTP_API, TABLE_WRITER, FIREHOSE_TRANSFORM, DEAD_LETTER_ARCHIVER, COMPACTOR, SCALING_FUNCTION)


def live_versions(lambda_: "LambdaClient", environment: str) -> dict[str, str]:
    """The version that each function's alias has now, by the function's name in Terraform.

    A function that has no alias yet is left out: Terraform gives it its first version.
    """
    names = Names(environment, "")
    versions: dict[str, str] = {}
    for module in MODULES:
        try:
            alias = lambda_.get_alias(FunctionName=names.function(module), Name=ALIAS)
        except lambda_.exceptions.ResourceNotFoundException:
            continue
        versions[module.rpartition(".")[2]] = alias["FunctionVersion"]
    return versions


def warm_functions(lambda_: "LambdaClient", environment: str, functions: Iterable[str]) -> set[str]:
    """Of these functions, by their names in Terraform, those whose alias has provisioned executions."""
    prefix = Names(environment, "").prefix
    warm: set[str] = set()
    for function in functions:
        name = f"{prefix}-{function.replace('_', '-')}"
        try:
            lambda_.get_provisioned_concurrency_config(FunctionName=name, Qualifier=ALIAS)
        except lambda_.exceptions.ProvisionedConcurrencyConfigNotFoundException:
            continue
        warm.add(function)
    return warm


def delete_old_versions(lambda_: "LambdaClient", function_names: Iterable[str], kept: int = KEPT_VERSIONS) -> int:
    """Delete what no alias names and is not among the newest.

    Args:
        lambda_: a boto3 client.
        function_names: of the functions.
        kept: how many of the newest versions of a function stay.

    Returns:
        How many versions were deleted.
    """
    deleted = 0
    for name in function_names:
        pages = lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=name)
        published = sorted(
            int(version["Version"])
            for page in pages
            for version in page["Versions"]
            if version["Version"].isdecimal()  # and not $LATEST
        )
        named = _named_by_aliases(lambda_, name)
        for version in published[: max(0, len(published) - kept)]:
            if version not in named:
                lambda_.delete_function(FunctionName=name, Qualifier=str(version))
                deleted += 1
    return deleted


def _named_by_aliases(lambda_: "LambdaClient", name: str) -> set[int]:
    versions: set[str] = set()
    for page in lambda_.get_paginator("list_aliases").paginate(FunctionName=name):
        for alias in page["Aliases"]:
            weights = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
            versions |= {alias["FunctionVersion"], *weights}
    return {int(version) for version in versions if version.isdecimal()}
