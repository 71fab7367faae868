"""The edge of the command: what AWS, the network and files did, as one line that names the next step."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from infra.cli.context import CommandError, Context
from infra.cli.lazy import LazyGroup
from producers.explained import Explained

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "AccessDeniedError", "UnauthorizedOperation", "KMS.AccessDeniedException"}
)
_WRONG_CREDENTIALS: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidClientTokenId", "SignatureDoesNotMatch"}
    | {"UnrecognizedClientException", "AuthFailure", "InvalidToken", "MissingAuthenticationToken"}
)
_ABSENT: Final = frozenset(
    {"NoSuchBucket", "ResourceNotFoundException", "EntityNotFoundException", "AWS.SimpleQueueService.NonExistentQueue"}
    | {"QueueDoesNotExist", "404", "NoSuchEntity"}
)
_LOG_IN: Final = "set AWS_PROFILE to a profile that has them, or log in with `aws sso login`"
MAX_CHARACTERS: Final = 600  # of a foreign message


class Edge(LazyGroup):
    """The group in which every failure of a command ends as a `CommandError`."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command.

        Raises:
            CommandError: it failed, for a reason that is not a mistake in Spillway.
        """
        try:
            return super().invoke(ctx)
        except CommandError:
            raise
        except Exception as error:
            line = explain(error, ctx.obj or Context())
            if line is None:
                raise
            raise CommandError(line) from error


@contextmanager
def stopped(context: Context, what: str, next_step: str) -> Iterator[None]:
    """Name the work that a failure stops, and what to do about that work.

    Args:
        context: of the command.
        what: such as `compaction stopped`.
        next_step: a sentence, such as `Run it again.`

    Raises:
        CommandError: with both, around the line for the failure.
    """
    try:
        yield
    except Exception as error:
        line = explain(error, context)
        if line is None:
            raise
        raise CommandError(f"{what}: {line.rstrip('.')}. {next_step}") from error


@contextmanager
def writing(path: Path | None) -> Iterator[None]:
    """Name the file in the error where it cannot be written: the system names it only where it cannot be opened.

    Args:
        path: of the file; None where nothing is written.

    Raises:
        CommandError: the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        if path is None or error.filename is not None or error.errno is None:
            raise
        raise CommandError(f"{path} cannot be written: {os.strerror(error.errno)}") from error


def explain(error: BaseException, context: Context) -> str | None:
    """The line for what AWS, the network or a file did; None for what is a mistake in Spillway, or click's own."""
    if isinstance(error, Explained):
        return str(error)
    if isinstance(error, click.ClickException | click.exceptions.Exit | click.Abort | BrokenPipeError):
        return None
    if type(error).__module__.partition(".")[0] in {"botocore", "boto3"}:
        return _of_aws(error, context)
    if isinstance(error, UnicodeEncodeError):
        return f"the output takes no {error.object[error.start]!a} ({error.encoding}): set PYTHONIOENCODING=utf-8"
    return _of_a_file(error) if isinstance(error, OSError) else None


def _of_a_file(error: OSError) -> str:
    if error.filename is None or error.strerror is None:
        return short(str(error) or type(error).__name__)
    return f"{error.filename}: {error.strerror}"


def _of_aws(error: BaseException, context: Context) -> str | None:
    from botocore import exceptions as botocore  # noqa: PLC0415 (loaded already: it raised this)

    cases: list[tuple[type[BaseException] | tuple[type[BaseException], ...], Callable[[Any, Context], str]]] = [
        (botocore.ClientError, _refused),
        ((botocore.ConnectionError, botocore.HTTPClientError), _unreached),
        ((botocore.NoCredentialsError, botocore.PartialCredentialsError), _without_credentials),
        ((botocore.ProfileNotFound, botocore.ConfigParseError, botocore.ConfigNotFound), _wrong_profile),
        (botocore.NoRegionError, lambda _, __: "no region: set AWS_REGION, such as eu-west-2"),
        (botocore.InvalidRegionError, lambda found, _: _no_such_region(found.kwargs["region_name"])),
        (botocore.BotoCoreError, _failed),
    ]
    for kinds, line in cases:
        if isinstance(error, kinds):
            return line(error, context)
    return None


def _refused(error: "ClientError", context: Context) -> str:
    answer = error.response.get("Error", {})
    code, message = answer.get("Code", "Unknown"), short(str(answer.get("Message", "")))
    call = error.operation_name
    if code in _DENIED:
        return f"not allowed to call {call}: give the role that permission ({message})"
    if code in _WRONG_CREDENTIALS:
        return f"AWS does not take the credentials for {context.environment}: {_LOG_IN} ({code}: {message})"
    if code in _ABSENT:
        return f"{call} found nothing in {context.environment}: is --env right, is it deployed? ({message})"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    advice = ": try again later" if status in {429, 503} or "Throttl" in code else ""
    return f"AWS refused {call}{advice} ({code}: {message})"


def _unreached(error: "BotoCoreError", context: Context) -> str:
    endpoint = error.kwargs.get("endpoint_url") or error.kwargs.get("proxy_url") or "its endpoint"
    if context.is_local:
        return f"nobody answers at {endpoint}: start the pipeline with `spillway run` ({type(error).__name__})"
    if (region := context.region()) not in context.known_regions():
        return _no_such_region(region)
    return f"AWS cannot be reached at {endpoint}: check the network and the region {region} ({type(error).__name__})"


def _without_credentials(error: BaseException, context: Context) -> str:
    return f"no AWS credentials for {context.environment}: {_LOG_IN} ({short(str(error))})"


def _wrong_profile(error: BaseException, _: Context) -> str:
    return f"the AWS settings cannot be used: {short(str(error))}; correct AWS_PROFILE or AWS_CONFIG_FILE"


def _no_such_region(region: str) -> str:
    return f"there is no AWS region {region}: set AWS_REGION to one that exists, such as eu-west-2"


def _failed(error: BaseException, _: Context) -> str:
    text = short(str(error))
    return f"AWS credentials: {text}; {_LOG_IN}" if "oken" in text or "redential" in text else f"AWS: {text}"


def short(text: str) -> str:
    """A foreign message on one line, cut where it is very long."""
    line = " ".join(text.split())
    return line if len(line) <= MAX_CHARACTERS else line[: MAX_CHARACTERS - 1] + "…"
