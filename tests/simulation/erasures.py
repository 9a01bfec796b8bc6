"""What must be true of people who were erased: every service has wiped them, and nothing of what they said is left."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.simulation.facts import Fact
from tests.simulation.world import SERVICES, World

_WORD = re.compile(r"qzx[0-9a-f]{15}")
_OF_THE_PAST = ("journal", "told", "decision", "delivery")
"""Tables that keep what was said and decided then. Who was taken apart from another again stays in what was said of the
other while they were one person (docs/privacy.md): there, and in no state."""
_TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name"


def erased_by(world: World, service: str) -> set[str]:
    """The leads whose erasure this service acknowledges."""
    rows = world.databases[service].rows("SELECT subject FROM subject WHERE erased_at IS NOT NULL")
    return {row[0] for row in rows}


def kept_of_the_erased(world: World, facts: list[Fact]) -> Iterator[str]:
    """Yield whom a service has not wiped, and where a word stands that was posted of somebody erased.

    All tables of all services are read whole: states, journals, pages, bodies, quarantine, what is parked, timers.
    """
    gone = erased_by(world, "intake")
    if not gone:
        return
    for service in SERVICES[1:]:
        yield from (f"{lead} was erased and not by {service}" for lead in sorted(gone - erased_by(world, service)))
    words, of_others = words_of(facts, gone), _words_while_they_were_one(facts, gone)
    for service in SERVICES:
        for (table,) in world.databases[service].rows(_TABLES):
            left = (_words_in(world, service, table) & words.keys()) - (of_others if table in _OF_THE_PAST else set())
            yield from sorted(f"{service}.{table} keeps a word of {words[word]}, who was erased" for word in left)


def words_of(facts: list[Fact], leads: set[str]) -> dict[str, str]:
    """Every word that was posted of these leads; what one absorbed was posted of another."""
    found = {}
    for fact in facts:
        is_own = fact.body.get("absorbed") is None and fact.body.get("restored") is None
        if fact.source == "intake" and fact.record.key in leads and is_own:
            found.update(dict.fromkeys(_WORD.findall(fact.record.value.decode()), fact.record.key))
    return found


def _words_while_they_were_one(facts: list[Fact], gone: set[str]) -> set[str]:
    """Words in facts about leads that had absorbed another, were parted from it, and are not erased."""
    parted = {fact.record.key for fact in facts if fact.type == "lead.updated" and fact.body.get("restored")} - gone
    told = (fact.record.value.decode() for fact in facts if fact.record.key in parted)
    return {word for text in told for word in _WORD.findall(text)}


def _words_in(world: World, service: str, table: str) -> set[str]:
    rows = world.databases[service].rows(f"SELECT * FROM {table}")
    cells = (cell for row in rows for cell in row if isinstance(cell, str | bytes))
    texts = (cell.decode(errors="replace") if isinstance(cell, bytes) else cell for cell in cells)
    return {word for text in texts for word in _WORD.findall(text)}
