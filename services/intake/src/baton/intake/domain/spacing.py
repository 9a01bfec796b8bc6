"""How often a platform is called: at most so many times a second, and not while it has asked for a pause. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Spacing:
    """Gives out places in time, one `interval` apart. Seconds are of a clock that never jumps."""

    interval: float
    next_at: float = 0.0
    paused_until: float = 0.0

    def place(self, now: float) -> float:
        """Take the next free place; return the seconds until then."""
        at = max(now, self.next_at, self.paused_until)
        self.next_at = at + self.interval
        return at - now

    def is_paused(self, now: float) -> float:
        """Seconds for which nobody may call; 0 if somebody may."""
        return max(0.0, self.paused_until - now)

    def hold(self, until: float) -> None:
        """Nobody calls before then."""
        self.paused_until = max(self.paused_until, until)
