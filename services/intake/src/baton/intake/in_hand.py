"""How many bytes of bodies intake has in hand: being read, judged or stored. Past the bound it refuses more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from baton.runtime.failures import NotNow


class InHand:
    """Counts bytes as they come in and lets them go with the answer. One body alone may be of any size."""

    def __init__(self, limit: int, on_shed: Callable[[], None]) -> None:
        self.limit = limit
        self.on_shed = on_shed
        self.held = 0
        self.let_go = asyncio.Event()
        """Set whenever bytes leave."""

    @contextmanager
    def carrying(self) -> Iterator[Carried]:
        """Carry one body; what is yielded is told of its bytes as they come in."""
        carried = Carried(self)
        try:
            yield carried
        finally:
            carried.drop(carried.own)


class Carried:
    """The bytes of one body that are in hand."""

    def __init__(self, hand: InHand) -> None:
        self._hand = hand
        self.own = 0

    def has_room(self, size: int) -> bool:
        """Whether so many more would do. Of a body that is alone any number will."""
        hand = self._hand
        return hand.held <= self.own or hand.held + size <= hand.limit

    def __call__(self, size: int) -> None:
        """So many more have come in. Raises NotNow where they are too many, with those of others."""
        if not self.has_room(size):
            self._hand.on_shed()
            raise NotNow("too many bytes are waiting to be stored")
        self._take(size)

    async def when_there_is_room(self, size: int, patience: float) -> None:
        """So many more have come in, of somebody who can wait: return once others have let go of enough.

        Raises NotNow after `patience` seconds.
        """
        try:
            async with asyncio.timeout(patience):
                while not self.has_room(size):
                    self._hand.let_go.clear()
                    await self._hand.let_go.wait()
        except TimeoutError:
            raise NotNow("too many bytes are waiting to be stored") from None
        self._take(size)

    def drop(self, size: int) -> None:
        """So many are stored, or not wanted."""
        self.own -= size
        self._hand.held -= size
        self._hand.let_go.set()

    def _take(self, size: int) -> None:
        self.own += size
        self._hand.held += size
