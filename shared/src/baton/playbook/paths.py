"""Paths into bodies: `contact.fields.core.email.value`, `"mautic.form_on_submit"[]`, `contact.fields.*.phone.value`.

Keys are separated by dots; a key with a dot, bracket or quote in it is put in double quotes. `[]` goes through every
element of a list (a single object counts as a list of one), `[0]` takes one element, `[name=email]` those whose
`name` is `email`, `*` tries every value of an object or a list.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache


class Wild(Enum):
    """The two steps that may lead to several places."""

    EACH = "[]"
    ANY = "*"


@dataclass(frozen=True)
class Where:
    """The step to the elements of a list that have this text under that key."""

    key: str
    word: str

    def holds(self, element: object) -> bool:
        """Whether the element is an object with the word under the key; numbers count as their text."""
        value = element.get(self.key) if isinstance(element, Mapping) else None
        return isinstance(value, str | int) and str(value) == self.word


Step = str | int | Wild | Where
_TOKEN = re.compile(
    r'"(?P<quoted>(?:[^"\\]|\\.)*)"|\[(?P<index>\d{0,6})\]|(?P<key>[^.\[\]"]+)'
    r'|\[(?P<where>[^\[\]="]+)=(?P<word>[^\[\]"]+)\]'
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
        return [found for found in _follow(self.steps, body) if found is not None]

    def first(self, body: object) -> object | None:
        """The first thing the path leads to, or None."""
        return next((found for found in _follow(self.steps, body) if found is not None), None)


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


def _step(token: re.Match[str]) -> Step:
    quoted, index, where, word, key = token.group("quoted", "index", "where", "word", "key")
    if quoted is not None:
        return re.sub(r"\\(.)", r"\1", quoted)
    if where is not None:
        return Where(where.strip(), word.strip())
    if index is not None:
        return int(index) if index else Wild.EACH
    return Wild.ANY if key == "*" else key


def _follow(steps: tuple[Step, ...], value: object) -> Iterator[object]:
    if not steps:
        yield value
        return
    for next_value in _one(steps[0], value):
        yield from _follow(steps[1:], next_value)


def _one(step: Step, value: object) -> Iterator[object]:
    match step:
        case Wild.EACH:
            yield from _elements(value)
        case Wild.ANY:
            yield from value.values() if isinstance(value, Mapping) else _elements(value)
        case Where():
            yield from filter(step.holds, _elements(value))
        case str() if isinstance(value, Mapping):
            if step in value:
                yield value[step]
        case int() if _is_list(value) and step < len(value):  # type: ignore[arg-type]
            yield value[step]  # type: ignore[index]


def _elements(value: object) -> Iterator[object]:
    if isinstance(value, Mapping):
        yield value
    elif _is_list(value):
        yield from value  # type: ignore[misc]


def _is_list(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)
