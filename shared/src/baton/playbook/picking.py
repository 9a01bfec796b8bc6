"""One value of one element: found by path, name or CEL, and made what the mapping says it is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from html import unescape
from typing import Any, Final

import orjson
from cel_expr_python import cel

from baton.playbook.moments import moment
from baton.playbook.names import Leaf, Names, folded, is_filled, leaves_of, named
from baton.playbook.paths import Path, Place, parse_path
from baton.playbook.sources import ActivityPick, ElementMapping, Pairs, Pick

SAFE_INTEGERS: Final = range(-(2**53) + 1, 2**53)
"""What every reader of JSON keeps exactly. Ids beyond it become text."""

_FIELD = re.compile(r"\belement\.(\w+)")
_OTHERWISE_READ = re.compile(r"\bbody\b|\belement\b(?!\.\w+\b(?!\s*\())")
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"")
_DENIED = re.compile(r"!\s*\(|\?")
_ABSENCE_COUNTS = re.compile(r"!(?!=)|\?|\b(?:true|false|null)\b")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS = {"s": 1.0, "ms": 1000.0}


class MappingFault(ValueError):
    """An element has something that cannot be what the mapping says it is.

    The message names the field, never the value.
    """


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it came from: the path, name or CEL as the playbook has it."""

    value: Any = None
    origin: str = ""


NOTHING: Final = Found()


@dataclass
class Program:
    """Compiled CEL. Only what it names is handed to it: a large body is not carried over for every element."""

    text: str
    compiled: cel.Expression

    @cached_property
    def needs(self) -> tuple[frozenset[str], ...]:
        """Sets of fields of the element: without any of one of them this cannot be true."""
        text = _QUOTED.sub("''", self.text)
        is_and = "||" not in text and _DENIED.search(text) is None
        parts = text.split("&&") if is_and else [text]
        plain = [part for part in parts if not _ABSENCE_COUNTS.search(part) and not _OTHERWISE_READ.search(part)]
        return tuple(frozenset(found) for part in plain if (found := _FIELD.findall(part)))

    def holds(self, element: Any, body: Any) -> bool:
        """Whether it is true of the element. A thousand empty ones asked by eight conditions would take 60 ms."""
        fields: Mapping[str, Any] = element if isinstance(element, Mapping) else {}
        if any(needed.isdisjoint(fields) for needed in self.needs):
            return False
        return self.value(element, body) is True

    def value(self, element: Any, body: Any) -> Any:
        """The plain value; None where the expression cannot be computed, for a sender promises no field."""
        given = {"element": element if "element" in self.text else None, "body": body if "body" in self.text else None}
        try:
            result = self.compiled.eval(data=given)
            if result.type() in (cel.Type.ERROR, cel.Type.UNKNOWN):
                return None
            value = result.plain_value()
            orjson.dumps(value)
        except (RuntimeError, ValueError, TypeError, OverflowError):
            return None
        return value


@dataclass
class Reader:
    """Reads picks from one element, and remembers what it took."""

    element: Any
    body: Any
    mapping: ElementMapping
    programs: Mapping[str, Program]
    strip: re.Pattern[str] | None = None
    taken: set[Place] = field(default_factory=set)
    taken_names: set[str] = field(default_factory=set)

    @cached_property
    def names(self) -> Names:
        """What can be asked for by name: the pairs where the mapping has any, else the element or its `names_in`."""
        leaves = [leaf for pairs in self.mapping.pairs for leaf in _asked(pairs, self.element)]
        for path in self.mapping.names_in:
            for root, inner in parse_path(path).places(self.element):
                leaves += [replace(leaf, place=root + leaf.place) for leaf in leaves_of(inner)]
        if not self.mapping.pairs and not self.mapping.names_in:
            leaves = leaves_of(self.element)
        return Names(leaves, self.strip)

    def rest(self) -> list[Leaf]:
        """What has a name and was not taken, neither whole nor in part, nor anything else of that name."""
        partly = {place[:length] for place in self.taken for length in range(1, len(place) + 1)}
        return [
            replace(leaf, label=self.names.label(leaf))
            for leaf in self.names.left(self.taken_names)
            if leaf.place not in partly
        ]

    def find(self, pick: Pick | None, element: Any = None) -> Found:
        """What the pick finds, in its own words and type; without value where there is nothing."""
        if pick is None:
            return NOTHING
        found = self._origin(pick, self.element if element is None else element)
        value = _worked(pick, found.value)
        if value is None:
            return Found(pick.default, "default") if pick.default is not None else NOTHING
        return Found(exact(value), found.origin)

    def pick(self, pick: Pick | None, element: Any = None) -> Any:
        """The value alone."""
        return self.find(pick, element).value

    def text(self, pick: Pick | None) -> str | None:
        """The value as text."""
        return text_of(self.pick(pick))

    def time(self, pick: Pick | None) -> str | None:
        """A time as ISO 8601 in UTC, also where the pick does not say that it is one."""
        value = self.pick(pick)
        return None if value is None else time_of("iso", value)

    def values(self, picks: Mapping[str, Pick]) -> dict[str, Any]:
        """The values that are there, by name."""
        return present({name: self.pick(pick) for name, pick in picks.items()})

    def activities(self, pick: ActivityPick) -> list[dict[str, Any]]:
        """One activity for each place of the pick at which something was done."""
        places = parse_path(pick.each).all(self.element) if pick.each else [self.element]
        found = []
        for place in places:
            kind = text_of(self.pick(pick.kind, place))
            at = self.pick(pick.occurred_at, place)
            one = {
                "kind": kind,
                "what": text_of(self.pick(pick.what, place)),
                "occurred_at": None if at is None else time_of("iso", at),
                "value": self.pick(pick.value, place),
            }
            if kind is not None:
                found.append(present(one))
        return found

    def _origin(self, pick: Pick, element: Any) -> Found:
        if pick.const is not None:
            return Found(pick.const, "const")
        if pick.cel is not None:
            return Found(self.programs[pick.cel].value(element, self.body), pick.cel)
        if pick.named:
            return self._named(pick)
        paths = [parse_path(text) for text in ((pick.path,) if pick.path is not None else pick.first_of)]
        return self._many(paths, element) if pick.many else self._first(paths, element)

    def _named(self, pick: Pick) -> Found:
        for name in pick.named:
            leaf = self.names.find(name)
            if leaf is not None:
                self.taken.add(leaf.place)
                self.taken_names.add(folded(name))
                return Found(leaf.value, leaf.label)
        return NOTHING

    def _first(self, paths: Sequence[Path], element: Any) -> Found:
        for path in paths:
            for place, value in path.places(element):
                if is_filled(value):
                    self.taken.add(place)
                    return Found(value, path.text)
        return NOTHING

    def _many(self, paths: Sequence[Path], element: Any) -> Found:
        found: list[Any] = []
        for path in paths:
            for place, value in path.places(element):
                self.taken.add(place)
                # A field sent once is a value and sent twice a list; asked for many, both are a list of values.
                found += [one for one in (value if isinstance(value, list) else [value]) if is_filled(one)]
        return Found(found, ", ".join(path.text for path in paths)) if found else NOTHING


def _asked(pairs: Pairs, element: Any) -> list[Leaf]:
    """A leaf for each pair that has a name and a value."""
    questions = _questions(pairs, element)
    found = []
    for place, pair in parse_path(pairs.each).places(element):
        labels = [text for path in pairs.key if (text := text_of(parse_path(path).first(pair)))]
        if not pairs.key and place:
            labels = [str(place[-1])]
        if pairs.questions is not None:
            labels += questions.get(text_of(parse_path(pairs.questions.named_by).first(pair)) or "", [])
        if pairs.under is not None:
            labels = [f"{pairs.under}.{label}" for label in labels]
        leaf = named(labels, _answer(pairs, pair), place)
        if leaf is not None and leaf.value is not None:
            found.append(leaf)
    return found


def _answer(pairs: Pairs, pair: Any) -> Any:
    values = (value for path in pairs.value for value in parse_path(path).all(pair))
    value = next((value for value in values if is_filled(value) and not isinstance(value, Mapping)), None)
    if pairs.split is not None and isinstance(value, str):
        return [part.strip() for part in value.split(pairs.split) if part.strip()] or None
    return value


def _questions(pairs: Pairs, element: Any) -> dict[str, list[str]]:
    """What each question is called, by its id."""
    found: dict[str, list[str]] = {}
    if pairs.questions is not None:
        for question in parse_path(pairs.questions.each).all(element):
            id_ = text_of(parse_path(pairs.questions.id).first(question))
            name = text_of(parse_path(pairs.questions.name).first(question))
            if id_ and name:
                found.setdefault(id_, []).append(name)
    return found


def _worked(pick: Pick, value: Any) -> Any:
    """The value after everything the pick says beyond where it is from."""
    if value is None:
        return None
    if isinstance(value, str):
        value = _cut(pick, value)
    if pick.join is not None and isinstance(value, list):
        value = pick.join.join(filter(None, map(text_of, value))) or None
    if pick.values and value is not None:
        value = _translated(pick, value)
    return value if pick.time is None or value is None else time_of(pick.time, value)


def _cut(pick: Pick, text: str) -> Any:
    if pick.unescape:
        text = unescape(text)
    if pick.after is not None:
        text = text.rpartition(pick.after)[2] if pick.after in text else ""
    if pick.before is not None:
        text = text.partition(pick.before)[0]
    if pick.split is None:
        return text.strip() or None
    return [part.strip() for part in text.split(pick.split) if part.strip()] or None


def _translated(pick: Pick, value: Any) -> Any:
    words = {word.strip().casefold(): given for word, given in pick.values.items()}
    says_otherwise = "otherwise" in pick.model_fields_set

    def one(item: Any) -> Any:
        word = (text_of(item) or "").casefold()
        return words.get(word, pick.otherwise if says_otherwise else item)

    if isinstance(value, list):
        return [given for given in map(one, value) if given is not None] or None
    return one(value)


def exact(value: Any) -> Any:
    """The value; whole numbers that not every reader of JSON keeps exactly, as text."""
    if isinstance(value, int) and value not in SAFE_INTEGERS:
        return str(value)
    return [exact(item) for item in value] if isinstance(value, list) else value


def time_of(kind: str, value: Any) -> str:
    """The time as ISO 8601, UTC. Raises MappingFault."""
    if kind in _TICKS and not isinstance(value, bool):
        try:
            at: datetime | None = _EPOCH + timedelta(seconds=float(value) / _TICKS[kind])
        except (TypeError, ValueError, OverflowError):
            at = None
    else:
        at = _iso(value)
    if at is None:
        raise MappingFault(f"a time ({kind}) is not one")
    return at.isoformat().replace("+00:00", "Z")


def _iso(value: Any) -> datetime | None:
    try:
        return moment(value)
    except OverflowError:
        return None


def text_of(value: Any) -> str | None:
    """Numbers and truths become text, a list its elements with commas between; an object is no text."""
    if value is None or isinstance(value, Mapping):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(filter(None, map(text_of, value))) or None
    return str(value).strip() or None


def present(values: Mapping[str, Any]) -> dict[str, Any]:
    """What is there."""
    return {name: value for name, value in values.items() if value is not None}
