"""Recording which calls a deployment makes: Terraform's at the local endpoint, and our own beside it.

What is kept of a call is what IAM looks at: the action, the resource and the conditions, and in which of Terraform's
commands it was made. Ids that differ from run to run are one and the same.
"""

import io
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

from botocore.handlers import BUILTIN_HANDLERS

from infra.deploy.terraform import Terraform
from infra.local.aws.endpoint import ACCOUNT, AwsEndpoint
from tests.roles.deploy_actions import asked
from tests.roles.iam_actions import Place
from tests.roles.recording import caller_in
from tests.roles.stored import DATA, KEEP_VARIABLE
from tests.roles.wire import Call, call_of

OURS: Final = "infra.deploy"  # whose own calls count as the deployment's
READING: Final = frozenset({"plan", "init", "workspace", "output", "show"})  # commands that change nothing
_STEADY: Final = (
    (
        re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"),
        "00000000-0000-0000-0000-000000000000",
    ),
    (re.compile(r"\bspillway([-_])(local|dev)\b"), r"spillway\1dev"),
    (re.compile(r"(?<=/)[a-z]+-[0-9a-f]{8,17}$"), "id"),
)


@dataclass(frozen=True, slots=True, order=True)
class DeployCall:
    """A call of a deployment.

    Args:
        action: of IAM.
        resource: its ARN, or `*`.
        context: condition keys and values, as JSON.
        reading: whether a command that changes nothing makes it.
    """

    action: str
    resource: str
    context: str
    reading: bool

    def to_line(self) -> str:
        """It as one line of JSON."""
        return json.dumps([self.action, self.resource, json.loads(self.context), "plan" if self.reading else "apply"])


@dataclass
class Recording:
    """The calls of one deployment, from its first plan to its end."""

    calls: set[DeployCall] = field(default_factory=set)
    unresolved: set[str] = field(default_factory=set)
    command: str = "plan"

    def note(self, call: Call) -> None:
        """Keep one call."""
        try:
            found = list(asked(call, Place(call.region, ACCOUNT)))
        except LookupError as error:
            self.unresolved.add(f"{call.service}:{call.operation}: {error}")
            return
        for action, resource, context in found:
            text = _steady(json.dumps(context, sort_keys=True))
            self.calls.add(DeployCall(action, _steady(resource), text, self.command in READING))


def _steady(text: str) -> str:
    for pattern, replacement in _STEADY:
        text = pattern.sub(replacement, text)
    return text


@contextmanager
def recorded() -> Iterator[Recording]:
    """Record what deployments of this process call while the block lasts."""
    recording = Recording()
    start, run = AwsEndpoint.start, Terraform.run

    def start_recording(endpoint: AwsEndpoint) -> None:
        endpoint._server.app = _listening(endpoint._server.app, recording)
        start(endpoint)

    def run_noted(terraform: Terraform, *arguments: str) -> None:
        before, recording.command = recording.command, arguments[0]
        try:
            run(terraform, *arguments)
        finally:
            recording.command = before

    def own_call(params: dict[str, Any], model: Any, context: dict[str, Any], **_: Any) -> None:
        if caller_in(OURS) and not caller_in("infra.local"):
            service = model.service_model.signing_name
            recording.note(Call(service, model.name, "", "", context["client_region"], dict(params)))

    handler = ("provide-client-params", own_call)
    BUILTIN_HANDLERS.append(handler)
    with patch.object(AwsEndpoint, "start", start_recording), patch.object(Terraform, "run", run_noted):
        try:
            yield recording
        finally:
            BUILTIN_HANDLERS.remove(handler)


BOUNDARY: Final = f"arn:aws:iam::{ACCOUNT}:policy/spillway-boundary"


@contextmanager
def compared(name: str) -> Iterator[None]:
    """Hold what is called while the block lasts to the recording of that name, or replace that (`make record-calls`).

    The deployment gets the boundary of the delivery, without which an apply role may not make a role.
    """
    with patch.dict(os.environ, {"TF_VAR_permissions_boundary": BOUNDARY}), recorded() as recording:
        try:
            yield
        finally:
            if os.environ.get(KEEP_VARIABLE) == "deployments":
                keep(name, recording.calls)
    assert recording.unresolved == set(), "tests/roles/iam_actions.py knows no action or resource for these"
    before = kept(name)
    assert sorted(recording.calls - before) == [], "called, and not recorded; run `make record-calls`"
    assert sorted(before - recording.calls) == [], "recorded, and called no more; run `make record-calls`"


def _listening(application: Callable[..., Any], recording: Recording) -> Callable[..., Any]:
    def listen(environ: dict[str, Any], start_response: Any) -> Any:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        call = call_of(environ, body)
        if call is not None:
            recording.note(call)
        return application(environ, start_response)

    return listen


def file_of(name: str) -> Path:
    """Where the recording of one deployment is kept, such as `default`."""
    return DATA / f"deploy_calls_{name}.jsonl"


def kept(name: str) -> set[DeployCall]:
    """The recording that the tests of roles judge by."""
    return {_of_line(line) for line in file_of(name).read_text().splitlines()}


def keep(name: str, calls: Iterable[DeployCall]) -> None:
    """Replace it."""
    file_of(name).write_text("".join(f"{call.to_line()}\n" for call in sorted(calls)))


def _of_line(line: str) -> DeployCall:
    action, resource, context, command = json.loads(line)
    return DeployCall(action, resource, json.dumps(context, sort_keys=True), command == "plan")
