"""From a body to what stands in it: the mapping of sources.yaml at work, on JSON, forms and CSV rows alike.

    mapper = Mapper(source)
    for taken in mapper.take(read_json(raw)):
        taken.post      # the element in the shape of the native API, or None with taken.fault saying why

Pure: the same body gives the same posts anywhere. One element that cannot be mapped never sinks its neighbours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import orjson
from cel_expr_python import cel

from baton.playbook.conditions import element_environment
from baton.playbook.moments import moment
from baton.playbook.paths import Path, parse_path
from baton.playbook.sources import ActivityPick, ElementMapping, Gives, LeadReference, Pick, Source

MAX_ELEMENTS: Final = 20_000
"""More than any platform posts at once; a mapping that multiplies a body beyond it is a mistake."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TRUE, _FALSE = frozenset({"true", "yes", "y", "1", "on"}), frozenset({"false", "no", "n", "0", "off", ""})
_NUMBERS = frozenset({("status", "value"), ("answer", "confidence")})
_FREE = frozenset({("activity", "value"), ("answer", "value"), ("status", "details")})
_TICKS = {"s": 1.0, "ms": 1000.0}


class MappingFault(ValueError):
    """An element has something that cannot be what the mapping says it is.

    The message names the field, never the value.
    """


@dataclass(frozen=True, slots=True)
class Taken:
    """One element of a body, taken by one mapping.

    `post` has the shape of the native API's bodies. `key` is the mapping's own key against duplicates: None where
    it has none.
    """

    mapping: str
    gives: Gives
    element: Any
    post: dict[str, Any] | None
    key: str | None = None
    fault: str | None = None


class Mapper:
    """All mappings of one source, compiled.

    Raises RuntimeError if its CEL is not CEL (the playbook's check finds that first).
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        environment = element_environment()
        self._mappings = [_Compiled(source, mapping, environment) for mapping in source.mapping]

    def take(self, body: Any) -> list[Taken]:
        """What the mappings take out of `body`, mapping by mapping, in the order of the body."""
        taken: list[Taken] = []
        for mapping in self._mappings:
            taken += mapping.take(body)
            if len(taken) > MAX_ELEMENTS:
                raise MappingFault(f"more than {MAX_ELEMENTS} elements in one body")
        return taken


class _Compiled:
    def __init__(self, source: Source, mapping: ElementMapping, environment: cel.Env) -> None:
        self._source = source
        self._mapping = mapping
        self._each = parse_path(mapping.each) if mapping.each else None
        self._when = environment.compile(mapping.when) if mapping.when else None
        self._programs = {text: environment.compile(text) for text in _cel_texts(mapping)}

    def take(self, body: Any) -> list[Taken]:
        elements = self._each.all(body) if self._each else [body]
        return [self._one(element, body) for element in elements if self._wants(element, body)]

    def _wants(self, element: Any, body: Any) -> bool:
        return self._when is None or _eval(self._when, element, body) is True

    def _one(self, element: Any, body: Any) -> Taken:
        reader = _Reader(element, body, self._programs)
        mapping = self._mapping
        try:
            post = self._lead(reader) if mapping.gives == "lead" else self._other(reader)
            key = self._key(reader)
        except MappingFault as fault:
            return Taken(mapping.id, mapping.gives, element, None, fault=f"mapping {mapping.id}: {fault}")
        return Taken(mapping.id, mapping.gives, element, post, key)

    def _key(self, reader: _Reader) -> str | None:
        parts = [_text(reader.pick(pick)) or "" for pick in self._mapping.dedupe]
        return ":".join(parts) if any(parts) else None

    def _lead(self, reader: _Reader) -> dict[str, Any]:
        mapping = self._mapping
        post: dict[str, Any] = {
            "source": self._source.id,
            "event_id": reader.text(mapping.event_id),
            "external_id": reader.text(mapping.external_id),
            "occurred_at": reader.time(mapping.occurred_at),
            "is_test": _truth(reader.pick(mapping.is_test)),
            "contact": {name: reader.text(pick) for name, pick in mapping.contact.items()},
            "properties": reader.values(mapping.properties),
            "answers": reader.values(mapping.answers),
            "consent": {name: reader.text(pick) for name, pick in mapping.consent.items()},
            "activity": [one for pick in mapping.activity for one in reader.activities(pick)],
        }
        return _present({**post, "contact": _present(post["contact"]), "consent": _present(post["consent"])})

    def _other(self, reader: _Reader) -> dict[str, Any]:
        mapping = self._mapping
        assert mapping.lead is not None
        fields = {name: self._field(name, reader.pick(pick)) for name, pick in mapping.fields.items()}
        post = {
            "lead": _reference(reader, mapping.lead),
            "event_id": reader.text(mapping.event_id),
            "occurred_at": reader.time(mapping.occurred_at),
            **fields,
        }
        return _present(post)

    def _field(self, name: str, value: Any) -> Any:
        place = (self._mapping.gives, name)
        if place in _NUMBERS:
            return _number(name, value)
        return value if place in _FREE else _text(value)


class _Reader:
    """Reads picks from one element."""

    def __init__(self, element: Any, body: Any, programs: Mapping[str, cel.Expression]) -> None:
        self._element = element
        self._body = body
        self._programs = programs

    def pick(self, pick: Pick | None, element: Any = None) -> Any:
        """What the pick finds, in its own words and type; None where there is nothing."""
        if pick is None:
            return None
        value = _cut(pick, self._origin(pick, self._element if element is None else element))
        if pick.split is not None and isinstance(value, str):
            value = [part.strip() for part in value.split(pick.split) if part.strip()] or None
        if pick.values and value is not None:
            value = _translated(pick, value)
        if pick.time is not None and value is not None:
            value = _time(pick.time, value)
        return pick.default if value is None else value

    def text(self, pick: Pick | None) -> str | None:
        return _text(self.pick(pick))

    def time(self, pick: Pick | None) -> str | None:
        """A time as ISO 8601 in UTC, also where the pick does not say that it is one."""
        value = self.pick(pick)
        return None if value is None else _time("iso", value)

    def values(self, picks: Mapping[str, Pick]) -> dict[str, Any]:
        return _present({name: self.pick(pick) for name, pick in picks.items()})

    def activities(self, pick: ActivityPick) -> list[dict[str, Any]]:
        places = parse_path(pick.each).all(self._element) if pick.each else [self._element]
        found = []
        for place in places:
            kind = _text(self.pick(pick.kind, place))
            at = self.pick(pick.occurred_at, place)
            one = {
                "kind": kind,
                "what": _text(self.pick(pick.what, place)),
                "occurred_at": None if at is None else _time("iso", at),
                "value": self.pick(pick.value, place),
            }
            if kind is not None:
                found.append(_present(one))
        return found

    def _origin(self, pick: Pick, element: Any) -> Any:
        if pick.const is not None:
            return pick.const
        if pick.cel is not None:
            return _eval(self._programs[pick.cel], element, self._body)
        paths = [parse_path(text) for text in ((pick.path,) if pick.path is not None else pick.first_of)]
        if pick.many:
            return [value for path in paths for found in _filled(path, element) for value in _values(found)] or None
        return next((value for path in paths for value in _filled(path, element)), None)


def _filled(path: Path, element: Any) -> list[Any]:
    return [value for value in path.all(element) if not (isinstance(value, str) and not value.strip())]


def _values(found: Any) -> list[Any]:
    """A field sent once is a value and sent twice a list; asked for many, both are a list of values."""
    return found if isinstance(found, list) else [found]


def _eval(program: cel.Expression, element: Any, body: Any) -> Any:
    """The plain value; None where the expression cannot be computed, for a sender promises no field."""
    try:
        result = program.eval(data={"element": element, "body": body})
        if result.type() in (cel.Type.ERROR, cel.Type.UNKNOWN):
            return None
        value = result.plain_value()
        orjson.dumps(value)
    except (RuntimeError, ValueError, TypeError, OverflowError):
        return None
    return value


def _cut(pick: Pick, value: Any) -> Any:
    """What stands after one text and before another, such as the id at the end of a URN."""
    if not isinstance(value, str):
        return value
    if pick.after is not None:
        value = value.rpartition(pick.after)[2] if pick.after in value else ""
    if pick.before is not None:
        value = value.partition(pick.before)[0]
    return value.strip() or None


def _translated(pick: Pick, value: Any) -> Any:
    words = {word.strip().casefold(): given for word, given in pick.values.items()}
    says_otherwise = "otherwise" in pick.model_fields_set

    def one(item: Any) -> Any:
        word = (_text(item) or "").casefold()
        return words.get(word, pick.otherwise if says_otherwise else item)

    if isinstance(value, list):
        return [given for given in map(one, value) if given is not None] or None
    return one(value)


def _time(kind: str, value: Any) -> str:
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


def _text(value: Any) -> str | None:
    """Numbers and truths become text, a list its elements with commas between; an object is no text."""
    if value is None or isinstance(value, Mapping):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(filter(None, map(_text, value))) or None
    return str(value).strip() or None


def _number(name: str, value: Any) -> float | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        raise MappingFault(f"{name} is not a number") from None


def _truth(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    word = (_text(value) or "").casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise MappingFault("is_test is neither true nor false")


def _reference(reader: _Reader, lead: LeadReference) -> dict[str, str] | None:
    system, identity, email = reader.text(lead.system), reader.text(lead.id), reader.text(lead.email)
    if system and identity:
        return {"system": system, "id": identity}
    if email:
        return {"email": email}
    raise MappingFault("the lead it is about is not named")


def _present(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _cel_texts(mapping: ElementMapping) -> set[str]:
    picks = [mapping.event_id, mapping.external_id, mapping.occurred_at, mapping.is_test, *mapping.dedupe]
    for group in (mapping.contact, mapping.properties, mapping.answers, mapping.consent, mapping.fields):
        picks += group.values()
    for activity in mapping.activity:
        picks += [activity.kind, activity.what, activity.occurred_at, activity.value]
    if mapping.lead is not None:
        picks += [mapping.lead.system, mapping.lead.id, mapping.lead.email]
    return {pick.cel for pick in picks if pick is not None and pick.cel is not None}
