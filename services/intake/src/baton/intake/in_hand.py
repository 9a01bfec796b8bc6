"""How many bytes of bodies intake has in hand: being read, judged or stored. Past the bound it refuses more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from baton.runtime.failures import NotNow


class InHand:
    """Counts bytes as they come in and lets them go with the answer. One body alone may be of any size."""

    def __init__(self, limit: int, on_shed: Callable[[], None]) -> None:
        self._limit = limit
        self._on_shed = on_shed
        self.held = 0

    @contextmanager
    def carrying(self) -> Iterator[Callable[[int], None]]:
        """Carry one body; what is yielded is told of its bytes as they come in, and raises NotNow for too many."""
        own = 0

        def more(size: int) -> None:
            nonlocal own
            if self.held > own and self.held + size > self._limit:
                self._on_shed()
                raise NotNow("too many bytes are waiting to be stored")
            own += size
            self.held += size

        try:
            yield more
        finally:
            self.held -= own
