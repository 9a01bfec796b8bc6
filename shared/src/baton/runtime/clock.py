"""The only place where time comes from, so that a test or a simulation can replace it."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta


class Clock:
    """The machine's clock."""

    fixed = False
    """True where time does not pass by itself; then the store's own clock is not asked either."""

    def now(self) -> datetime:
        """Return the present, aware, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Return seconds that never jump."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


class FixedClock(Clock):
    """A clock that stands still until it is told to move. For tests."""

    fixed = True

    def __init__(self, at: datetime) -> None:
        self._at = at
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._at

    def monotonic(self) -> float:
        return self._elapsed

    def move_to(self, at: datetime) -> None:
        """Let time pass until `at`; monotonic time passes with it. Raises ValueError backwards."""
        if at < self._at:
            raise ValueError("a fixed clock only moves forward; use jump_to for a fault")
        self._elapsed += (at - self._at).total_seconds()
        self._at = at

    def advance(self, by: timedelta) -> None:
        """Let `by` pass."""
        self.move_to(self._at + by)

    def jump_to(self, at: datetime) -> None:
        """Set the clock without time having passed: the fault, not the flow."""
        self._at = at
