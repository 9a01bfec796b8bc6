"""The OpenAPI document of a service: who may call, every status a route answers with, and bodies that are read raw.

No status is left to a `default`: a client sees what to expect, and tests see an answer that nobody announced.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from http import HTTPStatus
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.openapi.utils import get_openapi
from fastapi.routing import RouteContext, iter_route_contexts
from starlette.routing import BaseRoute

from baton.runtime.http.access import Requires
from baton.runtime.http.bodies import DEFS
from baton.runtime.http.problem import PROBLEM_JSON

PROBLEM_SCHEMA = {
    "type": "object",
    "description": "What is wrong, as problem details (RFC 9457).",
    "required": ["type", "status", "title"],
    "properties": {
        "type": {"type": "string"},
        "status": {"type": "integer"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "description": "Each fault of the body, at a JSON pointer (RFC 6901), or of the query.",
            "items": {"type": "object", "additionalProperties": {"type": "string"}},
        },
    },
}
_OF_GUARDED = (401, 403, 503)
_OF_BODIES = (400, 408, 413, 415, 422)
_OF_PATHS = (404, 422)


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return what a route gives as `responses` for problems that only it answers with, beyond those of its kind."""
    return {status: _problem(status) for status in statuses}


def needs_of(route: RouteContext) -> tuple[Requires, ...]:
    """Return the scopes a route asks for; empty for one that is open to everybody."""
    dependant: Dependant | None = getattr(route, "dependant", None)
    return tuple(_needs(dependant)) if dependant else ()


def methods_at(routes: Sequence[BaseRoute], path: str) -> set[str]:
    """Return the methods that some route takes at this path; where a path stands as it is, only its own."""
    there = [route for route in iter_route_contexts(routes) if route.methods and route.path_regex.match(path)]
    own = [route for route in there if route.path == path]
    return {method for route in own or there for method in route.methods or ()}


def _needs(dependant: Dependant) -> Iterator[Requires]:
    if isinstance(dependant.call, Requires):
        yield dependant.call
    for inner in dependant.dependencies:
        yield from _needs(inner)


def describe(title: str, version: str, routes: Sequence[BaseRoute]) -> dict[str, Any]:
    """Return the document of these routes."""
    document = get_openapi(title=title, version=version, routes=routes)
    components = document.setdefault("components", {})
    schemas = components.setdefault("schemas", {})
    for route in iter_route_contexts(routes):
        for method in route.methods or ():
            operation = document["paths"].get(route.path_format, {}).get(method.lower())
            if operation is not None:
                _complete(operation, needs_of(route), schemas)
    for never_sent in ("HTTPValidationError", "ValidationError"):
        schemas.pop(never_sent, None)
    schemas["Problem"] = PROBLEM_SCHEMA
    components["securitySchemes"] = {"bearer": {"type": "http", "scheme": "bearer"}}
    return document


def _complete(operation: dict[str, Any], needs: Iterable[Requires], schemas: dict[str, Any]) -> None:
    schemas.update(operation.pop(DEFS, {}))
    # FastAPI announces its own shape of errors under 422, which we never send.
    said = {status: answer for status, answer in operation["responses"].items() if status != "422"}
    wanted = {str(status): _problem(status) for status in _statuses(operation, bool(tuple(needs)))}
    if _is_problem(operation["responses"].get("422", {})):
        wanted["422"] = _problem(422)
    operation["responses"] = dict(sorted((wanted | said).items()))
    operation["security"] = [{"bearer": []}] if any(True for _ in needs) else []
    if scopes := " and ".join(str(need) for need in needs):
        operation["description"] = f"{operation.get('description', '')}\n\nScope: {scopes}.".strip()


def _statuses(operation: dict[str, Any], is_guarded: bool) -> set[int]:
    """What any route of this kind may answer with."""
    parameters = operation.get("parameters", [])
    found = {421}
    if is_guarded:
        found.update(_OF_GUARDED)
    if "requestBody" in operation:
        found.update(_OF_BODIES)
    if parameters:
        found.update((400, 422))
    if any(one["in"] == "path" for one in parameters):
        found.update(_OF_PATHS)
    return found


def _is_problem(answer: dict[str, Any]) -> bool:
    return PROBLEM_JSON in answer.get("content", {})


def _problem(status: int) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": HTTPStatus(status).phrase, "content": {PROBLEM_JSON: {"schema": schema}}}
