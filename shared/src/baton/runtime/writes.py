"""Whether the store takes what is written. Reading cannot tell: a store whose disk is full reads as ever."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from baton.runtime.clock import Clock
from baton.runtime.failures import NotNow

FRESH_SECONDS = 5.0
"""A failure is told for as long, unless the same writer has succeeded since: whom nobody asks any more, because he
said he was not ready, must say at some time that he may be asked again."""


class Writes:
    """Remembers who could not write lately, and why."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failed: dict[str, tuple[str, float]] = {}

    @contextlib.contextmanager
    def by(self, writer: str) -> Iterator[None]:
        """Note how a write ends. Only the store's own refusals count, not those of the work itself."""
        try:
            yield
        except NotNow as problem:
            if problem.__cause__ is not None:
                self._failed[writer] = (str(problem)[:200], self._clock.monotonic())
            raise
        self._failed.pop(writer, None)

    def problem(self) -> str | None:
        """Return why the store did not take something a moment ago."""
        since = self._clock.monotonic() - FRESH_SECONDS
        return next((f"it cannot be written: {why}" for why, at in self._failed.values() if at >= since), None)
