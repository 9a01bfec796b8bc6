"""The end of taking in: what is put aside, what leaves quarantine, and the ledger's counts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from baton.intake import store
from baton.intake.delivery import FETCHED, HOOK, Delivery, Item
from baton.intake.domain.elements import Element


class Settling:
    """Settles the items of one transaction, once it is known what has become of each."""

    def __init__(
        self, tx: Connection, deliveries: Sequence[Delivery], new_id: Callable[[datetime], str], now: datetime
    ) -> None:
        self._tx = tx
        self._deliveries = deliveries
        self._new_id = new_id
        self._now = now
        self._aside: list[dict[str, Any]] = []

    def settle(self, items: Sequence[Item]) -> None:
        """Put aside what is not taken in, release what was waiting, and count."""
        tallies: dict[str, Counter[str]] = defaultdict(Counter)
        by_row: dict[str, list[Item]] = defaultdict(list)
        for item in items:
            if item.row is not None:
                by_row[item.row].append(item)
                continue
            if item.element.fault is not None and not item.is_of_erased:
                self._put_aside(item)
            tallies[item.element.source].update(item.counted)
        for row, again in by_row.items():
            self._settle_replay(row, again, tallies)
        store.quarantine(self._tx, self._aside)
        store.count(self._tx, tallies)

    def _settle_replay(self, row: str, items: Sequence[Item], tallies: dict[str, Counter[str]]) -> None:
        """An element tried again stays where it is, or leaves; a body tried again may turn out to be many elements."""
        notice = self._notice(row, items)
        items_left = [item for item in items if not item.is_of_erased]
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
            if item.element.fault is not None and not item.is_of_erased:
                self._put_aside(item)
            tally.update(item.counted)
        taken = next((item for item in items if item.element.fault is None and item.lead_id and item.event_id), None)
        if notice is not None and taken is not None:
            mark = {"key": notice, "lead_id": taken.lead_id, "event_id": taken.event_id}
            store.mark_seen(self._tx, [mark])

    def _notice(self, row: str, items: Sequence[Item]) -> str | None:
        """The dedupe key of the notice in this row, where the items are what was fetched for it."""
        number = items[0].delivery
        notice = None if number is None else self._deliveries[number].notices.get(row)
        return None if notice is None else notice.key

    def _put_aside(self, item: Item) -> None:
        element, fault = item.element, item.element.fault
        assert fault is not None
        assert item.delivery is not None
        raw = self._deliveries[item.delivery].raw
        item.quarantine_id = self._new_id(self._now)
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


def _awaited(element: Element) -> str | None:
    """What will take the element out of quarantine by itself: its lead, or its errand."""
    if element.errand is not None:
        return element.errand.subject
    return element.about if element.fault is not None and element.fault.cause == "unknown_lead" else None
