"""`${…}`: CEL in the texts of targets.yaml, and the JSON that is made of it. Pure.

    template = Template({"LastName": "${crm.last_name | 80}"})
    template.render(names)                  # {"LastName": "Krüger"}

A text that is one placeholder keeps the type of its value; in a longer one values are written as text. `| 80` behind an
expression cuts a text to so many characters. What cannot be computed, because the fact does not have it, is null.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

from cel_expr_python import cel

NAMES = ("fact", "data", "crm", "record")
"""What an expression may name: the fact's envelope, its data, the usual fallbacks for a CRM, what its answers gave."""

_CUT = re.compile(r"(?<!\|)\|\s*(\d{1,5})\s*$")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'')
DEEPEST = 20


class TemplateFault(ValueError):
    """A template that cannot be read, or whose result cannot be sent; says which part."""


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`${…}`: the expression, and the most characters of its text."""

    expression: str
    most: int | None


def pieces(text: str) -> list[str | Placeholder]:
    """Return a text's literal parts and placeholders in order. Raises TemplateFault for one that is not closed."""
    found: list[str | Placeholder] = []
    at = 0
    while (start := text.find("${", at)) >= 0:
        end = _closing(text, start + 2)
        if start > at:
            found.append(text[at:start])
        found.append(_placeholder(text[start + 2 : end]))
        at = end + 1
    if at < len(text) or not text:
        found.append(text[at:])
    return found


def _closing(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        if quoted := _QUOTED.match(text, at):
            at = quoted.end()
            continue
        if text[at] == "{":
            depth += 1
        elif text[at] == "}":
            if depth == 0:
                return at
            depth -= 1
        at += 1
    raise TemplateFault("a ${ without its }")


def _placeholder(inside: str) -> Placeholder:
    cut = _CUT.search(inside)
    expression = (inside[: cut.start()] if cut else inside).strip()
    if not expression:
        raise TemplateFault("nothing stands in ${}")
    return Placeholder(expression, int(cut[1]) if cut else None)


def environment() -> cel.Env:
    """Where the expressions of targets.yaml are checked and run: nothing has a type, as in JSON."""
    return cel.NewEnv(variables=dict.fromkeys(NAMES, cel.Type.DYN))


def texts_of(tree: Any, loc: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text in a tree of JSON, with its place. Raises TemplateFault for a tree deeper than 20."""
    if len(loc) > DEEPEST:
        raise TemplateFault(f"a body is at most {DEEPEST} deep")
    if isinstance(tree, str):
        yield loc, tree
    elif isinstance(tree, Mapping):
        for name, value in tree.items():
            yield from texts_of(value, (*loc, name))
    elif isinstance(tree, list | tuple):
        for number, value in enumerate(tree):
            yield from texts_of(value, (*loc, number))


class Expression:
    """A CEL expression over the names of a delivery."""

    def __init__(self, text: str, env: cel.Env) -> None:
        try:
            self._program = env.compile(text)
        except (RuntimeError, ValueError) as fault:
            raise TemplateFault(f"{text[:100]!r} is not CEL: {str(fault).splitlines()[0]}") from fault

    def value(self, names: Mapping[str, Any]) -> Any:
        """What it says; None where it cannot be computed."""
        result = self._program.eval(data=dict(names))
        return None if result.type() == cel.Type.ERROR else _json(result.plain_value())


def _json(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, bytes | bytearray | timedelta):
        raise TemplateFault("an expression gives bytes or a duration, which JSON does not have")
    if isinstance(value, Mapping):
        return {str(name): _json(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_json(one) for one in value]
    return value


class Template:
    """A tree of JSON with placeholders in its texts, compiled. Raises TemplateFault if one cannot be read."""

    def __init__(self, tree: Any, env: cel.Env, *, nulls: bool = False) -> None:
        self._programs = {
            piece.expression: Expression(piece.expression, env)
            for _, text in texts_of(tree)
            for piece in pieces(text)
            if isinstance(piece, Placeholder)
        }
        self._tree = tree
        self._nulls = nulls

    def render(self, names: Mapping[str, Any]) -> Any:
        """The tree with every placeholder replaced. Objects have no nulls unless they were asked for."""
        return self._rendered(self._tree, names)

    def _rendered(self, tree: Any, names: Mapping[str, Any]) -> Any:
        if isinstance(tree, str):
            return self._text(tree, names)
        if isinstance(tree, Mapping):
            full = {name: self._rendered(value, names) for name, value in tree.items()}
            return full if self._nulls else {name: value for name, value in full.items() if value is not None}
        if isinstance(tree, list | tuple):
            return [value for one in tree if (value := self._rendered(one, names)) is not None or self._nulls]
        return tree

    def _text(self, text: str, names: Mapping[str, Any]) -> Any:
        parts = pieces(text)
        if len(parts) == 1 and isinstance(parts[0], Placeholder):
            return self._value(parts[0], names)
        return "".join(part if isinstance(part, str) else written(self._value(part, names)) for part in parts)

    def path(self, names: Mapping[str, Any]) -> str:
        """A text template as a part of a URL: values are percent-encoded. Raises TemplateFault where one is missing."""
        said = []
        for part in pieces(self._tree):
            if isinstance(part, str):
                said.append(part)
                continue
            value = written(self._value(part, names))
            if not value:
                raise TemplateFault(f"{part.expression!r} has no value, and the URL needs one")
            said.append(quote(value, safe=""))
        return "".join(said)

    def _value(self, part: Placeholder, names: Mapping[str, Any]) -> Any:
        value = self._programs[part.expression].value(names)
        return value[: part.most] if part.most is not None and isinstance(value, str) else value


def written(value: Any) -> str:
    """A value within a text: nothing for null, `true` and `false` as JSON writes them."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
