"""Taking in: one transaction from elements to facts, with everything that must be on disk before anybody is answered.

Locks are taken in one order by all replicas: answers, replayed elements, identities, waiting elements, seen, then the
leads themselves. Whoever posts the same person or element at the same moment waits here and then finds what the other
wrote. (A replay that meets the arrival of its lead may deadlock; the store then runs one of the two again.)
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import Row

from baton.contracts import LeadReceived, LeadUpdated
from baton.intake import store, store_accounts, store_erasure, store_merges
from baton.intake.decide import TYPES, Arrival
from baton.intake.domain.elements import Element, Rules, judge
from baton.intake.domain.keys import kind_of
from baton.intake.domain.person import Person
from baton.intake.domain.posts import LeadIn
from baton.playbook.sources import IdentityKind
from baton.runtime.handler import Command, Refusal
from baton.runtime.ids import event_id
from baton.runtime.micro import Unit

Status = Literal["accepted", "duplicate", "quarantined", "ignored"]
HOOK = "hook"
ERASED: Final = "erased_lead"
_NOTHING_KEPT = "this person was erased; nothing of the element is kept"
FETCHED = "fetch:"
"""The door of what was fetched, with the thing it is."""


@dataclass(frozen=True, slots=True)
class Raw:
    """A body as it came."""

    id: str
    received_at: datetime
    source: str
    door: str
    content_type: str | None
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Once:
    """An Idempotency-Key, digested together with who sent it, and what was asked under it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What only named something that was to be fetched: its dedupe key, and since when it waits."""

    key: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one request brings into the transaction."""

    elements: tuple[Element, ...]
    raw: Raw
    keeps_raw: bool = True
    """False where an earlier delivery, or the original of a replay, has stored it."""
    once: Once | None = None
    replays: str | None = None
    """The quarantined element that is tried again."""
    notices: Mapping[str, Notice] = field(default_factory=dict)
    """The notices that waited for what was fetched, by quarantine id. They are settled with it."""
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of one element."""

    status: Status
    source: str
    lead_id: str | None = None
    event_id: str | None = None
    quarantine_id: str | None = None
    cause: str | None = None
    detail: str | None = None

    def shown(self) -> dict[str, Any]:
        """As senders see it."""
        shown: dict[str, Any] = {"status": self.status, "lead_id": self.lead_id, "event_id": self.event_id}
        if self.status == "quarantined":
            shown |= {"quarantine_id": self.quarantine_id, "cause": self.cause, "detail": self.detail}
        return shown


@dataclass(frozen=True, slots=True)
class Taken:
    """The answer to a delivery: receipts in the order of its elements."""

    receipts: tuple[Receipt, ...] = ()
    stored: list[dict[str, Any]] | None = None
    """The answer given earlier under the same Idempotency-Key; then nothing was done."""
    is_key_reused: bool = False
    """The Idempotency-Key was used for something else; nothing was done."""
    are_due: bool = False
    """A post has shown two leads to be one person, and the playbook wants them merged."""
    woken: int = 0
    """How many quarantined elements found their lead in this transaction."""


@dataclass(slots=True)
class _Item:
    """An element on its way."""

    element: Element
    delivery: int | None
    row: str | None = None
    waits_since: datetime | None = None
    """Of an element tried again: when it was received."""
    raw_id: str | None = None
    """The body it stands in."""
    lead_id: str | None = None
    event_id: str = ""
    is_first: bool = False
    status: Status = "quarantined"
    quarantine_id: str | None = None

    @property
    def is_open(self) -> bool:
        """Nothing has been said against it, and nothing has become of it yet."""
        return self.element.fault is None and self.status == "quarantined"

    @property
    def is_told(self) -> bool:
        """No fact comes of it, but it says of whom it is."""
        element = self.element
        return element.erases is not None or (element.ignored is not None and element.lead_id is not None)

    @property
    def is_notice(self) -> bool:
        """It only names something, which is to be fetched."""
        return self.element.errand is not None and self.status == "quarantined"

    def __post_init__(self) -> None:
        if self.element.ignored is not None:
            self.status = "ignored"
        elif self.element.erases is not None:
            self.status = "accepted"

    def receipt(self) -> Receipt:
        fault = self.element.fault
        if self.element.ignored is not None:
            return Receipt("ignored", self.element.source, self.lead_id, cause=self.element.ignored)
        if fault is None:
            return Receipt(self.status, self.element.source, self.lead_id, self.event_id or None)
        return Receipt(
            "quarantined", self.element.source, quarantine_id=self.quarantine_id, cause=fault.cause, detail=fault.detail
        )


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
        self._items: list[_Item] = []
        self._given: dict[str, str] = {}
        self._accounts: dict[str, str] = {}
        self._pairs: dict[tuple[str, str], dict[str, Any]] = {}
        self._aside: list[dict[str, Any]] = []
        self._to_wipe: set[str | None] = set()

    def run(self) -> list[Taken]:
        self._look_up_answers()
        live = [(n, delivery) for n, delivery in enumerate(self._deliveries) if n not in self._answers]
        store.keep_raw(self._tx, [_raw_row(delivery.raw) for _, delivery in live if delivery.keeps_raw])
        self._items = [item for n, one in live for element in one.elements for item in _items(element, n, one)]
        self._drop_released()
        self._drop_known()
        self._find_leads()
        self._wake_waiting()
        self._publish()
        self._mind_bodies()
        tallies = self._settle()
        store.quarantine(self._tx, self._aside)
        if self._to_wipe:
            store_erasure.wipe_raw(self._tx, [raw_id for raw_id in self._to_wipe if raw_id], self._unit.now)
        store.count(self._tx, tallies)
        store_merges.propose(self._tx, list(self._pairs.values()))
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

    # -- whose it is ------------------------------------------------------------------------------------------------

    def _find_leads(self) -> None:
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
            if item.is_open or (item.is_told and not _is_of_erased(item)):
                self._refer(item, owners, known)
        store.give_identities(self._tx, self._given)

    def _refuse_of_erased(self, items: Sequence[_Item], unknown: set[str | None]) -> None:
        """What names somebody by our own id who was erased is not kept, not even in quarantine."""
        gone = store_erasure.erased_among(self._tx, [lead_id for lead_id in unknown if lead_id])
        for item in items:
            if _lead_id_of(item.element) in gone:
                item.element = item.element.refused(ERASED, _NOTHING_KEPT)

    def _refuse_older_than_erasure(self, keys: set[str]) -> None:
        """What was posted of a person before the person was erased must not come back out of quarantine."""
        again = [item for item in self._items if item.is_open and item.waits_since is not None]
        gone = store_erasure.erased_since(self._tx, keys) if again else {}
        for item in again if gone else ():
            own = {*item.element.identities, item.element.about} & gone.keys()
            if any(gone[key] >= item.waits_since for key in own if key is not None and item.waits_since is not None):
                item.element = item.element.refused(ERASED, _NOTHING_KEPT)

    def _identify(self, item: _Item, owners: dict[str, str | None]) -> None:
        """The strongest identity that is somebody's decides; those that are nobody's become his."""
        keys = item.element.identities
        owner = next((owners[key] for key in keys if owners[key] is not None), None)
        item.is_first = owner is None
        item.lead_id = owner or self._new_id(self._unit.now)
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
            row = store_merges.row_of(lead_id, other, state, because, self._unit.now)
            self._pairs.setdefault((row["one"], row["other"]), row)

    def _refer(self, item: _Item, owners: dict[str, str | None], known: Mapping[str, str]) -> None:
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

    def _wake_waiting(self) -> None:
        """Take up what waited for a lead that is here now."""
        replayed = {item.row for item in self._items}
        waiting = store.waiting_for(self._tx, self._given)
        self._items += [self._woken(row) for row in waiting if row.id not in replayed]

    def _woken(self, row: Row[Any]) -> _Item:
        element = requeued(row, self._rules)
        return _Item(element, None, row.id, row.received_at, row.raw_id, lead_id=self._given[row.awaits])

    # -- what becomes of it -----------------------------------------------------------------------------------------

    def _publish(self) -> None:
        """Leads go first, so that whatever is said of a new one in the same transaction comes after its first fact."""
        new = sorted((item for item in self._items if item.is_open), key=lambda item: item.element.kind != "lead")
        for item in new:
            item.event_id = event_id(item.element.source, item.element.key, _type_of(item), 0)
        firsts: dict[str, _Item] = {}
        for item in new:
            firsts.setdefault(item.element.key, item)
        rows = [{"key": k, "lead_id": item.lead_id, "event_id": item.event_id} for k, item in firsts.items()]
        fresh = store.mark_seen(self._tx, rows)
        ours = [item for key, item in firsts.items() if key in fresh]
        self._handle(ours)
        self._mark_repeats([item for item in new if item.is_open], firsts)

    def _handle(self, items: Sequence[_Item]) -> None:
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

    def _follow_merges(self, items: Sequence[_Item], others: set[str]) -> None:
        """What names its lead by an id may have waited for a merge of it: then it is about the survivor."""
        found = self._unit.hold({item.lead_id for item in items if item.lead_id} | others)
        moved = {lead_id for lead_id, person in found.items() if isinstance(person, Person) and person.merged_into}
        now = store_merges.survivors(self._tx, moved)
        for item in items:
            item.lead_id = now.get(str(item.lead_id), item.lead_id)
        people = [person for person in found.values() if isinstance(person, Person)]
        contacts = [*(item.element.contact for item in items), *(person.contact for person in people)]
        self._accounts = store_accounts.by_name(self._tx, contacts)

    def _command(self, item: _Item) -> Command:
        arrival = Arrival(item.element, item.event_id, item.is_first, self._rules.free, self._accounts)
        trace = None if item.delivery is None else self._deliveries[item.delivery].trace
        assert item.lead_id is not None
        # Its dedupe key is the cause of its fact: what a store that is rolled forward knows repetitions by.
        return Command(item.element.key, item.lead_id, item.element.kind, arrival, trace=trace)

    def _mark_repeats(self, items: Sequence[_Item], firsts: Mapping[str, _Item]) -> None:
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
        doubtful = {item.lead_id for item in self._items if item.status == "duplicate" or _is_of_erased(item)}
        gone = store_erasure.erased_among(self._tx, [lead_id for lead_id in doubtful if lead_id])
        self._to_wipe = {item.raw_id for item in self._items if item.lead_id in gone or _is_of_erased(item)} - {None}

    def _settle(self) -> dict[str, Counter[str]]:
        """Put aside what is not taken in, release what was waiting, and count."""
        tallies: dict[str, Counter[str]] = defaultdict(Counter)
        by_row: dict[str, list[_Item]] = defaultdict(list)
        for item in self._items:
            if item.row is not None:
                by_row[item.row].append(item)
                continue
            if item.element.fault is not None and not _is_of_erased(item):
                self._put_aside(item)
            tallies[item.element.source].update(_counted(item))
        for row, items in by_row.items():
            self._settle_replay(row, items, tallies)
        return tallies

    def _settle_replay(self, row: str, items: Sequence[_Item], tallies: dict[str, Counter[str]]) -> None:
        """An element tried again stays where it is, or leaves; a body tried again may turn out to be many elements."""
        notice = self._notice(row, items)
        items_left = [item for item in items if not _is_of_erased(item)]
        if not items_left:
            store.release(self._tx, [row])
            return
        if notice is None and all(item.element.fault is not None for item in items_left):
            fault = items_left[0].element.fault
            assert fault is not None
            for item in items:
                item.quarantine_id = row
            store.say_why(self._tx, row, fault.cause, fault.detail, _awaited(items[0].element))
            return
        store.release(self._tx, [row])
        tally = tallies[items[0].element.source]
        tally.update({"received": -1, "quarantined": -1})
        for item in items:
            if item.element.fault is not None and not _is_of_erased(item):
                self._put_aside(item)
            tally.update(_counted(item))
        taken = next((item for item in items if item.element.fault is None and item.lead_id and item.event_id), None)
        if notice is not None and taken is not None:
            mark = {"key": notice, "lead_id": taken.lead_id, "event_id": taken.event_id}
            store.mark_seen(self._tx, [mark])

    def _notice(self, row: str, items: Sequence[_Item]) -> str | None:
        """The dedupe key of the notice in this row, where the items are what was fetched for it."""
        number = items[0].delivery
        notice = None if number is None else self._deliveries[number].notices.get(row)
        return None if notice is None else notice.key

    def _put_aside(self, item: _Item) -> None:
        element, fault = item.element, item.element.fault
        assert fault is not None
        assert item.delivery is not None
        raw = self._deliveries[item.delivery].raw
        item.quarantine_id = self._new_id(self._unit.now)
        is_mapped = raw.door == HOOK or raw.door.startswith(FETCHED)
        is_final = not is_mapped or fault.cause == "unknown_lead"  # reading it again would change nothing
        self._aside.append(
            {
                "id": item.quarantine_id,
                "received_at": raw.received_at,
                "raw_id": raw.id,
                "source": element.source,
                "kind": element.kind,
                "key": element.key,
                "fingerprint": element.fingerprint or None,
                "cause": fault.cause,
                "detail": fault.detail,
                "form": element.form if is_final else None,
                "awaits": _awaited(element),
            }
        )

    def _results(self) -> list[Taken]:
        receipts: dict[int, list[Receipt]] = defaultdict(list)
        for item in self._items:
            if item.delivery is not None:
                receipts[item.delivery].append(item.receipt())
        woken = sum(item.delivery is None and item.status != "quarantined" for item in self._items)
        results = []
        rows = []
        for number, delivery in enumerate(self._deliveries):
            are_due = any(row["state"] == "due" for row in self._pairs.values())
            taken = self._answers.get(number) or Taken(tuple(receipts[number]), woken=woken, are_due=are_due)
            if number not in self._answers:
                woken = 0  # counted once, with the first delivery
                rows += _answer_rows(delivery, taken, self._unit.now)
            results.append(taken)
        store.change_answers(self._tx, rows)
        return results


def requeued(row: Any, rules: Rules) -> Element:
    """A quarantined element judged anew from the form it was kept in, under its own keys."""
    element = judge(row.kind, row.form, rules, row.received_at, source=row.source)
    return replace(element, key=row.key, fingerprint=row.fingerprint or "")


def _counted(item: _Item) -> dict[str, int]:
    """One more in the ledger. What is ignored is not among the elements received."""
    return {"ignored": 1} if item.status == "ignored" else {"received": 1, item.status: 1}


def _awaited(element: Element) -> str | None:
    """What will take the element out of quarantine by itself: its lead, or its errand."""
    if element.errand is not None:
        return element.errand.subject
    return element.about if element.fault is not None and element.fault.cause == "unknown_lead" else None


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


def _items(element: Element, number: int, delivery: Delivery) -> list[_Item]:
    """The element once; or once for every notice that waited for it."""
    if delivery.notices:
        return [_Item(element, number, row, one.since, delivery.raw.id) for row, one in delivery.notices.items()]
    since = delivery.raw.received_at if delivery.replays else None
    return [_Item(element, number, delivery.replays, since, delivery.raw.id)]


def _is_of_erased(item: _Item) -> bool:
    """True if it tells of somebody who was erased: then not even quarantine keeps it."""
    return item.element.fault is not None and item.element.fault.cause == ERASED


def _refused(element: Element, why: Refusal) -> Element:
    if why.status == 404:  # between finding the lead and locking it, or named by its id: it was erased
        return element.refused(ERASED, _NOTHING_KEPT)
    return element.refused("too_large", why.detail or why.title)


def _lead_id_of(element: Element) -> str | None:
    """The lead id an element names its lead by, alone or beside something else."""
    post = element.post
    if element.lead_id is not None:
        return element.lead_id
    return None if post is None or isinstance(post, LeadIn) else post.lead.lead_id


def _type_of(item: _Item) -> str:
    if item.element.kind == "lead":
        return LeadReceived.type if item.is_first else LeadUpdated.type
    return TYPES[item.element.kind]
