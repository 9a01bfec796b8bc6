"""Sends what is due: claims it, tells the endpoint, writes down what became of it. One task in each replica.

A delivery is claimed before it is sent: by its number of tries, and only while its lane is ours. So two replicas never
try the same one at a time, and whoever dies in the middle leaves it due again once the claim has run out. A receiver
may see it twice then, under the same `webhook-id`.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Row

from baton.routing import store_deliveries as store
from baton.routing.deliveries.calling import Caller
from baton.routing.deliveries.escalations import is_escalation, with_names
from baton.routing.deliveries.letters import Letter, letter_of, names_of
from baton.routing.deliveries.mailing import PostOffice
from baton.routing.deliveries.notices import told_to_owner
from baton.routing.deliveries.outcome import Outcome
from baton.routing.deliveries.receivers import Directory, Receiver
from baton.routing.deliveries.settling import settle
from baton.runtime.failures import Refused
from baton.runtime.fence import store_now
from baton.runtime.handler import Command
from baton.runtime.ids import event_id
from baton.runtime.observe import log
from baton.runtime.store import NotNow
from baton.runtime.store.tables import runtime_tables
from baton.runtime.traces import span_of

if TYPE_CHECKING:
    from baton.routing.service import Routing
    from baton.runtime.engine import Engine

TELL_SECONDS = 30.0
"""Longest try, with all its steps; Standard Webhooks asks for 15 to 30 s."""

CLAIM = timedelta(seconds=45)
"""How long a try keeps a delivery: longer than it can last."""

LOOK_SECONDS = 0.5
AT_ONCE = 32
KEEP_HOUSE_SECONDS = 15.0
PRUNE_SECONDS = 3600.0


class Sender:
    """Everything this process has on its way to the outside."""

    def __init__(self, routing: Routing, caller: Caller, post_office: PostOffice | None, keep_days: int) -> None:
        self._routing = routing
        self._caller = caller
        self._post_office = post_office
        self._keep = timedelta(days=keep_days)
        self._runtime = runtime_tables(routing.metadata)
        self._under_way: dict[tuple[str, int, str], asyncio.Task[None]] = {}
        self._pruned_at = -PRUNE_SECONDS

    async def run(self, engine: Engine) -> None:
        """Send for ever. At the end what is under way is given back."""
        counting = asyncio.create_task(self._count(engine))
        try:
            while True:
                try:
                    begun = await self.once(engine)
                except NotNow as problem:
                    log.warning("deliveries_wait", reason=str(problem)[:200])
                    begun = 0
                if not begun:
                    await asyncio.sleep(LOOK_SECONDS)
        finally:
            counting.cancel()
            await self.stop()

    async def stop(self) -> None:
        """End what is under way; whether it arrived is not known, so it is tried again."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def finished(self) -> None:
        """Wait for what is under way."""
        while self._under_way:
            await asyncio.gather(*self._under_way.values(), return_exceptions=True)

    async def once(self, engine: Engine) -> int:
        """Begin what is due and can be begun; return how many that were."""
        directory = await engine.read(self._routing.directory)
        if not directory.everybody or not engine.lanes.held:
            return 0
        chosen = await engine.read(partial(self._due, engine, directory))
        for row in await engine.read(partial(self._taken, engine)):
            self._begin(("taken", row.id, row.event_id), self._tell_taken(engine, directory, row))
        if not chosen:
            return 0
        claimed = await engine.store.write(partial(self._claim, engine, chosen))
        for one, told, record in claimed:
            receiver = directory.everybody[one.endpoint]
            self._begin((one.endpoint, one.id, one.event_id), self._one(engine, receiver, one, told, record))
        return len(claimed)

    def _begin(self, key: tuple[str, int, str], work: Any) -> None:
        if key in self._under_way:
            work.close()
            return
        task = asyncio.create_task(work)
        self._under_way[key] = task
        task.add_done_callback(lambda _: self._under_way.pop(key, None))

    def _due(self, engine: Engine, directory: Directory, tx: Connection) -> list[Row[Any]]:
        now, tables = store_now(tx, engine.clock), self._routing.tables
        outlets = store.outlets(tx, tables)
        busy = Counter(endpoint for endpoint, _, _ in self._under_way)
        free = AT_ONCE - len(self._under_way)
        found: list[Row[Any]] = []
        for receiver in directory.on():
            room = min(_room(receiver, outlets.get(receiver.id), now) - busy[receiver.id], free - len(found))
            if room > 0:
                rows = store.due(tx, tables, receiver.id, engine.lanes.held, now, room + busy[receiver.id])
                found += [row for row in rows if (row.endpoint, row.id, row.event_id) not in self._under_way][:room]
        return found

    def _taken(self, engine: Engine, tx: Connection) -> list[Row[Any]]:
        now = store_now(tx, engine.clock)
        return store.taken(tx, self._routing.tables, engine.lanes.held, now, AT_ONCE)

    def _claim(
        self, engine: Engine, rows: Sequence[Row[Any]], tx: Connection
    ) -> list[tuple[store.Claimed, store.Told | None, dict[str, Any]]]:
        tables, now = self._routing.tables, store_now(tx, engine.clock)
        claimed = []
        for row in rows:
            lease = engine.lanes.held.get(row.lane)
            if lease is None:
                continue
            one = store.claim(tx, tables, self._runtime, row, engine.lanes.owner, lease.epoch, now + CLAIM)
            if one is not None:
                claimed.append(one)
        facts = store.facts(tx, tables, self._runtime, [one.event_id for one in claimed])
        records = store.records(tx, tables, [one.lead_id for one in claimed])
        return [(one, facts.get(one.event_id), records.get((one.lead_id, one.endpoint), {})) for one in claimed]

    async def _one(
        self,
        engine: Engine,
        receiver: Receiver,
        claimed: store.Claimed,
        told: store.Told | None,
        record: dict[str, Any],
    ) -> None:
        tables = self._routing.tables
        # NotNow: then the claim runs out, and it is tried again. Refused: the person was erased meanwhile.
        with contextlib.suppress(NotNow, Refused):
            if told is None:
                await engine.store.write(lambda tx: store.drop(tx, tables, claimed))
                return
            letter = letter_of(claimed.lead_id, told.headers, told.value)
            if not receiver.wants(letter.type, lambda: names_of(letter, record)):
                await engine.store.write(lambda tx: store.drop(tx, tables, claimed))
                return
            if receiver.notice is not None and is_escalation(letter):
                letter = await engine.read(partial(self._with_names, letter))
            began = time.time_ns()
            outcome = await self._told(engine, receiver, letter, record)
            span = _traced(engine, receiver, claimed, letter, outcome, began)
            self._routing.metrics.count_delivery(receiver.is_notice, outcome.verdict)
            ending = await engine.store.write(
                lambda tx: settle(tx, tables, receiver, claimed, outcome, store_now(tx, engine.clock))
            )
            if ending == "given_up":
                self._routing.metrics.count_given_up(receiver.id)
            if ending == "taken":
                await self._say_taken(engine, receiver, claimed.id, letter, record, span)

    def _with_names(self, letter: Letter, tx: Connection) -> Letter:
        return with_names(tx, self._routing.tables, self._routing.books_now(tx), letter)

    async def _told(self, engine: Engine, receiver: Receiver, letter: Letter, record: dict[str, Any]) -> Outcome:
        async def keep(found: Mapping[str, Any]) -> None:
            record.update(found)
            await engine.store.write(
                lambda tx: store.keep_record(
                    tx, self._routing.tables, letter.lead_id, receiver.id, record, store_now(tx, engine.clock)
                )
            )

        try:
            async with asyncio.timeout(TELL_SECONDS):
                if receiver.notice is not None:
                    return await told_to_owner(self._caller, self._post_office, receiver, letter)
                return await self._caller.tell(receiver, letter, record, keep)
        except TimeoutError:
            return Outcome("unreachable", error="no whole answer in time", concerns_all=True)
        except NotNow:
            raise
        except Exception as problem:  # noqa: BLE001  (whatever a delivery meets: its neighbours go on, it is tried again)
            log.error("delivery_failed", endpoint=receiver.id, error=type(problem).__name__, exc_info=True)
            return Outcome("broken", error=type(problem).__name__)

    async def _tell_taken(self, engine: Engine, directory: Directory, row: Row[Any]) -> None:
        """What a process that is gone was about to say."""
        with contextlib.suppress(NotNow, Refused):
            facts = await engine.read(lambda tx: store.facts(tx, self._routing.tables, self._runtime, [row.event_id]))
            records = await engine.read(lambda tx: store.records(tx, self._routing.tables, [row.lead_id]))
            told, receiver = facts.get(row.event_id), directory.everybody.get(row.endpoint)
            if told is None or receiver is None:
                await engine.store.write(lambda tx: store.said(tx, self._routing.tables, row.id, row.event_id))
                return
            letter = letter_of(row.lead_id, told.headers, told.value)
            await self._say_taken(engine, receiver, row.id, letter, records.get((row.lead_id, row.endpoint), {}))

    async def _say_taken(
        self,
        engine: Engine,
        receiver: Receiver,
        delivery: int,
        letter: Letter,
        record: Mapping[str, Any],
        span: str | None = None,
    ) -> None:
        """Publish `lead.delivered`, once for this round and endpoint, and only then take the delivery for done."""
        name = receiver.endpoint.record_id if receiver.endpoint is not None else None
        body = {
            "round": letter.data["round"],
            "caused_at": letter.data.get("caused_at"),
            "endpoint": receiver.id,
            "label": receiver.label,
            "system": receiver.endpoint.system or receiver.id if receiver.endpoint is not None and name else None,
            "record_id": record.get(name) if name else None,
            "delivered": letter.type,
            "delivered_id": letter.id,
        }
        cause = event_id("delivered", letter.lead_id, letter.data["round"], receiver.id)
        await engine.command(Command(cause, letter.lead_id, "delivered", body, trace=letter.trace, span=span))
        await engine.store.write(lambda tx: store.said(tx, self._routing.tables, delivery, letter.id))

    async def _count(self, engine: Engine) -> None:
        while True:
            with contextlib.suppress(NotNow):  # readyz says so
                await self.keep_house(engine)
            await asyncio.sleep(KEEP_HOUSE_SECONDS)

    async def keep_house(self, engine: Engine) -> None:
        """Show how endpoints fare; once an hour forget what was settled long ago."""
        tables = self._routing.tables

        def look(tx: Connection) -> tuple[datetime, Directory, Mapping[str, Any], Mapping[str, Any]]:
            now = store_now(tx, engine.clock)
            return now, self._routing.directory(tx), store.outlets(tx, tables), store.waiting(tx, tables)

        now, directory, outlets, waiting = await engine.read(look)
        disabled = {name for name, row in outlets.items() if row.disabled is not None}
        self._routing.metrics.show_endpoints(directory.everybody, disabled, waiting, now)
        if engine.clock.monotonic() - self._pruned_at >= PRUNE_SECONDS:
            self._pruned_at = engine.clock.monotonic()
            await engine.store.write(lambda tx: store.prune(tx, tables, now - self._keep))


def _traced(
    engine: Engine, receiver: Receiver, claimed: store.Claimed, letter: Letter, outcome: Outcome, began: int
) -> str | None:
    """Tell of a try, where traces are asked for; return its span."""
    if engine.traces is None or letter.trace is None:
        return None
    span = span_of(event_id("try", claimed.event_id, receiver.id, claimed.tries))
    is_taken = outcome.verdict == "delivered"
    about = {"baton.endpoint": receiver.id, "baton.verdict": outcome.verdict, "baton.tries": claimed.tries}
    engine.traces.span(
        f"routing deliver {letter.type}",
        f"{letter.trace[:36]}{span}-01",
        span_of(letter.id),
        began,
        kind="CLIENT",
        error=None if is_taken else outcome.verdict,
        attributes=about,
    )
    return span


def _room(receiver: Receiver, outlet: Row[Any] | None, now: datetime) -> int:
    """How many may be under way: none to whom is disabled or left alone, one to whom did not answer the last time."""
    if outlet is None:
        return receiver.at_once
    if outlet.disabled is not None or (outlet.paused_until is not None and outlet.paused_until > now):
        return 0
    return 1 if outlet.failures else receiver.at_once
