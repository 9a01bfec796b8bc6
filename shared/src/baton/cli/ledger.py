"""The ledger identity: every lead intake took in has exactly one fate by the other services' books. Pure.

Leads taken in = nurtured + disqualified + held + routed + accepted + opportunity + won + lost + junk + merged + erased
+ test + parked + in flight. While a round is open, or sales ended it, routing's fate counts, else scoring's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import merge
from itertools import groupby
from typing import Any

IN_FLIGHT = "in flight"
FATES = (
    "nurtured", "disqualified", "held", "routed", "accepted", "opportunity", "won", "lost", "junk",
    "merged", "erased", "test", "parked", IN_FLIGHT,
)  # fmt: skip
BY_INTAKE = frozenset({"merged", "erased"})
BY_SCORING = frozenset({"nurtured", "disqualified"})
WHILE_OPEN = frozenset({"held", "routed", "accepted", "opportunity"})
ENDED_BY_SALES = frozenset({"won", "lost", "junk"})

Entry = Mapping[str, Any]
"""One line of a service's ledger: `lead_id`, `fate`, `round` where rounds are counted; intake says `is_test`."""


@dataclass
class Balance:
    """How the books compare."""

    fates: Counter[str] = field(default_factory=Counter)
    leads: int = 0
    faults: dict[str, str] = field(default_factory=dict)
    """Lead id to what is wrong: no fate yet, two fates, or unknown to intake. All may be only a matter of time."""

    @property
    def adds_up(self) -> bool:
        """Every lead taken in stands in one column."""
        return sum(self.fates.values()) == self.leads


def balance(ledgers: Mapping[str, Iterable[Entry]], parked: Iterable[str]) -> Balance:
    """Compare the ledgers, each sorted by lead id, in one pass and constant memory.

    `ledgers` maps a service's name to its entries; `parked` holds the leads some service has put aside.
    """
    result, aside = Balance(), frozenset(parked)
    for lead_id, entries in _by_lead(ledgers):
        if "intake" not in entries:
            result.faults[lead_id] = f"unknown to intake, yet {' and '.join(sorted(entries))} know it"
            continue
        result.leads += 1
        fate, fault = fate_of(entries, lead_id in aside)
        result.fates[fate] += 1
        if fault:
            result.faults[lead_id] = fault
    return result


def unacknowledged(erased: Mapping[str, frozenset[str]]) -> dict[str, str]:
    """The leads that intake has erased and others have not wiped yet: lead id to who has not.

    `erased` maps a service's name to the leads whose erasure it has acknowledged.
    """
    found: dict[str, list[str]] = {}
    for service, wiped in sorted(erased.items()):
        for lead_id in erased["intake"] - wiped:
            found.setdefault(lead_id, []).append(service)
    return {lead_id: f"erased, and not wiped by {' and '.join(names)}" for lead_id, names in found.items()}


def fate_of(entries: Mapping[str, Entry], is_parked: bool) -> tuple[str, str | None]:
    """The one fate of a lead, and what is wrong if it has none or more than one."""
    intake = entries["intake"]
    if intake.get("fate") == "merged":
        return _merged(entries)
    if intake.get("fate") in BY_INTAKE:
        return str(intake["fate"]), None
    if intake.get("is_test"):
        return "test", None
    if is_parked:
        return "parked", None
    fate, fault = _judged(entries.get("scoring"), entries.get("routing"))
    if fault is None and (contradiction := _contradicted(fate, entries.get("reporting"))):
        return IN_FLIGHT, contradiction
    return fate, fault


def _merged(entries: Mapping[str, Entry]) -> tuple[str, str | None]:
    """Merged by intake, and by everybody else who knows the lead."""
    for name in ("scoring", "routing", "reporting"):
        told = entries.get(name)
        if told is not None and told["fate"] != "merged":
            return IN_FLIGHT, f"two fates: merged by intake, {told['fate']} by {name}"
    return "merged", None


def _judged(scoring: Entry | None, routing: Entry | None) -> tuple[str, str | None]:
    judged = str(scoring["fate"]) if scoring else None
    owned = str(routing["fate"]) if routing else None
    if judged is None or judged == "open":
        return IN_FLIGHT, "received, and not judged by scoring"
    if owned in ENDED_BY_SALES and not _behind(routing, scoring):
        return owned, None
    if judged in BY_SCORING:
        if owned in WHILE_OPEN:
            return IN_FLIGHT, f"two fates: {judged} by scoring, {owned} by routing"
        return judged, None
    return _handed_over(judged, owned, _behind(routing, scoring))


def _handed_over(judged: str, owned: str | None, routing_is_behind: bool) -> tuple[str, str | None]:
    if judged != "qualified":
        return IN_FLIGHT, f"scoring gives it a fate nobody knows: {judged}"
    if owned is None or routing_is_behind:
        return IN_FLIGHT, "qualified, and neither routed nor held"
    if owned in WHILE_OPEN:
        return owned, None
    return IN_FLIGHT, f"qualified by scoring, {owned} by routing: scoring has not closed the round"


def _behind(routing: Entry | None, scoring: Entry | None) -> bool:
    """Whether routing has yet to hear of the round scoring has opened."""
    if routing is None or scoring is None:
        return True
    return scoring["fate"] == "qualified" and int(routing.get("round") or 0) < int(scoring.get("round") or 0)


def _contradicted(fate: str, reporting: Entry | None) -> str | None:
    if reporting is None:
        return f"{fate}, and reporting has not heard of it"
    told = str(reporting["fate"])
    return None if told == fate else f"two fates: {fate}, and {told} by reporting"


def _by_lead(ledgers: Mapping[str, Iterable[Entry]]) -> Iterator[tuple[str, dict[str, Entry]]]:
    streams = [_named(name, entries) for name, entries in ledgers.items()]
    in_order = merge(*streams, key=lambda item: item[:2])
    for lead_id, group in groupby(in_order, key=lambda item: item[0]):
        yield lead_id, {name: entry for _, name, entry in group}


def _named(name: str, entries: Iterable[Entry]) -> Iterator[tuple[str, str, Entry]]:
    before = ""
    for entry in entries:
        lead_id = str(entry["lead_id"])
        if lead_id <= before:
            raise ValueError(f"the ledger of {name} is not sorted: {lead_id} after {before}")
        before = lead_id
        yield lead_id, name, entry
