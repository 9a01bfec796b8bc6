"""How much a loop takes on at once, and how long it rests before it looks again.

A transaction has a dozen round trips however little it does. A loop that goes on at once finds a few records each time,
takes all of the processor for them, and makes every other loop slow: each rests for as long as it worked, so that under
load each finds more. Where little happens the rest is over before anything comes.
"""

from __future__ import annotations

BATCH = 500
SMALLEST_BATCH = 50
"""Below so many records it is the round trips that take the time."""
LONG = 0.5
"""Seconds. A transaction that takes longer holds locks, and on Postgres the event loop, for too long: heartbeats, the
relay and other people's requests wait. So batches shrink until they take less, and grow again while they take half of
it. (They used to grow only below 0.1 s, which a busy machine never reached: 4,000 leads were not done in 120 s.)
"""
LONGEST_REST = 0.1
"""Seconds. What comes during a rest is at most so late, unless its reader has more patience."""


def rest_after(took: float, patience: float = 0.0) -> float:
    """Return how many seconds to rest after work that took so long; `patience` is the least, for who is in no hurry."""
    return max(min(took, LONGEST_REST), patience)


class Pace:
    """The pace of one loop that reads batches."""

    def __init__(self, patience: float = 0.0) -> None:
        self.limit = SMALLEST_BATCH
        """The most that the next batch may have."""
        self.rest = 0.0
        """Seconds to wait before it is read."""
        self._patience = patience

    def note(self, records: int, took: float) -> None:
        """A batch took so many seconds: let the next be neither long nor needlessly small.

        Only facts may wait for others: a timer, or what a job has answered, is not followed by more of its kind.
        """
        is_behind = records >= self.limit
        self.rest = 0.0 if is_behind else rest_after(took, self._patience if records else 0.0)
        if took > LONG:
            self.slow_down()
        elif took < LONG / 2 and is_behind:
            self.limit = min(BATCH, self.limit * 2)

    def slow_down(self) -> None:
        """Take on half as much."""
        self.limit = max(SMALLEST_BATCH, self.limit // 2)
