"""Taking in: one transaction from elements to facts, with everything that must be on disk before anybody is answered.

Locks are taken in one order by all replicas: answers, replayed elements, identities, waiting elements, seen, then the
leads themselves. Whoever posts the same person or element at the same moment waits here and then finds what the other
wrote. (A replay that meets the arrival of its lead may deadlock; the store then runs one of the two again.)
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from baton.contracts import LeadReceived, LeadUpdated
from baton.intake import store, store_accounts, store_erasure, store_merges
from baton.intake.belonging import NOTHING_KEPT, Belonging
from baton.intake.decide import TYPES, Arrival
from baton.intake.delivery import ERASED, Delivery, Item, Raw, Receipt, Taken, items_of
from baton.intake.domain.elements import Element, Rules
from baton.intake.domain.person import Person
from baton.intake.settling import Settling
from baton.runtime.handler import Command, Refusal
from baton.runtime.ids import event_id
from baton.runtime.micro import Unit


def take_in(unit: Unit, deliveries: Sequence[Delivery], rules: Rules, new_id: Callable[[datetime], str]) -> list[Taken]:
    """Store the deliveries, publish a fact for each element that is new and sound, put the others aside."""
    return _Taking(unit, deliveries, rules, new_id).run()


class _Taking:
    def __init__(
        self, unit: Unit, deliveries: Sequence[Delivery], rules: Rules, new_id: Callable[[datetime], str]
    ) -> None:
        self._unit = unit
        self._tx = unit.tx
        self._deliveries = deliveries
        self._rules = rules
        self._new_id = new_id
        self._answers: dict[int, Taken] = {}
        self._items: list[Item] = []
        self._accounts: dict[str, str] = {}
        self._belonging = Belonging(unit.tx, rules, new_id, unit.now)
        self._to_wipe: set[str | None] = set()

    def run(self) -> list[Taken]:
        self._look_up_answers()
        live = [(n, delivery) for n, delivery in enumerate(self._deliveries) if n not in self._answers]
        store.keep_raw(self._tx, [_raw_row(delivery.raw) for _, delivery in live if delivery.keeps_raw])
        self._items = [item for n, one in live for element in one.elements for item in items_of(element, n, one)]
        self._drop_released()
        self._drop_known()
        self._belonging.find(self._items)
        self._items += self._belonging.woken()
        self._publish()
        self._mind_bodies()
        Settling(self._tx, self._deliveries, self._new_id, self._unit.now).settle(self._items)
        if self._to_wipe:
            store_erasure.wipe_raw(self._tx, [raw_id for raw_id in self._to_wipe if raw_id], self._unit.now)
        store_merges.propose(self._tx, list(self._belonging.pairs.values()))
        return self._results()

    # -- what was answered before -----------------------------------------------------------------------------------

    def _look_up_answers(self) -> None:
        """Claim the idempotency keys; a replica that works on one at this moment is waited for."""
        asked = {delivery.once.key: (n, delivery.once) for n, delivery in enumerate(self._deliveries) if delivery.once}
        if not asked:
            return
        now = self._unit.now
        rows = [
            {"key": k, "fingerprint": once.fingerprint, "receipts": [], "at": now} for k, (_, once) in asked.items()
        ]
        fresh = store.keep_answers(self._tx, rows)
        for key, row in store.answers(self._tx, asked.keys() - fresh).items():
            number, once = asked[key]
            is_reused = row.fingerprint != once.fingerprint
            self._answers[number] = Taken(is_key_reused=is_reused, stored=None if is_reused else row.receipts)

    def _drop_released(self) -> None:
        """Replays of what somebody else has released in the meantime come to nothing."""
        replayed = [item.row for item in self._items if item.row is not None]
        there = store.still_quarantined(self._tx, replayed)
        self._items = [item for item in self._items if item.row is None or item.row in there]

    def _drop_known(self) -> None:
        """Elements taken in earlier are duplicates whatever has become of their keys' meaning since; so are notices of
        what was fetched earlier."""
        asked = [item for item in self._items if item.is_open or item.is_notice]
        known = store.seen(self._tx, [item.element.key for item in asked])
        for item in asked:
            row = known.get(item.element.key)
            if row is not None:
                item.element = replace(item.element, fault=None, errand=None)
                item.status, item.lead_id, item.event_id = "duplicate", row.lead_id, row.event_id

    # -- what becomes of it -----------------------------------------------------------------------------------------

    def _publish(self) -> None:
        """Leads go first, so that whatever is said of a new one in the same transaction comes after its first fact."""
        new = sorted((item for item in self._items if item.is_open), key=lambda item: item.element.kind != "lead")
        for item in new:
            item.event_id = event_id(item.element.source, item.element.key, _type_of(item), 0)
        firsts: dict[str, Item] = {}
        for item in new:
            firsts.setdefault(item.element.key, item)
        rows = [{"key": k, "lead_id": item.lead_id, "event_id": item.event_id} for k, item in firsts.items()]
        fresh = store.mark_seen(self._tx, rows)
        ours = [item for key, item in firsts.items() if key in fresh]
        self._handle(ours)
        self._mark_repeats([item for item in new if item.is_open], firsts)

    def _handle(self, items: Sequence[Item]) -> None:
        errands = self._errands()
        self._follow_merges(items, {errand.subject for errand in errands})
        commands = [self._command(item) for item in items] + errands
        refused = []
        for item, reply in zip(items, self._unit.handle(commands) if commands else [], strict=False):
            if isinstance(reply, Refusal):
                item.element = _refused(item.element, reply)
                refused.append(item.element.key)
            else:
                item.status = "accepted"
        store.forget_seen(self._tx, refused)

    def _errands(self) -> list[Command]:
        """What notices only name is fetched, and who is to be forgotten erased, as soon as this is committed."""
        named = {item.element.errand for item in self._items if item.is_notice} - {None}
        errands = [Command(one.subject, one.subject, "fetch", one) for one in named if one is not None]
        gone = {item.element.erases.subject: item.element.erases for item in self._items if item.element.erases}
        return errands + [Command(subject, subject, "erase", one) for subject, one in gone.items()]

    def _follow_merges(self, items: Sequence[Item], others: set[str]) -> None:
        """What names its lead by an id may have waited for a merge of it: then it is about the survivor."""
        new = {item.lead_id for item in self._items if item.is_first and item.lead_id}
        self._unit.begin({lead_id: Person(lead_id) for lead_id in sorted(new)})
        found = self._unit.hold({item.lead_id for item in items if item.lead_id} | others)
        moved = {lead_id for lead_id, person in found.items() if isinstance(person, Person) and person.merged_into}
        now = store_merges.survivors(self._tx, moved)
        for item in items:
            item.lead_id = now.get(str(item.lead_id), item.lead_id)
        people = [person for person in found.values() if isinstance(person, Person)]
        contacts = [*(item.element.contact for item in items), *(person.contact for person in people)]
        self._accounts = store_accounts.by_name(self._tx, contacts)

    def _command(self, item: Item) -> Command:
        arrival = Arrival(item.element, item.event_id, item.is_first, self._rules.free, self._accounts)
        trace = None if item.delivery is None else self._deliveries[item.delivery].trace
        assert item.lead_id is not None
        # Its dedupe key is the cause of its fact: what a store that is rolled forward knows repetitions by.
        return Command(item.element.key, item.lead_id, item.element.kind, arrival, trace=trace)

    def _mark_repeats(self, items: Sequence[Item], firsts: Mapping[str, Item]) -> None:
        """What was not ours to publish: the same as one beside it, or as one another replica has just taken in."""
        elsewhere = store.seen(self._tx, [item.element.key for item in items])
        for item in items:
            first = firsts[item.element.key]
            if first is not item and first.element.fault is not None:
                item.element = replace(item.element, fault=first.element.fault)
                continue
            original: Any = elsewhere.get(item.element.key) or first
            item.status, item.lead_id, item.event_id = "duplicate", original.lead_id, original.event_id

    def _mind_bodies(self) -> None:
        """Write down whom each body tells of; nothing is kept of those who were erased."""
        told = [item for item in self._items if item.lead_id is not None]
        stood = store.bodies_of(self._tx, [item.row for item in told if item.row is not None])
        pairs = {(raw_id, item.lead_id) for item in told for raw_id in (item.raw_id, stood.get(item.row or ""))}
        store.link_raw(self._tx, [(raw_id, lead_id) for raw_id, lead_id in pairs if raw_id and lead_id])
        doubtful = {item.lead_id for item in self._items if item.status == "duplicate" or item.is_of_erased}
        gone = store_erasure.erased_among(self._tx, [lead_id for lead_id in doubtful if lead_id])
        self._to_wipe = {item.raw_id for item in self._items if item.lead_id in gone or item.is_of_erased} - {None}

    def _results(self) -> list[Taken]:
        receipts: dict[int, list[Receipt]] = defaultdict(list)
        for item in self._items:
            if item.delivery is not None:
                receipts[item.delivery].append(item.receipt())
        woken = sum(item.delivery is None and item.status != "quarantined" for item in self._items)
        results = []
        rows = []
        for number, delivery in enumerate(self._deliveries):
            are_due = any(row["state"] == "due" for row in self._belonging.pairs.values())
            taken = self._answers.get(number) or Taken(tuple(receipts[number]), woken=woken, are_due=are_due)
            if number not in self._answers:
                woken = 0  # counted once, with the first delivery
                rows += _answer_rows(delivery, taken, self._unit.now)
            results.append(taken)
        store.change_answers(self._tx, rows)
        return results


def _answer_rows(delivery: Delivery, taken: Taken, now: datetime) -> list[dict[str, Any]]:
    if delivery.once is None:
        return []
    receipts = [receipt.shown() for receipt in taken.receipts]
    return [{"key": delivery.once.key, "fingerprint": delivery.once.fingerprint, "receipts": receipts, "at": now}]


def _raw_row(raw: Raw) -> dict[str, Any]:
    return {
        "id": raw.id,
        "received_at": raw.received_at,
        "source": raw.source,
        "door": raw.door,
        "content_type": raw.content_type,
        "headers": dict(raw.headers),
        "body": raw.body,
    }


def _refused(element: Element, why: Refusal) -> Element:
    if why.status == 404:  # between finding the lead and locking it, or named by its id: it was erased
        return element.refused(ERASED, NOTHING_KEPT)
    return element.refused("too_large", why.detail or why.title)


def _type_of(item: Item) -> str:
    if item.element.kind == "lead":
        return LeadReceived.type if item.is_first else LeadUpdated.type
    return TYPES[item.element.kind]
