"""When a delivery that failed is tried again, and how long its endpoint is left alone. Pure."""

from __future__ import annotations

import hashlib
from datetime import timedelta

TRIES_AFTER = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long each try comes after the one before it (Standard Webhooks 1.0): three days and a little in all."""

JITTER = 0.2
"""Up to a fifth later, so that what failed together does not come back together."""

LONGEST_WISH = timedelta(days=3)
"""A `Retry-After` is obeyed up to here: by then somebody should have been told."""

FIRST_REST, LONGEST_REST = timedelta(seconds=5), timedelta(minutes=5)


def next_try(tries: int, key: str, wish: timedelta | None = None) -> timedelta | None:
    """Return how long to wait after `tries` tries have failed; None if that was the last.

    `key` names the delivery: its jitter follows from it. `wish` is what the other side asked for.
    """
    if tries >= len(TRIES_AFTER):
        return None
    chance = int.from_bytes(hashlib.sha256(f"{key}:{tries}".encode()).digest()[:4], "big") / 2**32
    pause = TRIES_AFTER[tries] * (1 + JITTER * chance)
    return max(pause, min(wish, LONGEST_WISH)) if wish is not None else pause


def rest(failures: int, wish: timedelta | None = None) -> timedelta:
    """Return how long an endpoint that has failed so often in a row is left alone: never longer than a retry waits."""
    pause = min(FIRST_REST * 2.0 ** min(max(failures, 1) - 1, 10), LONGEST_REST)
    return max(pause, min(wish, LONGEST_WISH)) if wish is not None else pause
