"""What a deadline in business time costs: five years of a calendar with lunch breaks, random hours, random lengths."""

from __future__ import annotations

import random
import time
from bisect import bisect_left, bisect_right
from datetime import UTC, datetime, timedelta

from baton.playbook import load
from bench.table import Row, paired
from bench.world import ROOT

COUNT = 50_000


def measure(pairs: int) -> list[Row]:
    """Return µs a deadline, beside two bare bisects over as many windows, in alternation."""
    calendar = load(ROOT / "deploy" / "playbook").calendar("berlin")
    chance = random.Random(7)
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    asked = [
        (begin + timedelta(minutes=chance.randrange(2_000_000)), chance.randrange(600, 86_400)) for _ in range(COUNT)
    ]
    calendar.add(*asked[0])
    windows = list(range(0, 5000 * 86_400_000_000, 43_200_000_000))
    numbers = [(chance.randrange(windows[-1]), chance.randrange(windows[-1])) for _ in range(COUNT)]
    found = []
    for _ in range(pairs):
        started = time.process_time()
        for start, seconds in asked:
            calendar.add(start, seconds)
        half = time.process_time()
        for first, second in numbers:
            bisect_right(windows, first)
            bisect_left(windows, second)
        found.append(((half - started) / COUNT * 1e6, (time.process_time() - half) / COUNT * 1e6))
    return [paired("SLA deadline in business time", "µs", "≤ 5 µs", found)]
