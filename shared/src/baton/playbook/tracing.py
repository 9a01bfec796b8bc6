"""How a mapping came to what it made: each field with its value and where that was found, and what was left over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from baton.playbook.mapping import Compiled, Mapper, Settled, Taken, picks_of
from baton.playbook.names import is_filled
from baton.playbook.paths import Place
from baton.playbook.picking import MappingFault, Reader

MAX_LEFT: Final = 200


@dataclass(frozen=True, slots=True)
class Field:
    """A field of what was made."""

    name: str
    value: Any
    origin: str
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Traced:
    """One element, what was made of it, and how."""

    taken: Taken
    fields: tuple[Field, ...]
    left: tuple[tuple[str, Any], ...]
    """What stands in the element and was not used: its path and its value."""


def traced(mapper: Mapper, body: Any) -> list[Traced]:
    """What the mappings take out of the body, as `Mapper.take` does, each with its story."""
    settled: Settled = {}
    found = [_traced(mapping, reader) for mapping in mapper.mappings for reader in mapping.readers(body, settled)]
    return found + [
        Traced(taken, (), tuple((_text(place), value) for place, value in _leaves((), taken.element))[:MAX_LEFT])
        for taken in mapper.left(body, [one.taken for one in found])
    ]


def _traced(mapping: Compiled, reader: Reader) -> Traced:
    taken = mapping.read(reader)
    fields = tuple(_fields(mapping, reader, taken))
    kept = {leaf.place for leaf in reader.rest()} if mapping.mapping.rest else set()
    told = " ".join(field.origin for field in fields)
    left = [
        (_text(place), value)
        for place, value in _leaves((), reader.element)
        if not _was_used(place, reader.taken | kept) and f"element.{_text(place)}" not in told
    ]
    return Traced(taken, fields, tuple(left[:MAX_LEFT]))


def _fields(mapping: Compiled, reader: Reader, taken: Taken) -> Iterator[Field]:
    if taken.gives == "nothing":
        return
    for place, pick in picks_of(mapping.mapping):
        name = ".".join(map(str, place))
        try:
            found = reader.find(pick)
        except MappingFault as fault:
            yield Field(name, None, pick.path or "", str(fault))
        else:
            if found.value is not None and not (place[0] == "consent" and not (taken.post or {}).get("consent")):
                yield Field(name, found.value, found.origin)
    yield from _rest(reader, taken)


def _rest(reader: Reader, taken: Taken) -> Iterator[Field]:
    made = (taken.post or {}).get("properties", {})
    for leaf in reader.rest() if reader.mapping.rest else ():
        if leaf.label[:100] in made:
            yield Field(f"properties.{leaf.label}", leaf.value, "rest")


def _was_used(place: Place, used: set[Place]) -> bool:
    return any(place[:length] in used for length in range(1, len(place) + 1))


def _leaves(place: Place, value: Any) -> Iterator[tuple[Place, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves((*place, key), item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves((*place, index), item)
    elif is_filled(value):
        yield place, value


def _text(place: Place) -> str:
    """The place as a path one can copy into the playbook."""
    text = ""
    for step in place:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            plain = step and not any(mark in step for mark in '.[]"*=')
            text += ("." if text else "") + (step if plain else '"' + step.replace('"', '\\"') + '"')
    return text
