"""What types cannot say of an endpoint: expressions that compile, names that the facts have, paths that can be read."""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Union, get_args, get_origin

from cel_expr_python import cel
from pydantic import BaseModel

from baton.contracts import FACTS
from baton.playbook.endpoints import Endpoint, Step
from baton.playbook.paths import PathError, parse_path
from baton.playbook.rewrite import plain_tokens
from baton.playbook.templates import Expression, Placeholder, TemplateFault, environment, pieces, texts_of

Fault = tuple[tuple[str | int, ...], str]
"""Where in the endpoint something is wrong, and what."""

CRM_NAMES = ("last_name", "company", "name", "title", "notes", "reasons", "talking_points")
FACT_NAMES = ("id", "type", "lead_id", "time", "sequence", "source")
_MEMBER = re.compile(r"(?<![\w.])(data|crm|fact)((?:\s*\.\s*[A-Za-z_]\w*)+)")
_CALL = re.compile(r"\s*\(")


@cache
def _environment() -> cel.Env:
    return environment()


def faults_of(endpoint: Endpoint) -> Iterator[Fault]:
    """Everything that is wrong with an endpoint that is well formed."""
    if endpoint.when is not None:
        yield from _condition(("when",), endpoint.when, endpoint.facts)
    for name, text in endpoint.headers.items():
        yield from _text(("headers", name), text, endpoint.facts)
    kept: set[str] = set()
    names: set[str] = set()
    for number, step in enumerate(endpoint.steps):
        if step.id in names:
            yield ("steps", number, "id"), f"{step.id!r} is the name of another step"
        names.add(step.id)
        kept |= step.keep.keys()
        for loc, message in _step(step, endpoint.facts):
            yield ("steps", number, *loc), message
    if endpoint.record_id is not None and endpoint.record_id not in kept:
        yield ("record_id",), f"no step keeps {endpoint.record_id!r}"


def _step(step: Step, facts: Sequence[str]) -> Iterator[Fault]:
    if step.when is not None:
        yield from _condition(("when",), step.when, facts)
    yield from _text(("path",), step.path, facts)
    for name, text in step.headers.items():
        yield from _text(("headers", name), text, facts)
    try:
        for loc, text in texts_of(step.body):
            yield from _text(("body", *loc), text, facts)
    except TemplateFault as fault:
        yield ("body",), str(fault)
    if step.method in ("GET", "DELETE") and step.body is not None:
        yield ("body",), f"{step.method} has no body"
    for name, path in step.keep.items():
        try:
            parse_path(path)
        except PathError as fault:
            yield ("keep", name), str(fault)


def _condition(loc: tuple[str | int, ...], text: str, facts: Sequence[str]) -> Iterator[Fault]:
    yield from _expression(loc, text, facts)
    try:
        found = _environment().compile(text).return_type().name()
    except (RuntimeError, ValueError):
        return  # said already
    if found not in ("BOOL", "DYN"):
        yield loc, f"a condition is true or false; this is {found.lower()}"


def _text(loc: tuple[str | int, ...], text: str, facts: Sequence[str]) -> Iterator[Fault]:
    try:
        for piece in pieces(text):
            if isinstance(piece, Placeholder):
                yield from _expression(loc, piece.expression, facts)
    except TemplateFault as fault:
        yield loc, str(fault)


def _expression(loc: tuple[str | int, ...], text: str, facts: Sequence[str]) -> Iterator[Fault]:
    try:
        Expression(text, _environment())
    except TemplateFault as fault:
        yield loc, str(fault)
        return
    outside = {place for root in ("data", "crm", "fact") for place in plain_tokens(text, root)}
    for found in _MEMBER.finditer(text):
        if found.start() in outside:
            names = [name.strip() for name in found[2].split(".")[1:]]
            if _CALL.match(text, found.end()):
                names = names[:-1]  # a method: data.why.map(…)
            if why := _misnamed(found[1], names, facts):
                yield loc, why


def _misnamed(root: str, names: Sequence[str], facts: Sequence[str]) -> str | None:
    if not names:
        return None
    if root != "data":
        own = CRM_NAMES if root == "crm" else FACT_NAMES
        return None if names[0] in own else f"{root} has no {names[0]!r}{_nearest(names[0], own)}"
    models = [FACTS[fact] for fact in facts if fact in FACTS]
    if len(models) < len(facts) or any(_leads_somewhere(model, names) for model in models):
        return None
    known = sorted({name for model in models for name in model.model_fields})
    return f"no fact of this endpoint has data.{'.'.join(names)}{_nearest(names[0], known)}"


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {close[0]!r}?" if close and close[0] != name else ""


def _leads_somewhere(model: type[BaseModel], names: Sequence[str]) -> bool:
    """Whether a fact may have something under these names; within free JSON everything may be."""
    inside: Any = model
    for name in names:
        if not (isinstance(inside, type) and issubclass(inside, BaseModel)):
            return True
        field = inside.model_fields.get(name)
        if field is None:
            return False
        inside = _plain(field.annotation)
    return True


def _plain(annotation: Any) -> Any:
    """The type of a field without `| None`."""
    if get_origin(annotation) in (Union, types.UnionType):
        rest = [one for one in get_args(annotation) if one is not type(None)]
        return rest[0] if len(rest) == 1 else None
    return annotation
