"""The bus in memory: ordered per lane, repeats itself, answers late or not at all, and forgets whom it gave what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from baton.runtime.bus.port import Outgoing, Record, TopicLane
from baton.runtime.failures import NotNow
from tests.simulation.clock import StoreClock
from tests.simulation.turns import Turns


class SimBus:
    """The log itself (`Bus`), one for all services."""

    def __init__(self, turns: Turns, judge: StoreClock) -> None:
        """`judge` is the clock of the service that judges deadlines."""
        self.turns = turns
        self.log: dict[TopicLane, list[Record]] = defaultdict(list)
        self.written_at: dict[TopicLane, list[datetime]] = defaultdict(list)
        """How late it was by the judge, at the latest, when the record was written."""
        self._judge = judge

    async def prepare(self, topics: Sequence[str], lanes: int) -> None:
        for topic in topics:
            for lane in range(lanes):
                self.log[topic, lane]  # looking makes it

    async def publish(self, records: Sequence[Outgoing]) -> None:
        await self.turns.gate()
        if self.turns.fails("publish torn"):
            for record in records[: self.turns.chance.randint(0, len(records))]:
                self._append(record)
            raise NotNow("the broker went away, perhaps with a part of it written")
        for record in records:
            self._append(record)
        await self.turns.gate()
        if self.turns.fails("acknowledgement lost"):
            raise NotNow("the acknowledgement was lost")

    def _append(self, record: Outgoing | Record) -> None:
        place = (record.topic, record.lane)
        offset = len(self.log[place])
        self.log[place].append(Record(record.topic, record.lane, offset, record.key, record.headers, record.value))
        self.written_at[place].append(self._judge.highest)

    def size(self, topic: str) -> int:
        """How many records the topic has."""
        return sum(len(records) for (of, _), records in self.log.items() if of == topic)

    def repeat(self) -> None:
        """Some stretch of some lane comes once more, in its order: somebody has published it again."""
        full = sorted(place for place, records in self.log.items() if records)
        if full:
            records = self.log[self.turns.chance.choice(full)]
            first = self.turns.chance.randrange(len(records))
            for record in records[first : first + self.turns.chance.randint(1, 5)]:
                self._append(record)

    async def reader(self, patience: float = 0.0) -> SimReader:
        return SimReader(self)

    async def close(self) -> None:
        """Nothing to let go of."""


class SimReader:
    """Reads the log (`Reader`)."""

    def __init__(self, bus: SimBus) -> None:
        self._bus = bus
        self._places: dict[TopicLane, int] = {}
        self._skipped: set[tuple[TopicLane, int]] = set()

    async def assign(self, places: Mapping[TopicLane, int]) -> None:
        self._places = dict(places)

    async def poll(self, limit: int, wait: float) -> dict[TopicLane, list[Record]]:
        turns = self._bus.turns
        await turns.gate()
        found: dict[TopicLane, list[Record]] = {}
        for place, first in self._places.items():
            records = self._bus.log[place][first : first + self._portion(limit)]
            if records and (place, first) not in self._skipped and turns.fails("record skipped"):
                # As a client that has lost track after a reassignment: it goes on too far ahead, once.
                self._skipped.add((place, first))
                records = self._bus.log[place][first + 1 : first + 3]
            if records:
                found[place] = records
        for place, records in found.items():
            self._places[place] = records[-1].offset + 1
        await turns.gate()
        if turns.fails("poll lost"):
            raise NotNow("the broker went away with what it had handed out")
        return found

    def _portion(self, limit: int) -> int:
        """How much of a lane is visible at this moment: often not all of it, and sometimes nothing."""
        turns = self._bus.turns
        return limit if turns.is_calm or turns.chance.random() < 0.5 else turns.chance.randint(0, 3)

    async def starts(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        return dict.fromkeys(lanes, 0)

    async def ends(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        await self._bus.turns.gate()
        if self._bus.turns.fails("broker silent", 0.3):
            raise NotNow("the broker does not say")
        return {place: len(self._bus.log[place]) for place in lanes}

    async def close(self) -> None:
        self._places = {}
