"""Which timers may fire now. Rows of a lane, on the store's clock.

A deadline D fires only when its lane has read its inputs up to an end taken at D + 2 s or later, so that what was
accepted
before D is known by then: no false breach after a lag or a restart. While a fact of its lead is parked a deadline waits
too: what would meet it may stand behind. Wake-ups do not wait.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select

from baton.runtime.batch import GRACE, TimerRow
from baton.runtime.bus.port import Reader, TopicLane
from baton.runtime.clock import Clock
from baton.runtime.fence import store_now
from baton.runtime.fold import JOB, Tally
from baton.runtime.lanes import Lanes
from baton.runtime.observe import log
from baton.runtime.store.port import Store
from baton.runtime.store.tables import RuntimeTables

PAGE = 500
LOOK_SECONDS = 1.0
"""How often the earliest timer is looked up when nothing here has set one: other replicas' commands may have."""
JUMP = timedelta(seconds=5)
CALM_SECONDS = 60.0
"""After a jump of the clock no deadline fires until it has agreed with the monotonic one for this long."""


class Timers:
    """Finds what is due in the lanes held."""

    def __init__(
        self,
        store: Store,
        tables: RuntimeTables,
        lanes: Lanes,
        clock: Clock,
        *,
        topics: Sequence[str],
        deadlines: frozenset[str],
        on_jump: Callable[[], None] = lambda: None,
    ) -> None:
        self._store = store
        self._timer = tables.timer.c
        waits = select(tables.parked.c.subject).where(tables.parked.c.source.is_not(None))
        self._may_go_on = or_(self._timer.kind.not_in(deadlines), self._timer.subject.not_in(waits))
        self._on_jump = on_jump
        self._lanes = lanes
        self._clock = clock
        self._topics = topics
        self._deadlines = deadlines
        self._soonest: datetime | None = None
        self._looked_at = -1e9
        self._targets: dict[int, tuple[datetime, dict[TopicLane, int]]] = {}
        self._caught_up: dict[int, datetime] = {}
        self._not_before: datetime | None = None
        self._watch = JumpWatch()

    def note(self, tally: Tally) -> None:
        """A transaction of this process was committed: it may have set timers, or woken somebody."""
        due_at = tally.soonest
        if tally.books_changed:
            self.look_again()
        if due_at is not None and (self._soonest is None or due_at < self._soonest):
            self._soonest = due_at

    def forget(self) -> None:
        """Lanes have changed hands or the bus was away: what was known of the inputs' ends is void."""
        self._forget_ends()
        self._looked_at = -1e9

    def _forget_ends(self) -> None:
        self._targets.clear()
        self._caught_up.clear()
        self._not_before = None

    def look_again(self) -> None:
        """Ask the store at the next call, whatever was known of the earliest timer."""
        self._looked_at = -1e9

    async def due(self, reader: Reader, places: Mapping[TopicLane, int]) -> list[TimerRow]:
        """Return the timers that may fire now, earliest first, at most 500. `places`: what was read so far."""
        monotonic = self._clock.monotonic()
        look = monotonic - self._looked_at >= LOOK_SECONDS
        if not look and (self._soonest is None or self._soonest > self._clock.now()):
            return []
        now, self._soonest = await self._store.read(self._look)
        self._looked_at = monotonic
        if self._clock.monotonic() - monotonic > JUMP.total_seconds():
            self.forget()  # whoever stood still meanwhile knows what the time was, not what it is: it may have jumped
            return []
        if self._watch.sample(now, monotonic, self._clock.monotonic()):
            self._forget_ends()  # they were noted by the clock as it was
            self._on_jump()
        self._not_before = self._not_before or now + GRACE
        if self._soonest is None or self._soonest > now:
            return []
        await self._follow(reader, places, now)
        return await self._store.read(lambda tx: self._select(tx, now))

    def _look(self, tx: Connection) -> tuple[datetime, datetime | None]:
        soonest = select(func.min(self._timer.due_at)).where(self._timer.due_at.is_not(None), self._may_go_on)
        return store_now(tx, self._clock), tx.execute(soonest).scalar()

    async def _follow(self, reader: Reader, places: Mapping[TopicLane, int], now: datetime) -> None:
        """Take the end of the inputs where none is awaited, and note which lanes have read up to theirs."""
        if not self._deadlines:
            return
        if self._not_before is not None and now >= self._not_before:
            fresh = [lane for lane in self._lanes.held if lane not in self._targets]
            ends = await reader.ends([(topic, lane) for lane in fresh for topic in self._topics]) if fresh else {}
            for lane in fresh:
                self._targets[lane] = (now, {place: end for place, end in ends.items() if place[1] == lane})
        for lane, (taken_at, ends) in list(self._targets.items()):
            if all(places.get(place, 0) >= end for place, end in ends.items()):
                self._caught_up[lane] = taken_at
                del self._targets[lane]

    def _select(self, tx: Connection, now: datetime) -> list[TimerRow]:
        timer = self._timer
        held = list(self._lanes.held)
        may_fire: list[ColumnElement[bool]] = [and_(timer.lane.in_(held), timer.kind.not_in(self._deadlines))]
        if self._watch.calm(self._clock.monotonic()):
            for lane, at in self._caught_up.items():
                horizon = and_(timer.lane == lane, timer.kind.in_(self._deadlines), timer.due_at <= at - GRACE)
                may_fire.append(horizon)
        query = (
            select(timer.subject, timer.kind, timer.due_at, timer.version)
            .where(timer.due_at <= now, timer.kind.not_like(f"{JOB}%"), or_(*may_fire), self._may_go_on)
            .order_by(timer.due_at, timer.subject, timer.kind)
            .limit(PAGE)
        )
        return [TimerRow(*row) for row in tx.execute(query)]


class JumpWatch:
    """Compares the store's clock with one that never jumps; a jump must not breach every open lead at once."""

    def __init__(self) -> None:
        self._last: tuple[datetime, float, float] | None = None
        self._jumped_at: float | None = None

    def sample(self, now: datetime, asked: float, answered: float) -> bool:
        """Take one reading of both clocks: the store said `now` at some moment from `asked` to `answered`.

        Returns True if the store's has jumped since the last one.
        """
        has_jumped = False
        if self._last is not None:
            then, asked_then, answered_then = self._last
            passed = (now - then).total_seconds()
            jump = max(passed - (answered - asked_then), (asked - answered_then) - passed)
            has_jumped = jump > JUMP.total_seconds()
            if has_jumped:
                self._jumped_at = answered
                log.error("clock_jumped", seconds=passed - (answered - answered_then))
        self._last = (now, asked, answered)
        return has_jumped

    def calm(self, monotonic: float) -> bool:
        """True unless a jump was seen within the last minute."""
        return self._jumped_at is None or monotonic - self._jumped_at >= CALM_SECONDS
