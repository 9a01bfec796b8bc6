"""What intake must have taken in, from what it said: for a store that is rolled forward (ADR 0008). Pure.

Leads, identities, dedupe keys and counts come back. Raw bodies, what was put into quarantine, and the answers kept
under Idempotency-Keys since the backup do not: nobody was told of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from baton.contracts import LeadErased, LeadReceived, LeadUpdated
from baton.intake.domain.elements import NATIVE, Rules
from baton.intake.domain.keys import identities
from baton.intake.domain.person import Person, Retold
from baton.runtime.handler import Decision, Heard


def adopt(person: Person, said: Sequence[Heard], rules: Rules, now: datetime) -> Decision[Person]:
    """Return the person as the facts describe him; what else is known of each stands in `retold`, to be kept."""
    for fact in said:
        if isinstance(fact.body, LeadErased):
            break  # the last word, and no element: what is kept of the person is wiped
        keys: tuple[str, ...] = ()
        if isinstance(fact.body, LeadReceived | LeadUpdated):
            person, keys = _posted(person, fact.body, now), _identities(fact.body, rules)
        assert fact.cause is not None  # the dedupe key of the element it was
        retold = Retold(fact.cause, fact.id, person.source or NATIVE, keys)
        person = replace(person, retold=(*person.retold, retold))
    return Decision(person)


def _posted(person: Person, lead: LeadReceived | LeadUpdated, now: datetime) -> Person:
    is_first = person.created_at is None
    return replace(
        person,
        source=lead.source if is_first else person.source,
        external_id=person.external_id or lead.external_id,
        is_test=lead.is_test,
        contact=lead.contact.model_dump(exclude_none=True),
        properties=lead.properties,
        as_of=max(filter(None, (person.as_of, lead.occurred_at))),
        created_at=now if is_first else person.created_at,
        updated_at=now,
    )


def _identities(lead: LeadReceived | LeadUpdated, rules: Rules) -> tuple[str, ...]:
    source = rules.sources.find(lead.source)
    system = source.external_system if source else lead.source
    return identities(system, lead.external_id, lead.contact.email, lead.contact.phone)
