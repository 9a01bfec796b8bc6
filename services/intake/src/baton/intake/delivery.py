"""What one request brings, what becomes of each of its elements, and what its sender is told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from baton.intake.domain.elements import LINK, Element

Status = Literal["accepted", "duplicate", "quarantined", "ignored"]
HOOK: Final = "hook"
FETCHED: Final = "fetch:"
"""The door of what was fetched, with the thing it is."""
LINKED: Final = "linked"
"""The door of what a CRM's answer to a hand-over says: which of its records the lead is."""
ERASED: Final = "erased_lead"


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
class Item:
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
    def is_of_erased(self) -> bool:
        """It tells of somebody who was erased: then not even quarantine keeps it."""
        return self.element.fault is not None and self.element.fault.cause == ERASED

    @property
    def is_notice(self) -> bool:
        """It only names something, which is to be fetched."""
        return self.element.errand is not None and self.status == "quarantined"

    @property
    def counted(self) -> dict[str, int]:
        """One more in the ledger. What is ignored is not among the elements received."""
        if self.element.ignored == LINK:
            return {}  # nobody has sent it
        return {"ignored": 1} if self.status == "ignored" else {"received": 1, self.status: 1}

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


def items_of(element: Element, number: int, delivery: Delivery) -> list[Item]:
    """The element once; or once for every notice that waited for it."""
    if delivery.notices:
        return [Item(element, number, row, one.since, delivery.raw.id) for row, one in delivery.notices.items()]
    since = delivery.raw.received_at if delivery.replays else None
    return [Item(element, number, delivery.replays, since, delivery.raw.id)]


def summary(receipts: Sequence[Receipt]) -> dict[str, Any]:
    """A small answer: the first element's receipt, and how many of each there were (`ignored` only if any was)."""
    counts = dict.fromkeys(("accepted", "duplicate", "quarantined"), 0)
    counts |= Counter(receipt.status for receipt in receipts)
    status = next(name for name in counts if counts[name])
    first = next(receipt for receipt in receipts if receipt.status == status)
    return {"status": status, "lead_id": first.lead_id, "event_id": first.event_id, **counts}
