"""A lead as intake knows it: one person, for life, and what each post adds to the person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from baton.intake.domain.accounts import account_of
from baton.intake.domain.contact import Contact, join
from baton.intake.domain.elements import Element
from baton.intake.domain.mail import BUILT_IN, FreeMailDomains
from baton.intake.domain.posts import LeadIn
from baton.intake.domain.sizes import fits_a_fact, properties_of


class Outgrown(ValueError):
    """With this post the person would no longer fit into one fact."""


@dataclass(frozen=True, slots=True)
class Retold:
    """What was taken in by a store that is lost, as far as its fact tells."""

    element: str
    """Its dedupe key."""
    event_id: str
    source: str
    identities: tuple[str, ...] = ()
    into: str | None = None
    """Not an element but a merge: who has the lead's identities now, or from whom (`RESTORED`) they came back."""


RESTORED = "from:"


@dataclass(frozen=True, slots=True)
class Person:
    """`as_of` is when the newest post happened; older ones only fill gaps. `created_at` is None before the first."""

    lead_id: str
    source: str = ""
    external_id: str | None = None
    is_test: bool = False
    contact: Contact = field(default_factory=dict)
    properties: dict[str, Any] = field(default_factory=dict)
    as_of: datetime | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    erased_at: datetime | None = None
    """Since when nothing more is known of the person than that there was one."""
    merged_into: str | None = None
    """The lead it goes on as. Nothing is said of it as long as it does."""
    layers: Mapping[str, Any] | None = None
    """Of one that has absorbed others: what each knew (`domain/merging.py`). Contact and properties are the whole."""
    retold: tuple[Retold, ...] = ()
    """Taken in again in this transaction; not stored with the person."""

    @property
    def account_id(self) -> str | None:
        """The company it belongs to."""
        return self.contact.get("account_id")


def learn(
    person: Person,
    element: Element,
    now: datetime,
    free: FreeMailDomains = BUILT_IN,
    accounts: Mapping[str, str] = MappingProxyType({}),
) -> tuple[Person, list[str]]:
    """The person after a posted lead, and the names of contact fields and properties that changed (none at first).

    A lead whose first post was a test stays one, and no later test makes a test of a real lead. Raises Outgrown.
    """
    post = element.post
    assert isinstance(post, LeadIn)
    is_late = person.as_of is not None and element.happened < person.as_of
    contact = join(person.contact, element.contact, is_late=is_late, free=free)
    if (account := account_of(contact, accounts, person.contact)) is not None:
        contact["account_id"] = account
    given = properties_of(post)
    properties = {**given, **person.properties} if is_late else {**person.properties, **given}
    first = person.created_at is None
    # Of a first post all this is known since it was judged: that it fits, and that everything is new.
    if not first and not fits_a_fact(contact, properties, post, element.size):
        raise Outgrown("with this post the person's contact and properties no longer fit into one fact")
    changed = [] if first else changed_names(person.contact, contact) + changed_names(person.properties, properties)
    learned = replace(
        person,
        source=post.source if first else person.source,
        external_id=(post.external_id if first else person.external_id) or post.external_id,
        is_test=post.is_test if first else person.is_test,
        contact=contact,
        properties=properties,
        as_of=person.as_of if is_late else element.happened,
        created_at=now if first else person.created_at,
        updated_at=now,
    )
    if person.layers is not None:
        learned = replace(learned, layers=own_learned(person.layers, element, given, free))
    return learned, changed


OWN = ""
"""The layer of the lead itself; the others are named by the lead they came from."""


def own_learned(
    layers: Mapping[str, Any], element: Element, given: Mapping[str, Any], free: FreeMailDomains
) -> Mapping[str, Any]:
    """The layers after a post: whoever is undone later must not take it away again."""
    own = layers[OWN]
    is_late = element.happened < datetime.fromisoformat(own["as_of"])
    properties = {**given, **own["properties"]} if is_late else {**own["properties"], **given}
    contact = join(own["contact"], element.contact, is_late=is_late, free=free)
    if (account := account_of(contact, {}, own["contact"])) is not None:
        contact["account_id"] = account
    layer = {
        "contact": contact,
        "properties": properties,
        "as_of": own["as_of"] if is_late else element.happened.isoformat(),
    }
    return {**layers, OWN: layer}


def changed_names(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """Which fields differ, by name."""
    return sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
