"""Recording what a deployment calls: Terraform over HTTP at the local endpoint, and `infra.deploy` in this process.

Of each call it keeps what IAM looks at: the action, the resource and the conditions. Ids that differ from run to run
become the same id. `SPILLWAY_KEEP_CALLS=deployments` stores a new recording instead of comparing.
"""

import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import boto3
from botocore.handlers import BUILTIN_HANDLERS

from infra.deploy.terraform import Terraform
from infra.local.aws.endpoint import ACCOUNT, AwsEndpoint
from tests.roles.deploy_actions import asked
from tests.roles.iam_actions import Place
from tests.roles.stored import DATA, KEEP_VARIABLE
from tests.roles.wire import Call, call_of

BOUNDARY: Final = f"arn:aws:iam::{ACCOUNT}:policy/spillway-boundary"
PLAN: Final = "plan"
APPLY: Final = "apply"
DESTROY: Final = "destroy"
COMMANDS: Final = (PLAN, APPLY, DESTROY)  # a call of several commands is kept with the first
# Our own modules that call AWS while a workflow of the delivery runs, and the first command in which they do.
OWN_MODULES: Final = {
    "infra.deploy.preflight": PLAN,
    "infra.deploy.canary": APPLY,
    "infra.deploy.notices": APPLY,
    "infra.deploy.tried_versions": APPLY,
    "infra.deploy.versions": APPLY,
}
LEFT_OUT: Final = {"athena:WorkGroupName": "spillway-dev"}  # a saved query is read by its id alone
_STEADY: Final = (
    (re.compile(r"(?<=:key/)[0-9a-f-]{36}$"), "the-key"),
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "00000000-0000-0000-0000-000000000000"),
    (re.compile(r"\bspillway([-_])(local|dev)\b"), r"spillway\1dev"),
    (re.compile(r'"(local|dev)"'), '"dev"'),
    (re.compile(r"(?<=/)[a-z]+-[0-9a-f]{8,17}$"), "id"),
    (re.compile(r"(?<=::/restapis/)\w+"), "id"),
    (re.compile(r"(?<=:::)(hostedzone|change)/\w+$"), r"\1/id"),
)


@dataclass(frozen=True, slots=True, order=True)
class DeployCall:
    """A call of a deployment.

    Args:
        command: the first of `COMMANDS` that makes it.
        action: of IAM.
        resource: its ARN, or `*`.
        context: condition keys and values, as JSON.
    """

    command: str
    action: str
    resource: str
    context: str

    def to_line(self) -> str:
        """This call as one line of JSON."""
        return json.dumps([self.command, self.action, self.resource, json.loads(self.context)])


class Recording:
    """The calls of one deployment, from its first plan to its end."""

    def __init__(self) -> None:
        self.unresolved: set[str] = set()
        self.command: str | None = None  # of Terraform, while one runs
        self._first: dict[tuple[str, str, str], int] = {}

    def note(self, call: Call, command: str) -> None:
        """Keep one call."""
        try:
            found = list(asked(call, Place(call.region, ACCOUNT, LEFT_OUT)))
        except LookupError as error:
            self.unresolved.add(f"{call.service}:{call.operation}: {error}")
            return
        number = COMMANDS.index(command)
        for action, resource, context in found:
            key = action, _steady(resource), _steady(json.dumps(context, sort_keys=True))
            self._first[key] = min(number, self._first.get(key, number))

    def calls(self) -> set[DeployCall]:
        """Each call once."""
        return {DeployCall(COMMANDS[number], *key) for key, number in self._first.items()}


def _steady(text: str) -> str:
    for pattern, replacement in _STEADY:
        text = pattern.sub(replacement, text)
    return text


@contextmanager
def compared(name: str) -> Iterator[None]:
    """Record while the block lasts, and hold the actions that are called to the stored recording of that name.

    The deployment gets the permissions boundary of the delivery: an apply role makes no role without it.
    """
    recording = Recording()
    with patch.dict(os.environ, {"TF_VAR_permissions_boundary": BOUNDARY}), _installed(recording):
        yield
    assert recording.unresolved == set(), "tests/roles/iam_actions.py has no action or resource for these calls"
    if os.environ.get(KEEP_VARIABLE) == "deployments":
        keep(name, recording.calls())
    before, now = ({call.action for call in calls} for calls in (kept(name), recording.calls()))
    assert sorted(now - before) == [], "called, and not in the recording: run `make record-deployments`"
    assert sorted(before - now) == [], "in the recording, and no longer called: run `make record-deployments`"


@contextmanager
def _installed(recording: Recording) -> Iterator[None]:
    start, run = AwsEndpoint.start, Terraform.run

    def start_recording(endpoint: AwsEndpoint) -> None:
        endpoint._server.app = _listening(endpoint._server.app, recording)
        start(endpoint)

    def run_noted(terraform: Terraform, *arguments: str) -> None:
        recording.command = arguments[0] if arguments[0] in COMMANDS else None
        try:
            run(terraform, *arguments)
        finally:
            recording.command = None

    def own_call(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if command := OWN_MODULES.get(_nearest_module()):
            service = model.service_model.signing_name
            recording.note(Call(service, model.name, "", "", context["client_region"], dict(params)), command)

    handler = ("provide-client-params", own_call)
    BUILTIN_HANDLERS.append(handler)
    with (
        patch.object(AwsEndpoint, "start", start_recording),
        patch.object(Terraform, "run", run_noted),
        patch.object(boto3, "DEFAULT_SESSION", None),  # a session has the handlers of the time when it was made
    ):
        try:
            yield
        finally:
            BUILTIN_HANDLERS.remove(handler)


def _nearest_module() -> str:
    """The innermost module of ours that is at work."""
    frame = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if name.startswith(("archive.", "consumers.", "infra.", "producers.")):
            return name
        frame = frame.f_back  # type: ignore[assignment] # None at the end
    return ""


def _listening(application: Callable[..., Any], recording: Recording) -> Callable[..., Any]:
    """A WSGI application that notes what Terraform asks of it; other clients of the endpoint are not a deployment."""

    def listen(environ: dict[str, Any], start_response: Any) -> Any:
        command = recording.command
        if command is not None and "Terraform" in environ.get("HTTP_USER_AGENT", ""):
            length = int(environ.get("CONTENT_LENGTH") or 0)
            body = environ["wsgi.input"].read(length) if length else b""
            environ["wsgi.input"] = io.BytesIO(body)
            try:
                call = call_of(environ, body)
            except LookupError as error:
                recording.unresolved.add(str(error))
            else:
                if call is not None:
                    recording.note(call, command)
        return application(environ, start_response)

    return listen


def kept(name: str) -> set[DeployCall]:
    """The stored recording of a deployment, such as `default`."""
    path = _file_of(name)
    return {_of_line(line) for line in path.read_text().splitlines()} if path.exists() else set()


def keep(name: str, calls: Iterable[DeployCall]) -> None:
    """Replace the stored recording."""
    _file_of(name).write_text("".join(f"{call.to_line()}\n" for call in sorted(calls)))


def _file_of(name: str) -> Path:
    return DATA / f"deploy_calls_{name}.jsonl"


def _of_line(line: str) -> DeployCall:
    command, action, resource, context = json.loads(line)
    return DeployCall(command, action, resource, json.dumps(context, sort_keys=True))
