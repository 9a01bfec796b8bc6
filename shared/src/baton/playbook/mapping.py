"""From a body to what stands in it: the mapping of sources.yaml at work, on JSON, forms and CSV rows alike.

    mapper = Mapper(source)
    for taken in mapper.take(read_json(raw)):
        taken.post      # the element in the shape of the native API, or None with taken.fault saying why

Pure: the same body gives the same posts anywhere. One element that cannot be mapped never sinks its neighbours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cel_expr_python import cel

from baton.playbook.conditions import element_environment
from baton.playbook.fetching import safe_id
from baton.playbook.names import folded
from baton.playbook.paths import parse_path
from baton.playbook.picking import MappingFault, Program, Reader, exact, present, text_of
from baton.playbook.sources import ElementMapping, Gives, LeadReference, Pick, Source

__all__ = ["MAX_ELEMENTS", "Compiled", "Mapper", "MappingFault", "Taken", "picks_of"]

MAX_ELEMENTS: Final = 20_000
"""More than any platform posts at once; a mapping that multiplies a body beyond it is a mistake."""

MAX_REST: Final = 200
"""Properties that `rest` makes of one element; forms have tens of fields."""

_TRUE, _FALSE = frozenset({"true", "yes", "y", "1", "on"}), frozenset({"false", "no", "n", "0", "off", ""})
_NUMBERS = frozenset({("status", "value"), ("answer", "confidence")})
_FREE = frozenset({("activity", "value"), ("answer", "value"), ("status", "details")})


@dataclass(frozen=True, slots=True)
class Taken:
    """One element of a body, taken by one mapping.

    `post` has the shape of the native API's bodies, None with a fault; of a `fetch` `{fetch, id}`, of `nothing`
    `{reason}` with the record's own id as `lead`, where that is to be known as the lead's. `lead_id` is our own id,
    where the CRM keeps it. `key` is the mapping's own key against duplicates: None where it has none. `mapping` is
    empty where none took the element.
    """

    mapping: str
    gives: Gives
    element: Any
    post: dict[str, Any] | None
    key: str | None = None
    fault: str | None = None
    lead_id: str | None = None


class Mapper:
    """All mappings of one source for what is posted, or for what is fetched as the thing `of`; compiled.

    Raises RuntimeError if its CEL is not CEL (the playbook's check finds that first).
    """

    def __init__(self, source: Source, of: str | None = None) -> None:
        self.source = source
        environment = element_environment()
        self.mappings = [Compiled(source, mapping, environment) for mapping in source.mapping if mapping.of == of]
        self._everything = [parse_path(path) for path in source.elements] if of is None else []

    def take(self, body: Any) -> list[Taken]:
        """What the mappings take out of `body`, mapping by mapping, in the order of the body.

        An element of which nothing is to come is not shown to the mappings below that look in the same place; nor is
        one that a mapping above has taken shown to a mapping that gives nothing.
        """
        taken: list[Taken] = []
        settled: Settled = {}
        for mapping in self.mappings:
            taken += mapping.take(body, settled)
            if len(taken) > MAX_ELEMENTS:
                raise MappingFault(f"more than {MAX_ELEMENTS} elements in one body")
        return taken + self.left(body, taken)

    def left(self, body: Any, taken: Sequence[Taken]) -> list[Taken]:
        """What stands where the source says that everything does, and no mapping has taken: beside what one has."""
        if not taken:
            return []
        known = {id(one.element) for one in taken}
        left = [found for path in self._everything for found in path.all(body) if id(found) not in known]
        return [Taken("", "lead", found, None, fault="no mapping of the source takes it") for found in left]


Settled = dict[tuple[str | None, int], bool]
"""Which elements have been taken, by where they stand; true where they mean nothing."""


class Compiled:
    """One mapping, ready to be used."""

    def __init__(self, source: Source, mapping: ElementMapping, environment: cel.Env) -> None:
        self.mapping = mapping
        self._source = source
        self._each = parse_path(mapping.each) if mapping.each else None
        self._when = Program(mapping.when, environment.compile(mapping.when)) if mapping.when else None
        self._programs = {text: Program(text, environment.compile(text)) for text in _cel_texts(mapping)}
        self._strip = re.compile(mapping.strip_names) if mapping.strip_names else None
        self._drop = {folded(name) for name in mapping.drop if not name.endswith("*")}
        self._drop_beginnings = tuple(name[:-1].casefold() for name in mapping.drop if name.endswith("*"))

    def take(self, body: Any, settled: Settled | None = None) -> list[Taken]:
        """What this mapping takes out of `body`, except what is `settled`."""
        return [self.read(reader) for reader in self.readers(body, settled)]

    def readers(self, body: Any, settled: Settled | None = None) -> Iterator[Reader]:
        """A reader for each element the mapping is meant for; notes in `settled` which those are."""
        settled = {} if settled is None else settled
        means_nothing = self.mapping.gives == "nothing"
        for number, element in enumerate(self._each.all(body) if self._each else [body]):
            place = (self.mapping.each, number)
            if settled.get(place) or (means_nothing and place in settled):
                continue
            if not (self._when is None or self._when.holds(element, body)):
                continue
            settled[place] = means_nothing
            yield Reader(element, body, self.mapping, self._programs, self._strip)

    def read(self, reader: Reader) -> Taken:
        """What becomes of one element."""
        mapping = self.mapping
        try:
            post = self._post(reader)
            key = self._key(reader)
            lead_id = reader.text(mapping.lead.lead_id) if mapping.lead else None
        except MappingFault as fault:
            return Taken(mapping.id, mapping.gives, reader.element, None, fault=f"mapping {mapping.id}: {fault}")
        return Taken(mapping.id, mapping.gives, reader.element, post, key, lead_id=lead_id)

    def _post(self, reader: Reader) -> dict[str, Any]:
        match self.mapping.gives:
            case "lead":
                return self._lead(reader)
            case "fetch":
                return self._fetch(reader)
            case "nothing":
                return self._nothing(reader)
        return self._other(reader)

    def _key(self, reader: Reader) -> str | None:
        parts = [text_of(reader.pick(pick)) or "" for pick in self.mapping.dedupe]
        return ":".join(parts) if any(parts) else None

    def _lead(self, reader: Reader) -> dict[str, Any]:
        mapping = self.mapping
        post: dict[str, Any] = {
            "source": self._source.id,
            "event_id": reader.text(mapping.event_id),
            "external_id": reader.text(mapping.external_id),
            "occurred_at": reader.time(mapping.occurred_at),
            "is_test": _truth(reader.pick(mapping.is_test)),
            "contact": present({name: reader.text(pick) for name, pick in mapping.contact.items()}),
            "properties": reader.values(mapping.properties),
            "answers": reader.values(mapping.answers),
            "consent": self._consent(reader),
            "activity": [one for pick in mapping.activity for one in reader.activities(pick)],
        }
        if mapping.rest:
            post["properties"] = {**self._rest(reader), **post["properties"]}
        return present(post)

    def _consent(self, reader: Reader) -> dict[str, str]:
        """What was agreed to. Where the mapping names a purpose and there is none, nothing was."""
        given = present({name: reader.text(pick) for name, pick in self.mapping.consent.items()})
        return {} if "purpose" in self.mapping.consent and "purpose" not in given else given

    def _rest(self, reader: Reader) -> dict[str, Any]:
        """Everything with a name that nothing else of this mapping took."""
        rest: dict[str, Any] = {}
        for leaf in reader.rest():
            if not self._is_dropped(leaf.label) and len(rest) < MAX_REST:
                rest.setdefault(leaf.label[:100], exact(leaf.value))
        return rest

    def _is_dropped(self, label: str) -> bool:
        return folded(label) in self._drop or label.casefold().startswith(self._drop_beginnings)

    def _other(self, reader: Reader) -> dict[str, Any]:
        mapping = self.mapping
        assert mapping.lead is not None
        fields = {name: self._field(name, reader.pick(pick)) for name, pick in mapping.fields.items()}
        post = {
            "lead": _reference(reader, mapping.lead),
            "event_id": reader.text(mapping.event_id),
            "occurred_at": reader.time(mapping.occurred_at),
            **fields,
        }
        return present(post)

    def _fetch(self, reader: Reader) -> dict[str, Any]:
        id_ = safe_id(reader.text(self.mapping.external_id))
        if id_ is None:
            raise MappingFault("external_id is no id of something that could be fetched")
        return present({"fetch": self.mapping.fetch, "id": id_, "occurred_at": reader.time(self.mapping.occurred_at)})

    def _nothing(self, reader: Reader) -> dict[str, Any]:
        lead = self.mapping.lead
        return present({"reason": self.mapping.reason or "nothing", "lead": _named(reader, lead) if lead else None})

    def _field(self, name: str, value: Any) -> Any:
        place = (self.mapping.gives, name)
        if place in _NUMBERS:
            return _number(name, value)
        return value if place in _FREE else text_of(value)


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
    word = (text_of(value) or "").casefold()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise MappingFault("is_test is neither true nor false")


def _reference(reader: Reader, lead: LeadReference) -> dict[str, str]:
    named = _named(reader, lead)
    if named is not None:
        return named
    if lead_id := reader.text(lead.lead_id):
        return {"lead_id": lead_id}
    raise MappingFault("the lead it is about is not named")


def _named(reader: Reader, lead: LeadReference) -> dict[str, str] | None:
    system, identity, email = reader.text(lead.system), reader.text(lead.id), reader.text(lead.email)
    if system and identity:
        return {"system": system, "id": identity}
    return {"email": email} if email else None


def picks_of(mapping: ElementMapping) -> Iterator[tuple[tuple[str | int, ...], Pick]]:
    """Every pick of a mapping, with its place in the playbook."""
    for name in ("event_id", "external_id", "occurred_at", "is_test"):
        yield from _given((name,), getattr(mapping, name))
    for index, pick in enumerate(mapping.dedupe):
        yield ("dedupe", index), pick
    for group in ("contact", "properties", "answers", "consent", "fields"):
        picks: Mapping[str, Pick] = getattr(mapping, group)
        yield from (((group, name), pick) for name, pick in picks.items())
    for index, activity in enumerate(mapping.activity):
        for name in ("kind", "what", "occurred_at", "value"):
            yield from _given(("activity", index, name), getattr(activity, name))
    for name in ("lead_id", "system", "id", "email"):
        yield from _given(("lead", name), getattr(mapping.lead, name, None))


def _given(place: tuple[str | int, ...], pick: Pick | None) -> Iterator[tuple[tuple[str | int, ...], Pick]]:
    if pick is not None:
        yield place, pick


def _cel_texts(mapping: ElementMapping) -> set[str]:
    return {pick.cel for _, pick in picks_of(mapping) if pick.cel is not None}
