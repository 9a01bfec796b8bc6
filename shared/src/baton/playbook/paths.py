"""Paths into bodies: `contact.fields.core.email.value`, `"mautic.form_on_submit"[]`, `contact.fields.*.phone.value`.

Keys are separated by dots; a key with a dot, bracket or quote in it is put in double quotes. `[]` goes through every
element of a list (a single object counts as a list of one), `[0]` takes one element, `[name=email]` those whose `name`
is `email` (compared without case; `EMA*` is a beginning), `*` tries every value of an object or a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Annotated

from pydantic import AfterValidator, StringConstraints


class Wild(Enum):
    """The two steps that may lead to several places."""

    EACH = "[]"
    ANY = "*"


@dataclass(frozen=True)
class Where:
    """The elements of a list in which the keys lead to this word."""

    keys: tuple[str, ...]
    word: str

    def holds(self, element: object) -> bool:
        """Whether the element says so."""
        for key in self.keys:
            element = element.get(key) if isinstance(element, Mapping) else None
        if element is None or isinstance(element, Mapping | list):
            return False
        said = str(element).strip().casefold()
        return said.startswith(self.word[:-1]) if self.word.endswith("*") else said == self.word


Step = str | int | Wild | Where
Place = tuple[str | int, ...]
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_TOKEN = re.compile(
    rf'"(?P<quoted>(?:[^"\\]|\\.)*)"|\[(?P<index>\d{{0,6}})\]'
    rf'|\[(?P<key_is>[^\[\]"=]+)=(?P<word>{_QUOTED}|[^\[\]"]+)\]|(?P<key>[^.\[\]"]+)'
)


class PathError(ValueError):
    """The text is not a path; says where."""


@dataclass(frozen=True)
class Path:
    """A parsed path."""

    text: str
    steps: tuple[Step, ...]

    def all(self, body: object) -> list[object]:
        """Everything the path leads to, in document order; absent parts and nulls lead nowhere."""
        return [found for _, found in _follow(self.steps, body, ()) if found is not None]

    def first(self, body: object) -> object | None:
        """The first thing the path leads to, or None."""
        return next((found for _, found in _follow(self.steps, body, ()) if found is not None), None)

    def places(self, body: object) -> Iterator[tuple[Place, object]]:
        """Everything the path leads to, with the place where it stands."""
        return ((place, found) for place, found in _follow(self.steps, body, ()) if found is not None)

    def put(self, body: object, value: object) -> int:
        """Put `value` in everything's place; return how many places that were. The body itself has none."""
        places = [place for place, _ in self.places(body) if place]
        for place in places:
            inside: object = body
            for step in place[:-1]:
                inside = inside[step]  # type: ignore[index]
            inside[place[-1]] = value  # type: ignore[index]
        return len(places)


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Raises PathError with the column at which the text stops being a path."""
    steps: list[Step] = []
    at = 0
    while at < len(text):
        if steps and text[at] == ".":
            at += 1
        elif steps and text[at] != "[":
            raise PathError(f"{text!r} is not a path: expected . or [ at character {at + 1}")
        token = _TOKEN.match(text, at)
        if token is None:
            raise PathError(f"{text!r} is not a path: expected a key at character {at + 1}")
        steps.append(_step(token))
        at = token.end()
    if not steps:
        raise PathError("an empty path leads nowhere")
    return Path(text, tuple(steps))


def _is_path(text: str) -> str:
    parse_path(text)
    return text


PathText = Annotated[str, StringConstraints(min_length=1, max_length=300), AfterValidator(_is_path)]
"""A path as it stands in YAML."""


def _step(token: re.Match[str]) -> Step:
    quoted, index, key = token.group("quoted", "index", "key")
    if quoted is not None:
        return _unquoted(quoted)
    if index is not None:
        return int(index) if index else Wild.EACH
    if token["word"] is not None:
        word = token["word"]
        said = _unquoted(word[1:-1]) if word.startswith('"') else word
        return Where(tuple(token["key_is"].split(".")), said.strip().casefold())
    return Wild.ANY if key == "*" else key


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _follow(steps: tuple[Step, ...], value: object, place: Place) -> Iterator[tuple[Place, object]]:
    if not steps:
        yield place, value
        return
    for way, next_value in _one(steps[0], value):
        yield from _follow(steps[1:], next_value, place + way)


def _one(step: Step, value: object) -> Iterator[tuple[Place, object]]:
    match step:
        case Wild.EACH:
            yield from _elements(value)
        case Where():
            yield from (found for found in _elements(value) if step.holds(found[1]))
        case Wild.ANY:
            yield from _values(value) if isinstance(value, Mapping) else _elements(value)
        case str() if isinstance(value, Mapping):
            if step in value:
                yield (step,), value[step]
        case int() if _is_list(value) and step < len(value):  # type: ignore[arg-type]
            yield (step,), value[step]  # type: ignore[index]


def _values(value: Mapping[str, object]) -> Iterator[tuple[Place, object]]:
    for key, item in value.items():
        yield (key,), item


def _elements(value: object) -> Iterator[tuple[Place, object]]:
    """The elements of a list; a single object is a list of one, and stands where it stands."""
    if isinstance(value, Mapping):
        yield (), value
    elif _is_list(value):
        for index, item in enumerate(value):  # type: ignore[arg-type, var-annotated]
            yield (index,), item


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
