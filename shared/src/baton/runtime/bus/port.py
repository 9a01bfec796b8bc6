"""What the runtime asks of a bus. Two adapters: a log in SQLite, and Kafka."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple, Protocol

from baton.runtime.settings import Settings

RETENTION = timedelta(days=30)
"""Retention is bounded on every topic: with the wiping of stores and journals it is the bound of erasure."""
Rewritten = tuple["Headers", bytes] | None
"""What a record becomes; None: it stays as it is."""
TopicLane = tuple[str, int]
Headers = tuple[tuple[str, bytes], ...]


class Record(NamedTuple):
    """One record as read. (A tuple is made in a fifth of a frozen dataclass's time, and there are many.)"""

    topic: str
    lane: int
    offset: int
    key: str
    headers: Headers
    value: bytes


class Outgoing(NamedTuple):
    """One record to be published."""

    topic: str
    lane: int
    key: str
    headers: Headers
    value: bytes


class Reader(Protocol):
    """Reads lanes from places that the caller keeps; the bus remembers nothing about readers."""

    async def assign(self, places: Mapping[TopicLane, int]) -> None:
        """Read exactly these lanes from now on, each from its offset; all of them are sought again."""
        ...

    async def poll(self, limit: int, wait: float) -> dict[TopicLane, list[Record]]:
        """Return what is there, at most `limit` records, in offset order per lane; wait up to `wait` seconds for any.

        Raises NotNow while the bus cannot be reached.
        """
        ...

    async def starts(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        """Return the first offset still kept, per lane."""
        ...

    async def ends(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        """Return the offset after the last record, per lane."""
        ...

    async def close(self) -> None:
        """Let go."""
        ...


class Bus(Protocol):
    """A bus that can be published to and read from."""

    async def prepare(self, topics: Sequence[str], lanes: int) -> None:
        """Make the topics that are missing; raise ValueError if one has another number of partitions.

        Raises NotNow while the bus cannot be reached.
        """
        ...

    async def publish(self, records: Sequence[Outgoing]) -> None:
        """Return once every record is acknowledged; per lane they stand in the given order.

        Raises NotNow when the outcome is unknown: any part of them may be in the log, in order.
        """
        ...

    async def reader(self, patience: float = 0.0) -> Reader:
        """Return a new reader, who would rather have more at once than be told of each record, for so many seconds."""
        ...

    async def rewrite(
        self, places: Sequence[TopicLane], key: str, change: Callable[[Headers, bytes], Rewritten]
    ) -> bool:
        """Change what stands in these lanes under this key, in place. False if it must be tried again.

        A log that cannot be changed does nothing: there only the retention takes what was published.
        """
        ...

    async def close(self) -> None:
        """Let go."""
        ...


def open_bus(settings: Settings) -> Bus:
    """Open the bus named by `BATON_BUS`: `embedded:` or `kafka://host:port[,host:port]`.

    Raises `baton.runtime.bus.access.NoAccess` if the settings for a Kafka cluster cannot be used.
    """
    if settings.bus == "embedded:":
        from baton.runtime.bus.embedded import EmbeddedBus

        return EmbeddedBus(settings.home / "bus.db")
    from baton.runtime.bus.access import access_of
    from baton.runtime.bus.kafka import KafkaBus

    return KafkaBus(settings.bus.removeprefix("kafka://"), access=access_of(settings))
