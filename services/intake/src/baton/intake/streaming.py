"""NDJSON of any length, in constant memory: lines are taken in as they come, a batch to a transaction, and told of.

Whoever streams can wait, and others cannot: a stream is read no faster than it is stored, and leaves half of the queue
to them. What was committed stays, however it ends; posted again, it is a duplicate.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from baton.intake.domain.lines import Line, Lines
from baton.intake.domain.posts import Kind
from baton.intake.in_hand import Carried
from baton.intake.incoming import END, Incoming
from baton.intake.metrics import IntakeMetrics
from baton.intake.reception import CHUNK, Letter, Reception
from baton.runtime.failures import NotNow
from baton.runtime.http import ClientDisconnect, Problem
from baton.runtime.http.bodies import READ_SECONDS

FULL: Final = 1_048_576
"""Bytes of lines after which a batch is taken in, however few they are."""

LINGER_SECONDS: Final = 0.2
"""Lines that are here wait so long for more: whoever sends one a second is told of each."""

PATIENCE_SECONDS: Final = 60.0
"""How long a stream waits for a store that is away, or for others, before it ends. Senders wait about as long."""

PAUSE_SECONDS: Final = 0.5

Told = list[dict[str, Any]]


@dataclass
class _Batch:
    lines: list[Line] = field(default_factory=list)
    size: int = 0

    @property
    def is_full(self) -> bool:
        return len(self.lines) == CHUNK or self.size >= FULL

    def add(self, line: Line) -> None:
        self.lines.append(line)
        self.size += len(line.raw)

    def cut(self) -> Sequence[Line]:
        """The lines; from now on there are none."""
        lines, self.lines, self.size = self.lines, [], 0
        return lines


class Stream:
    """One body of lines, from its first byte to what became of its last line."""

    def __init__(
        self,
        reception: Reception,
        metrics: IntakeMetrics,
        kind: Kind,
        letter: Letter,
        longest: int,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        """`letter` has no body yet; `longest` is how many bytes a line may have."""
        self._reception = reception
        self._metrics = metrics
        self._kind = kind
        self._letter = letter
        self._longest = longest
        self._patience = patience
        self._lines = Lines(longest)
        self._batch = _Batch()

    async def taken(self, incoming: Incoming) -> AsyncGenerator[Told]:
        """Take in every line; yields receipts with the number of their line, once they are committed.

        Raises NotNow where there is no room at first, or where the store stays away for longer than the patience;
        Problem (400, 408) for a body that breaks off, ClientDisconnect where its sender does.
        """
        with self._reception.room() as carried, self._metrics.streaming() as ends:
            try:
                async for lines in self._batches(incoming, carried):
                    told = await self._take(lines)
                    carried.drop(carried.own - self._lines.held)
                    yield told
            except ClientDisconnect:
                ends("cut")
                raise
            except (NotNow, Problem):
                ends("stopped")
                raise
            ends("finished")

    async def _batches(self, incoming: Incoming, carried: Carried) -> AsyncIterator[Sequence[Line]]:
        while (piece := await self._piece(incoming)) != END:
            if self._batch.lines and (piece is None or not carried.has_room(len(piece))):
                yield self._batch.cut()
            if piece is not None:
                await carried.when_there_is_room(len(piece), self._patience)
                for full in self._full(self._lines.add(piece)):
                    yield full
        for full in self._full(self._lines.close()):
            yield full
        if self._batch.lines:
            yield self._batch.cut()

    async def _piece(self, incoming: Incoming) -> bytes | None:
        """None where the sender pauses while lines wait."""
        piece = await incoming.piece(LINGER_SECONDS if self._batch.lines else READ_SECONDS)
        if piece is None and not self._batch.lines:
            raise Problem(408, "Request timeout", "Nothing came for too long.", headers={"Connection": "close"})
        return piece

    def _full(self, lines: Iterable[Line]) -> Iterator[Sequence[Line]]:
        for line in lines:
            if not line.is_blank:
                self._batch.add(line)
            if self._batch.is_full:
                yield self._batch.cut()

    async def _take(self, lines: Sequence[Line]) -> Told:
        receipts = iter(await self._stored([line.raw for line in lines if not line.is_too_long]))
        told = []
        for line in lines:
            receipt = self._refused(line) if line.is_too_long else next(receipts).shown()
            told.append({"line": line.number, **receipt})
        return told

    async def _stored(self, lines: Sequence[bytes]) -> Sequence[Any]:
        """Receipts of lines, in one transaction. What nobody can tell is tried again, and is a duplicate at worst."""
        loop = asyncio.get_running_loop()
        until = loop.time() + self._patience
        while lines:
            since = loop.time()
            await self._reception.turn(len(lines))
            self._metrics.stream_waited(loop.time() - since)
            try:
                return await self._reception.lines(self._kind, self._letter, lines)
            except NotNow:
                if loop.time() >= until:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)
        return ()

    def _refused(self, line: Line) -> dict[str, Any]:
        """Of what is not even kept: it is no element received."""
        self._metrics.refused_line()
        detail = f"the line has {line.size} bytes, {self._longest} are the most"
        return {"status": "refused", "lead_id": None, "event_id": None, "cause": "too_large", "detail": detail}
