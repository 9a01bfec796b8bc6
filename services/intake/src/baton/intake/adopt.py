"""What intake must have taken in, from what it said: for a store that is rolled forward (ADR 0008). Pure.

Leads, identities, dedupe keys and counts come back. Raw bodies, what was put into quarantine, and the answers kept
under Idempotency-Keys since the backup do not: nobody was told of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from baton.contracts import LeadErased, LeadMerged, LeadReceived, LeadUpdated
from baton.intake.domain.elements import NATIVE, Rules
from baton.intake.domain.keys import identities
from baton.intake.domain.merging import layer_of
from baton.intake.domain.person import OWN, RESTORED, Person, Retold
from baton.runtime.handler import Decision, Heard


def adopt(person: Person, said: Sequence[Heard], rules: Rules, now: datetime) -> Decision[Person]:
    """Return the person as the facts describe him; what else is known of each stands in `retold`, to be kept."""
    for fact in said:
        if isinstance(fact.body, LeadErased):
            break  # the last word, and no element: what is kept of the person is wiped
        if (merge := _merge(person, fact.body)) is not None:
            into = _merged_into(fact.body)
            person = replace(merge, updated_at=now, retold=(*merge.retold, Retold("", fact.id, "", into=into)))
            continue
        keys: tuple[str, ...] = ()
        if isinstance(fact.body, LeadReceived | LeadUpdated):
            person, keys = _posted(person, fact.body, now), _identities(fact.body, rules)
        assert fact.cause is not None  # the dedupe key of the element it was
        retold = Retold(fact.cause, fact.id, person.source or NATIVE, keys)
        person = replace(person, retold=(*person.retold, retold))
    return Decision(person)


def _merge(person: Person, body: Any) -> Person | None:
    """The person after a merge or its undoing, layers as far as facts tell; None if the fact is of another kind."""
    match body:
        case LeadMerged(into=into):
            return replace(person, merged_into=into)
        case LeadUpdated(absorbed=str(other)):
            contact, properties = body.contact.model_dump(exclude_none=True), body.properties
            layers = {**(person.layers or {OWN: layer_of(person)})}
            layers[other] = {"contact": contact, "properties": properties, "as_of": body.occurred_at.isoformat()}
            as_of = max(filter(None, (person.as_of, body.occurred_at)))
            return replace(person, contact=contact, properties=properties, as_of=as_of, layers=layers)
        case LeadUpdated(restored=str(other)):
            rest = {name: layer for name, layer in (person.layers or {}).items() if name != other}
            return replace(
                person,
                contact=body.contact.model_dump(exclude_none=True),
                properties=body.properties,
                as_of=body.occurred_at,
                merged_into=None if person.merged_into == other else person.merged_into,
                layers=rest if len(rest) > 1 else None,
            )
        case _:
            return None


def _merged_into(body: Any) -> str | None:
    """Who has the lead's identities from then on; the lead itself where it was restored; None where they stay."""
    if isinstance(body, LeadMerged):
        return body.into
    return f"{RESTORED}{body.restored}" if body.restored is not None else None


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
    by = rules.sources.recognition(lead.source, source)
    return identities(system, lead.external_id, lead.contact.email, lead.contact.phone, by)
