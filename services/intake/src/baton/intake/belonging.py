"""Whose an element is: known by an id or an address, new, waited for, or erased."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, Row

from baton.intake import store, store_erasure, store_merges
from baton.intake.delivery import ERASED, Item
from baton.intake.domain.elements import Element, Rules, judge
from baton.intake.domain.keys import kind_of
from baton.intake.domain.posts import LeadIn
from baton.playbook.sources import IdentityKind

NOTHING_KEPT: Final = "this person was erased; nothing of the element is kept"


class Belonging:
    """Finds the lead of each item of one transaction, claims what identifies it, and notes who may be one person."""

    def __init__(self, tx: Connection, rules: Rules, new_id: Callable[[datetime], str], now: datetime) -> None:
        self._tx = tx
        self._rules = rules
        self._new_id = new_id
        self._now = now
        self._items: Sequence[Item] = ()
        self._given: dict[str, str] = {}
        self.pairs: dict[tuple[str, str], dict[str, Any]] = {}
        """Leads that a post has shown to be one person, as the playbook wants that written down."""

    def find(self, items: Sequence[Item]) -> None:
        """Say of each item whose it is, or why nobody can be found."""
        self._items = items
        leads = [item for item in self._items if item.is_open and item.element.kind == "lead"]
        others = [item for item in self._items if item.is_open and item.element.kind != "lead"]
        keys = {key for item in leads for key in item.element.identities}
        told = [item for item in self._items if item.is_told]
        keys |= {item.element.about for item in [*others, *told] if item.element.about is not None}
        owners = store.claim_identities(self._tx, keys)
        self._refuse_older_than_erasure(keys)
        for item in leads:
            if item.is_open:
                self._identify(item, owners)
        named = {_lead_id_of(item.element) for item in [*others, *told]} - {None}
        known = store_merges.survivors(self._tx, [lead_id for lead_id in named if lead_id])
        self._refuse_of_erased([*others, *told], named - known.keys())
        for item in [*told, *others]:  # what is told of a record counts for what the same body says of it
            if item.is_open or (item.is_told and not item.is_of_erased):
                self._refer(item, owners, known)
        store.give_identities(self._tx, self._given)

    def _refuse_of_erased(self, items: Sequence[Item], unknown: set[str | None]) -> None:
        """What names somebody by our own id who was erased is not kept, not even in quarantine."""
        gone = store_erasure.erased_among(self._tx, [lead_id for lead_id in unknown if lead_id])
        for item in items:
            if _lead_id_of(item.element) in gone:
                item.element = item.element.refused(ERASED, NOTHING_KEPT)

    def _refuse_older_than_erasure(self, keys: set[str]) -> None:
        """What was posted of a person before the person was erased must not come back out of quarantine."""
        again = [item for item in self._items if item.is_open and item.waits_since is not None]
        gone = store_erasure.erased_since(self._tx, keys) if again else {}
        for item in again if gone else ():
            own = {*item.element.identities, item.element.about} & gone.keys()
            if any(gone[key] >= item.waits_since for key in own if key is not None and item.waits_since is not None):
                item.element = item.element.refused(ERASED, NOTHING_KEPT)

    def _identify(self, item: Item, owners: dict[str, str | None]) -> None:
        """The strongest identity that is somebody's decides; those that are nobody's become his."""
        keys = item.element.identities
        owner = next((owners[key] for key in keys if owners[key] is not None), None)
        item.is_first = owner is None
        item.lead_id = owner or self._new_id(self._now)
        for key in keys:
            if owners[key] is None:
                owners[key] = self._given[key] = item.lead_id
            elif owners[key] != item.lead_id:
                self._found_two(item.lead_id, str(owners[key]), kind_of(key))

    def _found_two(self, lead_id: str, other: str, because: IdentityKind) -> None:
        """A post names two leads: what the playbook says about that, by the weaker identity, is written down."""
        wanted = getattr(self._rules.sources.identity.when_two, because)
        if wanted != "apart":
            state = "due" if wanted == "merge" else "proposed"
            row = store_merges.row_of(lead_id, other, state, because, self._now)
            self.pairs.setdefault((row["one"], row["other"]), row)

    def _refer(self, item: Item, owners: dict[str, str | None], known: Mapping[str, str]) -> None:
        """Our own id decides where the sender keeps it; the record it was found with is known as the lead's then."""
        about, named = item.element.about, _lead_id_of(item.element)
        ours = known.get(named) if named is not None else None
        lead_id = ours or (owners[about] if about is not None else None)
        if lead_id is not None and about is not None and owners[about] is None:
            owners[about] = self._given[about] = lead_id
        if item.is_told:
            item.lead_id = lead_id
        elif lead_id is None:
            item.element = item.element.refused(
                "unknown_lead", "nobody is known by this yet; it is kept until somebody is"
            )
        else:
            item.lead_id = lead_id

    def woken(self) -> list[Item]:
        """What waited for a lead that is here now."""
        replayed = {item.row for item in self._items}
        waiting = store.waiting_for(self._tx, self._given)
        return [self._woken(row) for row in waiting if row.id not in replayed]

    def _woken(self, row: Row[Any]) -> Item:
        element = requeued(row, self._rules)
        return Item(element, None, row.id, row.received_at, row.raw_id, lead_id=self._given[row.awaits])


def requeued(row: Any, rules: Rules) -> Element:
    """A quarantined element judged anew from the form it was kept in, under its own keys."""
    element = judge(row.kind, row.form, rules, row.received_at, source=row.source)
    return replace(element, key=row.key, fingerprint=row.fingerprint or "")


def _lead_id_of(element: Element) -> str | None:
    """The lead id an element names its lead by, alone or beside something else."""
    post = element.post
    if element.lead_id is not None:
        return element.lead_id
    return None if post is None or isinstance(post, LeadIn) else post.lead.lead_id
