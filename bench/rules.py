"""What a lead costs routing with ten rules and with ten thousand: rule, rotation, trace and fact, without the store."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime
from typing import Any

from baton.contracts import Contact, DefinitionRef, LeadQualified, Score
from baton.playbook import Playbook, RoutingRule, load
from baton.routing.decide import decide_lead
from baton.routing.desk import Desk
from baton.routing.domain.books import Books
from baton.routing.domain.house import House
from baton.routing.domain.lead import Lead
from baton.routing.domain.roster import Roster
from baton.routing.service import rep_of
from baton.runtime.handler import Heard
from bench.table import Row, paired
from bench.world import ROOT

LEADS = 300
NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SEGMENTS = ("small", "middle", "large", "public")


def measure(pairs: int) -> list[Row]:
    """Return µs a lead with 10,000 rules, beside the same leads with ten, in alternation."""
    few, many = _desk(10), _desk(10_000)
    leads = [_heard(number) for number in range(LEADS)]
    _run(few, leads[:50])
    _run(many, leads[:50])
    found = [(_run(many, leads), _run(few, leads)) for _ in range(pairs)]
    return [paired("routing, 10 → 10,000 rules, a lead", "µs", "≤ 2 ×", found)]


def _desk(rules: int) -> Desk:
    book = load(ROOT / "deploy" / "playbook")
    routing = book.routing.model_copy(update={"rules": (*(_rule(n) for n in range(rules - 1)), book.routing.rules[-1])})
    house = House(Playbook(book.models.model_copy(update={"routing": routing})))
    reps = book.roster.reps if book.roster else ()
    return Desk(house, Books(0, Roster.of(1, map(rep_of, reps))), NOW)


def _rule(number: int) -> RoutingRule:
    """Half of them territories by postal range, half segments and products of a country."""
    match: dict[str, Any] = {"country": (f"C{number % 40}",)}
    if number % 2:
        match["postal_code"] = (f"{10_000 + number * 8}-{10_000 + number * 8 + 7}",)
    else:
        match |= {"segment": (SEGMENTS[number // 40 % 4],), "product": (f"product {number // 160}",)}
    return RoutingRule(id=f"r{number}", label=f"Rule {number}", match=match, pool="everybody", policy="standard")


def _heard(number: int) -> Heard:
    chance = random.Random(number)
    contact = Contact(
        email=f"{number}@firm.example",
        country=f"C{chance.randrange(40)}",
        postal_code=str(10_000 + chance.randrange(80_000)),
    )
    fields = {"segment": chance.choice(SEGMENTS), "product": f"product {chance.randrange(63)}"}
    body = LeadQualified(
        round=1,
        score=Score(total=50),
        temperature="warm",
        definition=DefinitionRef(label="bench", playbook="bench"),
        source="web",
        contact=contact,
        fields=fields,
        qualified_at=NOW,
        caused_at=NOW,
    )
    return Heard(f"e{number}", body.type, f"lead-{number}", "scoring", 1, NOW, NOW, body)


def _run(desk: Desk, leads: list[Heard]) -> float:
    books = desk.books
    started = time.process_time()
    for cause in leads:
        decision = decide_lead(Lead(lead_id=cause.subject), Desk(desk.house, books, NOW), cause)
        books = decision.books or books
    return (time.process_time() - started) / len(leads) * 1e6
