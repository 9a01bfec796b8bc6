"""Drive a service as the runtime does, one step at a time, on a real store, under a clock that stands still. For tests.

async with Bench.of(service, tmp_path, clock) as bench:
    await bench.hear(LeadReceived(...), subject=lead_id)
    await bench.advance(timedelta(hours=1))
    assert types_of(await bench.said()) == [...]
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import select

from baton.runtime.bus.embedded import EmbeddedBus
from baton.runtime.bus.port import Outgoing
from baton.runtime.clock import FixedClock
from baton.runtime.engine import Engine
from baton.runtime.envelope import data_of, headers_of, to_wire
from baton.runtime.handler import Command, Reply, Service
from baton.runtime.ids import event_id
from baton.runtime.migrate import migrate_now
from baton.runtime.partition import lane_of
from baton.runtime.settings import Settings
from baton.runtime.store.port import open_store


@dataclass(frozen=True, slots=True)
class Said:
    """A fact the service published."""

    id: str
    subject: str
    type: str
    sequence: int
    at: datetime
    body: dict[str, Any]
    headers: dict[str, str]
    value: bytes


class Bench:
    """One engine without its background tasks: every step is called by the test."""

    def __init__(self, engine: Engine, clock: FixedClock) -> None:
        self.engine = engine
        self.clock = clock
        self._sequences: dict[tuple[str, str], int] = {}

    @classmethod
    @contextlib.asynccontextmanager
    async def of(
        cls,
        service: Service[Any, Any],
        home: Path,
        clock: FixedClock,
        *,
        database_url: str | None = None,
        partitions: int = 4,
    ) -> AsyncIterator[Bench]:
        """Open a bench on a fresh SQLite file in `home`, or on the empty Postgres database at `database_url`."""
        settings = Settings(home=home, database_url=database_url, partitions=partitions)
        await migrate_now(service.name, settings.store_url(service.name))
        bus = EmbeddedBus(home / "bus.db")
        store = open_store(settings.store_url(service.name))
        engine = Engine(service, settings, store, bus, clock, alone=True)
        try:
            await bus.prepare(sorted({*service.hears, *service.says}), partitions)
            await engine.lanes.prepare(list(service.hears), alone=True)
            await engine.lanes.tend()
            yield cls(engine, clock)
        finally:
            await store.close()
            await bus.close()

    async def hear(
        self,
        body: Any,
        *,
        subject: str,
        source: str | None = None,
        at: datetime | None = None,
        sequence: int | None = None,
        event: str | None = None,
    ) -> None:
        """Put a fact of another publisher on its topic and let the service deal with all there is."""
        await self.publish(body, subject=subject, source=source, at=at, sequence=sequence, event=event)
        await self.settle()

    async def publish(
        self,
        body: Any,
        *,
        subject: str,
        source: str | None = None,
        at: datetime | None = None,
        sequence: int | None = None,
        event: str | None = None,
    ) -> None:
        """Put a fact of another publisher on its topic. `source` follows from the topic, `sequence` counts up."""
        publisher = source or {"leads.sla": "sla-monitor", "leads.roster": "routing"}.get(
            body.topic, body.topic.removeprefix("leads.")
        )
        last = self._sequences.get((publisher, subject), 0)
        number = sequence or last + 1
        self._sequences[publisher, subject] = max(last, number)
        headers = headers_of(
            service=publisher,
            event_id=event or event_id(publisher, subject, number),
            type=body.type,
            subject=subject,
            sequence=number,
            at=at or self.clock.now(),
            now=self.clock.now(),
            cause_id="test",
            playbook=None,
            trace=None,
        )
        lane = lane_of(subject, self.engine.settings.partitions)
        await self.engine.bus.publish([Outgoing(body.topic, lane, subject, to_wire(headers), data_of(body))])

    async def settle(self, wait: float = 0.0) -> None:
        """Handle everything that is on the bus, and all timers that may fire."""
        while await self.engine.worker.once(wait):
            continue

    async def command(self, name: str, subject: str, body: Any = None, *, actor: str = "test", id: str = "") -> Reply:  # noqa: A002
        """Send a command; returns the reply, raises Refused."""
        identity = id or event_id("command", name, subject, self.clock.now().isoformat())
        return await self.engine.command(Command(identity, subject, name, body, actor))

    async def advance(self, by: timedelta | datetime) -> None:
        """Let time pass (or stand at a datetime) and let the service act on it, the grace of deadlines included."""
        to = by if isinstance(by, datetime) else self.clock.now() + by
        while self.clock.now() < to:
            # From timer to timer; one that waits for its inputs is tried again every second.
            timers = await self.timers()
            soonest = max(timers[0][2], self.clock.now() + timedelta(seconds=1)) if timers else to
            self.clock.move_to(min(to, soonest))
            await self.engine.lanes.tend()
            for _ in range(2):
                self.engine.timers.look_again()
                await self.settle()

    async def said(self, *types: str) -> list[Said]:
        """Return every fact published so far, in order; only those of `types` if any are named."""
        journal = self.engine.service.metadata.tables["journal"]
        rows = await self.engine.read(lambda tx: tx.execute(select(journal).order_by(journal.c.id)).all())
        return [_said(row) for row in rows if not types or row.type in types]

    async def timers(self) -> list[tuple[str, str, datetime]]:
        """Return (subject, kind, due) of every timer that is set."""
        timer = self.engine.service.metadata.tables["timer"]
        query = select(timer).where(timer.c.due_at.is_not(None)).order_by(timer.c.due_at, timer.c.subject, timer.c.kind)
        rows = await self.engine.read(lambda tx: tx.execute(query).all())
        return [(row.subject, row.kind, row.due_at) for row in rows]


def _said(row: Any) -> Said:
    return Said(
        id=row.event_id,
        subject=row.subject,
        type=row.type,
        sequence=row.sequence,
        at=datetime.fromisoformat(row.headers["ce_time"]),
        body=orjson.loads(row.value),
        headers=row.headers,
        value=bytes(row.value),
    )


def types_of(said: Sequence[Said]) -> list[str]:
    """Return the types of facts in order."""
    return [fact.type for fact in said]
