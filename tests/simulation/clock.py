"""A store's clock: it follows the one true time, until it jumps."""

from __future__ import annotations

from datetime import datetime, timedelta

from baton.runtime.clock import Clock, FixedClock

ZERO = timedelta(0)


class StoreClock(Clock):
    """What a service's store, and so the service, takes for the present."""

    fixed = True

    def __init__(self, truth: FixedClock) -> None:
        self._truth = truth
        self._highest = truth.now()
        self.offset = ZERO
        self.jumps: list[tuple[datetime, timedelta]] = [(truth.now(), ZERO)]
        """Since when (by the true time) it has been off by how much."""

    def now(self) -> datetime:
        return self._truth.now() + self.offset

    def monotonic(self) -> float:
        return self._truth.monotonic()

    def true_now(self) -> datetime:
        """The present, whatever this clock says."""
        return self._truth.now()

    @property
    def highest(self) -> datetime:
        """The latest that it has ever said, or could have said to somebody who asked."""
        return max(self._highest, self.now())

    def jump(self, by: timedelta) -> None:
        """Say something else from now on, without time having passed."""
        self._highest = self.highest
        self.offset += by
        self.jumps.append((self._truth.now(), self.offset))
