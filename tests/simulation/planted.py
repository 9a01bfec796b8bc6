"""Bugs of the kinds that lose leads or route them twice, planted into the real code: the simulation must find each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from unittest.mock import patch

from sqlalchemy import Connection

from baton.intake.erasing import Erasing
from baton.runtime import batch, fence, fold, forgetting, lanes, relay, timers, worker
from baton.runtime.bus.port import Outgoing
from baton.runtime.envelope import to_wire
from baton.runtime.lanes import Lease
from baton.runtime.store.types import Instant
from tests.simulation.bus import SimBus
from tests.simulation.store import EPOCH


@contextmanager
def guard_off() -> Iterator[None]:
    """Every record is taken for the next one: what comes twice is handled twice."""
    with patch.object(batch.Work, "_verdict", lambda self, record, envelope, guard: "apply"):
        yield


@contextmanager
def places_without_equality() -> Iterator[None]:
    """A place moves whatever it was: one that others have moved on in the meantime goes back."""

    def on_sqlite(tx: Connection, owner: str, epochs: dict[int, int], moves: Any, until: datetime) -> tuple[int, int]:
        bound = Instant().process_bind_param(until, tx.dialect)
        mine = "UPDATE lane SET until = ? WHERE lane = ? AND epoch = ? AND owner = ?"
        lanes = sum(tx.exec_driver_sql(mine, (bound, lane, epoch, owner)).rowcount for lane, epoch in epochs.items())
        to = "UPDATE place SET next_off = ? WHERE topic = ? AND lane = ?"
        ours = [move for move in moves if move.place[1] in epochs]
        return lanes, sum(tx.exec_driver_sql(to, (move.next, *move.place)).rowcount for move in ours)

    with patch.object(fence, "_on_sqlite", on_sqlite):
        yield


@contextmanager
def places_by_less_or_equal() -> Iterator[None]:
    """A place moves on to a batch from anywhere before it, and nobody looks whether a poll begins where one ended.

    Either alone is made good by the other.
    """

    async def with_holes(self: Any, polled: dict[Any, Any]) -> dict[Any, Any]:
        self.places.update({place: records[0].offset for place, records in polled.items()})
        return polled

    def on_sqlite(tx: Connection, owner: str, epochs: dict[int, int], moves: Any, until: datetime) -> tuple[int, int]:
        lanes, _ = proper(tx, owner, epochs, (), until)
        move_on = "UPDATE place SET next_off = ? WHERE topic = ? AND lane = ? AND next_off <= ?"
        moved = (tx.exec_driver_sql(move_on, (move.next, *move.place, move.first)).rowcount for move in moves)
        return lanes, sum(moved)

    proper = fence._on_sqlite
    with patch.object(worker.Worker, "_without_holes", with_holes), patch.object(fence, "_on_sqlite", on_sqlite):
        yield


@contextmanager
def fence_off() -> Iterator[None]:
    """Nobody has to prove that his lanes are still his, nor that their places are where he thinks.

    Either alone is made good by the other: what a replica has lost has also moved on.
    """

    def on_sqlite(tx: Connection, owner: str, epochs: dict[int, int], moves: Any, until: datetime) -> tuple[int, int]:
        to = "UPDATE place SET next_off = ? WHERE topic = ? AND lane = ?"
        for move in moves:
            tx.exec_driver_sql(to, (move.next, *move.place))
        return len(epochs), len(moves)

    with patch.object(fence, "_on_sqlite", on_sqlite):
        yield


@contextmanager
def marked_before_published() -> Iterator[None]:
    """The relay gives rows their positions first: who dies in between has told nobody."""

    async def once(self: Any) -> int:
        held = {lane: lease.epoch for lane, lease in self._lanes.held.items()}
        pages = await self._store.read(lambda tx: self._outbox(tx, list(held))) if held else []
        if not pages:
            return 0
        await self._store.write(lambda tx: self._mark(tx, pages, held))
        outgoing: list[Outgoing] = [relay._outgoing(page, row) for page in pages for row in page.facts]
        await self._bus.publish(outgoing)
        return len(outgoing)

    with patch.object(relay.Relay, "once", once):
        yield


@contextmanager
def relay_that_pages_by_id() -> Iterator[None]:
    """The relay forgets what it had under way when it failed, and goes on behind it."""
    proper = relay.Relay._outbox

    def outbox(self: Any, tx: Connection, lanes: Sequence[int]) -> Any:
        pages = [page for page in proper(self, tx, lanes) if page.id > getattr(self, "seen", 0)]
        self.seen = max([page.id for page in pages], default=getattr(self, "seen", 0))
        return pages

    with patch.object(relay.Relay, "_outbox", outbox):
        yield


@contextmanager
def timers_before_inputs() -> Iterator[None]:
    """A deadline fires when it has passed, whatever lies unread on the bus."""
    proper = timers.Timers.__init__

    def init(self: Any, *given: Any, **named: Any) -> None:
        proper(self, *given, **named | {"deadlines": frozenset()})

    with patch.object(timers.Timers, "__init__", init):
        yield


@contextmanager
def published_before_committed() -> Iterator[None]:
    """What is decided goes to the bus from within the transaction: what is not committed then was said all the same."""
    log: list[SimBus] = []
    made, proper = SimBus.__init__, fold.Fold.flush

    def init(self: SimBus, *given: Any, **named: Any) -> None:
        made(self, *given, **named)
        log[:] = [self]

    def flush(self: fold.Fold) -> fold.Tally:
        tally = proper(self)
        for row in tally.journal:
            log[0]._append(Outgoing(row["topic"], row["lane"], row["subject"], to_wire(row["headers"]), row["value"]))
        return tally

    with patch.object(SimBus, "__init__", init), patch.object(fold.Fold, "flush", flush):
        yield


class _EveryLane:
    """What is left of lanes where topics are leased: everybody has all of them, as long as he lives."""

    def __init__(self, proper: lanes.Lanes) -> None:
        self._proper = proper
        self.held = dict.fromkeys(range(proper.count), Lease(0, EPOCH))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._proper, name)


@contextmanager
def lease_per_topic() -> Iterator[None]:
    """Replicas share topics instead of lanes, so that two of them handle what is said about one lead."""
    proper = {of: of.__init__ for of in (worker.Worker, timers.Timers)}
    tend, all_places = lanes.Lanes.tend, worker.Worker.places_of

    def init(self: Any, *given: Any, **named: Any) -> None:
        proper[type(self)](self, *given, **named)
        self._lanes = _EveryLane(self._lanes)

    async def tend_topics(self: Any) -> None:
        await tend(self)
        alive = await self._store.read(self.look)
        if alive != getattr(self, "alive", None):
            self.alive, self.generation = alive, self.generation + 1

    def look(self: Any, tx: Connection) -> list[str]:
        now = Instant().process_bind_param(self._clock.now(), tx.dialect)
        return [row[0] for row in tx.exec_driver_sql("SELECT owner FROM member WHERE until >= ? ORDER BY 1", (now,))]

    def places(self: Any, tx: Connection) -> Any:
        alive, topics = getattr(self._lanes, "alive", []), sorted(self._service.hears)
        mine = topics[alive.index(self._lanes.owner) :: len(alive)] if self._lanes.owner in alive else []
        self._timers._topics = mine
        return {place: at for place, at in all_places(self, tx).items() if place[0] in mine}

    def on_sqlite(tx: Connection, owner: str, epochs: dict[int, int], moves: Any, until: datetime) -> tuple[int, int]:
        move_on = "UPDATE place SET next_off = ? WHERE topic = ? AND lane = ? AND next_off = ?"
        moved = (tx.exec_driver_sql(move_on, (move.next, *move.place, move.first)).rowcount for move in moves)
        return len(epochs), sum(moved)

    with (
        patch.object(worker.Worker, "__init__", init),
        patch.object(timers.Timers, "__init__", init),
        patch.object(lanes.Lanes, "tend", tend_topics),
        patch.object(lanes.Lanes, "look", look, create=True),
        patch.object(worker.Worker, "places_of", places),
        patch.object(fence, "_on_sqlite", on_sqlite),
    ):
        yield


@contextmanager
def jumps_believed() -> Iterator[None]:
    """A clock that has jumped is believed at once."""
    with patch.object(timers.JumpWatch, "calm", lambda self, monotonic: True):
        yield


@contextmanager
def journal_not_wiped() -> Iterator[None]:
    """Who is erased stands in the journals still, word by word."""
    with patch.object(forgetting, "wipe_journal", lambda *given: None):
        yield


@contextmanager
def erased_alone() -> Iterator[None]:
    """Of several leads that are one person only the one that was named is erased."""

    async def erase(self: Erasing, lead_id: str, requested_at: datetime | None = None) -> Any:
        return await self._erase_one(lead_id, requested_at)

    with patch.object(Erasing, "erase", erase):
        yield


BUGS = (
    guard_off,
    places_without_equality,
    places_by_less_or_equal,
    fence_off,
    marked_before_published,
    relay_that_pages_by_id,
    timers_before_inputs,
    published_before_committed,
    lease_per_topic,
    jumps_believed,
    journal_not_wiped,
    erased_alone,
)
