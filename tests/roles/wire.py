"""Which operation of AWS an HTTP request is, and with which parameters, by botocore's models."""

import functools
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl, unquote
from xml.etree import ElementTree as ET

import botocore.session

# The names that sign requests, where botocore calls the service otherwise.
SERVICES: Final = {"monitoring": "cloudwatch"}
_CREDENTIAL: Final = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an API.

    Args:
        service: the name that signs it.
        operation: as the API names it.
        method: of HTTP.
        path: of the URL, as sent.
        region: it is signed for.
        parameters: by their names in the API; members of an XML body by theirs in it.
    """

    service: str
    operation: str
    method: str
    path: str
    region: str
    parameters: dict[str, Any]


def call_of(environ: Mapping[str, Any], body: bytes) -> Call | None:
    """The call that a WSGI request is; None where nobody signed it.

    Raises:
        LookupError: no operation of the service looks like it.
    """
    credential = _CREDENTIAL.search(environ.get("HTTP_AUTHORIZATION", ""))
    if credential is None:
        return None
    region, service = credential.groups()
    path = environ.get("RAW_URI", environ["PATH_INFO"]).partition("?")[0]
    model = "apigatewayv2" if service == "apigateway" and path.startswith("/v2/") else service
    operation, parameters = _operation(model, environ, path, body)
    return Call(service, operation, environ["REQUEST_METHOD"], path, region, parameters)


def _operation(service: str, environ: Mapping[str, Any], path: str, body: bytes) -> tuple[str, dict[str, Any]]:
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return target.rpartition(".")[2], json.loads(body or b"{}")
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        query = dict(parse_qsl(body.decode(), keep_blank_values=True))
        return query.pop("Action"), _nested(query)
    return _by_path(service, environ, path, body)


def _by_path(service: str, environ: Mapping[str, Any], path: str, body: bytes) -> tuple[str, dict[str, Any]]:
    """The operation whose method, path and fixed part of the query fit best."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    found: list[tuple[int, int, str, dict[str, Any]]] = []
    for template in _templates(service):
        labels = template.pattern.fullmatch(path.rstrip("/") or "/")
        if template.method != environ["REQUEST_METHOD"] or labels is None:
            continue
        if all(key in query and (not value or value in query[key]) for key, value in template.query.items()):
            named = {template.names.get(name, name): unquote(value) for name, value in labels.groupdict().items()}
            found.append((len(template.query), -len(named), template.operation, named))
    if not found:
        raise LookupError(
            f"{service}: no operation for {environ['REQUEST_METHOD']} {path}?{environ.get('QUERY_STRING')}"
        )
    *_, operation, parameters = max(found, key=lambda each: (each[0], each[1]))
    first = {name: values[0] for name, values in query.items()}
    members = _members(service, operation)
    parameters |= {members.get(name, name): value for name, value in first.items()}
    return operation, parameters | _body(body, members)


def _body(body: bytes, members: Mapping[str, str]) -> dict[str, Any]:
    if body.startswith(b"{"):
        return {members.get(name, name): value for name, value in json.loads(body).items()}
    if body.startswith(b"<"):
        return {"Xml": {element.tag.rpartition("}")[2]: element.text for element in ET.fromstring(body).iter()}}  # noqa: S314 (from Terraform)
    return {}


@dataclass(frozen=True, slots=True)
class _Template:
    operation: str
    method: str
    pattern: re.Pattern[str]
    query: dict[str, str]
    names: dict[str, str]  # of labels, by the group that matches them


@functools.cache
def _templates(service: str) -> list[_Template]:
    model = _model(service)
    templates = []
    for operation in model.operation_names:
        http = model.operation_model(operation).http
        path, _, query = http["requestUri"].partition("?")
        names: dict[str, str] = {}
        pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", functools.partial(_label, names), re.escape(path.rstrip("/") or "/"))
        fixed = {name: values[0] for name, values in parse_qs(query, keep_blank_values=True).items()}
        templates.append(_Template(operation, http["method"], re.compile(pattern), fixed, names))
    return templates


def _label(names: dict[str, str], match: re.Match[str]) -> str:
    group = f"label{len(names)}"
    names[group] = match[1]
    return f"(?P<{group}>{'.+' if match[2] else '[^/]+'})"


@functools.cache
def _members(service: str, operation: str) -> dict[str, str]:
    """The names of parameters, by those on the wire."""
    shape = _model(service).operation_model(operation).input_shape
    found = {} if shape is None else shape.members
    return {str(member.serialization.get("name", name)): name for name, member in found.items()}


@functools.cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(SERVICES.get(service, service))


def _nested(query: Mapping[str, str]) -> dict[str, Any]:
    """The query protocol's `Tags.member.1.Key` as lists and mappings."""
    tree: dict[str, Any] = {}
    for name, value in query.items():
        at = tree
        *folders, last = [part for part in name.split(".") if part != "member"]
        for folder in folders:
            at = at.setdefault(folder, {})
        at[last] = value
    return {name: _lists(value) for name, value in tree.items()}


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    if all(name.isdigit() for name in value):
        return [_lists(value[name]) for name in sorted(value, key=int)]
    return {name: _lists(each) for name, each in value.items()}


def strings(value: Any) -> Iterator[tuple[str, str]]:
    """Every string of some parameters, at any depth, with the name of the member that holds it."""
    if isinstance(value, dict):
        for name, each in value.items():
            if isinstance(each, str):
                yield name, each
            else:
                yield from strings(each)
    elif isinstance(value, list):
        for each in value:
            yield from strings(each)
