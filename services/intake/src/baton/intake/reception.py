"""Reception: what happens to a request between its bytes and its answer. Everything durable happens in `taking`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, TypeVar

from baton.intake import store
from baton.intake.belonging import requeued
from baton.intake.book import Book
from baton.intake.delivery import FETCHED, HOOK, LINKED, Delivery, Notice, Once, Raw, Receipt, Taken
from baton.intake.domain.elements import Element, linked, unreadable
from baton.intake.domain.errands import Errand
from baton.intake.domain.keys import digest_bytes, external_key
from baton.intake.domain.posts import Kind
from baton.intake.domain.reading import (
    NDJSON,
    FetchedBody,
    read_fetched,
    read_hook,
    read_line,
    read_native,
    read_native_lines,
)
from baton.intake.in_hand import Carried, InHand
from baton.intake.matchmaker import Matchmaker
from baton.intake.metrics import IntakeMetrics
from baton.intake.settings import IntakeSettings
from baton.intake.taking import take_in
from baton.playbook.bodies import BodyFault, read_lines
from baton.playbook.mapping import Mapper
from baton.playbook.opening import media_type
from baton.runtime.engine import Engine
from baton.runtime.failures import NotNow
from baton.runtime.http import Problem
from baton.runtime.ids import uuid7
from baton.runtime.micro import Unit

T = TypeVar("T")

CHUNK: Final = 500
"""Elements a transaction at most: long enough to be cheap, short enough not to make others wait."""

SMALL: Final = 65_536
"""Bodies up to this are read where the request is handled; larger ones in a thread, so that nobody waits for them."""

_KEPT_HEADERS = ("user-agent", "content-type", "x-origin-base-url", "x-hubspot-signature-version", "idempotency-key")
_REFUSED_ALONE = {"wrong_shape": 422, "unknown_status": 422, "in_the_future": 422, "too_large": 413}
_TITLES = {
    "wrong_shape": "Invalid content",
    "unknown_status": "Unknown status",
    "in_the_future": "In the future",
    "too_large": "Content too large",
}


@dataclass(frozen=True, slots=True)
class Letter:
    """A request as it came."""

    body: bytes
    content_type: str | None
    headers: Mapping[str, str]
    """Names in lower case."""

    @property
    def trace(self) -> str | None:
        return self.headers.get("traceparent")

    def kept_headers(self) -> dict[str, str]:
        """Those that help to understand the body later; never credentials."""
        return {name: self.headers[name][:300] for name in _KEPT_HEADERS if name in self.headers}


class Reception:
    """Takes in requests, all through one micro-batch."""

    def __init__(self, engine: Engine, book: Book, settings: IntakeSettings, metrics: IntakeMetrics) -> None:
        self._engine = engine
        self._book = book
        self._settings = settings
        self._metrics = metrics
        self._batch = engine.micro_batch(self._work, limit=CHUNK, queue_limit=settings.intake_queue)
        self._in_hand = InHand(settings.intake_bytes, engine.shed)
        self._in_flight: set[str] = set()
        self.matchmaker = Matchmaker(engine, book, metrics)

    def _work(self, unit: Unit, deliveries: Sequence[Delivery]) -> list[Taken]:
        return take_in(unit, deliveries, self._book.rules, uuid7)

    @contextmanager
    def room(self) -> Iterator[Carried]:
        """Make room for one request before its body is read. What is yielded is to be told of the body's bytes.

        Raises NotNow, then or when told, if what waits to be stored is too much already.
        """
        self._batch.refuse_if_full()
        with self._in_hand.carrying() as more:
            yield more

    async def native(
        self, kind: Kind, letter: Letter, client: str, key: str | None
    ) -> tuple[list[dict[str, Any]], bool]:
        """Take in one, an array or NDJSON of `kind`; return the receipts, and whether they were given before.

        Raises Problem: 400 not JSON, 413, 422 for one of a wrong shape, 422 and 409 for a key used for something else
        or still in flight; NotNow while nothing can be stored.
        """
        now = self._engine.now()
        elements, is_single = await _aside(letter.body, self._read_native, kind, letter, now)
        if is_single:
            _refuse_alone(elements[0])
        if not elements:
            return [], False
        raw = self._raw(letter, kind, elements[0].source, now)
        if key is None:
            receipts = await self._store(raw, elements, letter)
            return [receipt.shown() for receipt in receipts], False
        once = Once(
            digest_bytes(client.encode(), key.encode()), digest_bytes(kind.encode(), _media(letter), letter.body)
        )
        async with self._only_once(once.key):
            return await self._store_once(raw, elements, once, letter)

    async def turn(self, weight: int) -> None:
        """Return once so many elements may be submitted without being in the way of those who cannot wait."""
        await self._batch.turn(weight)

    async def lines(self, kind: Kind, letter: Letter, lines: Sequence[bytes]) -> list[Receipt]:
        """Take in lines of a longer body, none of them blank and at most `CHUNK`: one transaction, one raw body.

        `letter` is what they came in, without its body. Raises NotNow while nothing can be stored.
        """
        now, rules = self._engine.now(), self._book.rules
        part = replace(letter, body=b"\n".join(lines))
        elements = await _aside(part.body, lambda: [read_line(line, kind, rules, now) for line in lines])
        return await self._store(self._raw(part, kind, elements[0].source, now), elements, part)

    async def hook(self, mapper: Mapper, letter: Letter) -> list[Receipt]:
        """Take in whatever a genuine sender posted. Raises NotNow while nothing can be stored, and nothing else."""
        now = self._engine.now()
        content_type, rules = letter.content_type, self._book.rules
        elements = await _aside(letter.body, read_hook, letter.body, content_type, mapper, rules, now)
        return await self._store(self._raw(letter, HOOK, mapper.source.id, now), elements, letter)

    async def replay(self, quarantine_ids: Sequence[str]) -> list[Receipt]:
        """Try quarantined elements again, by the playbook as it is now. Those no longer in quarantine are left out."""
        rows = await self._engine.read(lambda tx: store.find_quarantined(tx, quarantine_ids))
        deliveries = [await self._again(row) for row in rows]
        taken = await asyncio.gather(*(self._batch.submit(one, max(1, len(one.elements))) for one in deliveries))
        receipts = [receipt for one in taken for receipt in one.receipts]
        self._metrics.replayed(receipts, sum(one.woken for one in taken))
        return receipts

    async def fetched(self, errand: Errand, body: FetchedBody, notices: Mapping[str, Notice]) -> list[Receipt]:
        """Take in what a platform gave, and settle the notices (by quarantine id) that waited for it.

        One transaction; what is no longer waiting is left alone. Raises NotNow while nothing can be stored, LookupError
        where the playbook no longer reads such a thing.
        """
        now, reader = self._engine.now(), self._book.reader(errand.source, errand.thing)
        if reader is None:
            raise LookupError(errand.thing)
        thing, mapper = reader
        elements = read_fetched(body.kept, thing, mapper, self._book.rules, now)
        door = FETCHED + errand.thing
        raw = Raw(uuid7(now), now, errand.source, door, "application/json", {}, body.kept)
        delivery = Delivery(tuple(elements), raw, notices=notices)
        taken = await self._batch.submit(delivery, len(elements) * len(notices))
        self._metrics.replayed(taken.receipts, taken.woken)
        return list(taken.receipts)

    async def known_as(self, lead_id: str, system: str, record_id: str) -> None:
        """Know the lead by this record from now on, where a source speaks of the system's records, and take in what
        waited for that. A record that is somebody's already stays his. Raises NotNow while nothing can be stored."""
        now = self._engine.now()
        if system not in {source.external_system for source in self._book.rules.sources.sources}:
            return
        element = linked(system, external_key(system, record_id), lead_id)
        raw = Raw("", now, system, LINKED, None, {}, b"")
        taken = await self._batch.submit(Delivery((element,), raw, keeps_raw=False), 1)
        self._metrics.replayed((), taken.woken)

    # -- reading ----------------------------------------------------------------------------------------------------

    def _read_native(self, kind: Kind, letter: Letter, now: datetime) -> tuple[list[Element], bool]:
        rules = self._book.rules
        is_single = False
        if media_type(letter.content_type) in NDJSON:
            self._check_lines(letter.body)
            elements = list(read_native_lines(letter.body, kind, rules, now))
        else:
            try:
                elements, is_single = read_native(letter.body, kind, rules, now)
            except BodyFault as fault:
                raise Problem(400, "Not JSON", str(fault)) from None
        if len(elements) > self._settings.max_elements:
            raise Problem(413, "Content too large", f"At most {self._settings.max_elements} elements in one request.")
        return elements, is_single

    def _check_lines(self, body: bytes) -> None:
        limit = self._settings.max_body_bytes
        count = 0
        for count, line in enumerate(read_lines(body), 1):
            if len(line) > limit or count > self._settings.max_elements:
                most = f"{limit} bytes in a line, {self._settings.max_elements} lines in one request"
                raise Problem(413, "Content too large", f"At most {most}.", limit=limit)

    async def _again(self, row: Any) -> Delivery:
        found = None if row.form is not None else await self._engine.read(lambda tx: store.find_raw(tx, row.raw_id))
        door = row.kind if found is None else found.door
        raw = Raw(row.raw_id, row.received_at, row.source, door, None, {}, b"")
        return Delivery(tuple(reread(row, found, self._book)), raw, keeps_raw=False, replays=row.id)

    # -- storing ----------------------------------------------------------------------------------------------------

    def _raw(self, letter: Letter, door: str, source: str, now: datetime) -> Raw:
        return Raw(uuid7(now), now, source, door, letter.content_type, letter.kept_headers(), letter.body)

    async def _store(self, raw: Raw, elements: Sequence[Element], letter: Letter) -> list[Receipt]:
        receipts: list[Receipt] = []
        woken = 0
        # The bytes are kept also where nothing in them counts here.
        for start in range(0, max(1, len(elements)), CHUNK):
            chunk = tuple(elements[start : start + CHUNK])
            delivery = Delivery(chunk, raw, keeps_raw=start == 0, trace=letter.trace)
            taken = await self._batch.submit(delivery, max(1, len(chunk)))
            receipts += taken.receipts
            woken += taken.woken
            await self._make_matches(taken)
        self._metrics.received(len(letter.body), receipts)
        self._metrics.replayed((), woken)
        return receipts

    async def _store_once(
        self, raw: Raw, elements: Sequence[Element], once: Once, letter: Letter
    ) -> tuple[list[dict[str, Any]], bool]:
        """One transaction, however many elements: the answer is stored with them."""
        taken = await self._batch.submit(Delivery(tuple(elements), raw, once=once, trace=letter.trace), len(elements))
        if taken.is_key_reused:
            raise Problem(422, "Idempotency-Key reused", "This key was used for something else.")
        if taken.stored is not None:
            return taken.stored, True
        await self._make_matches(taken)
        self._metrics.received(len(letter.body), taken.receipts)
        self._metrics.replayed((), taken.woken)
        return [receipt.shown() for receipt in taken.receipts], False

    async def _make_matches(self, taken: Taken) -> None:
        """Merge what these elements have shown to be one. What cannot be done now is done soon, by a task."""
        if taken.are_due:
            with suppress(NotNow):
                await self.matchmaker.merge_due()

    @asynccontextmanager
    async def _only_once(self, key: str) -> AsyncIterator[None]:
        """One request at a time under a key. Another replica's is waited for by the store."""
        if key in self._in_flight:
            raise Problem(409, "Still in flight", "A request with this Idempotency-Key is being worked on.")
        self._in_flight.add(key)
        try:
            yield
        finally:
            self._in_flight.discard(key)


def reread(row: Any, raw: Any, book: Book) -> list[Element]:
    """A quarantined element from the form it was kept in, else from its raw body; at least one element."""
    if row.form is not None:
        return [requeued(row, book.rules)]
    found: list[Element] = []
    if raw is not None and raw.door == HOOK and (mapper := book.mapper(row.source)) is not None:
        found = read_hook(raw.body, raw.content_type, mapper, book.rules, row.received_at)
    elif raw is not None and raw.door.startswith(FETCHED):
        reader = book.reader(row.source, raw.door.removeprefix(FETCHED))
        found = [] if reader is None else read_fetched(bytes(raw.body), *reader, book.rules, row.received_at)
    elif raw is not None and raw.door != HOOK:
        found = list(read_native_lines(raw.body, raw.door, book.rules, row.received_at))
    if row.fingerprint is not None:
        found = [element for element in found if element.fingerprint == row.fingerprint]
    return found or [
        unreadable(row.kind, row.source, row.fingerprint or "", "nothing takes this element now", "unmapped")
    ]


async def _aside(body: bytes, work: Callable[..., T], *args: Any) -> T:
    return work(*args) if len(body) <= SMALL else await asyncio.to_thread(work, *args)


def _media(letter: Letter) -> bytes:
    return media_type(letter.content_type).encode()


def _refuse_alone(element: Element) -> None:
    """Refuse a single element for what is the sender's fault; in a batch the same is put into quarantine."""
    fault = element.fault
    if fault is not None and fault.cause in _REFUSED_ALONE:
        errors = list(fault.errors) or None
        raise Problem(
            _REFUSED_ALONE[fault.cause], _TITLES[fault.cause], None if errors else fault.detail, errors=errors
        )
