"""Spans in buckets, so that percentiles over any period cost a sum and not a sort."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping

RATIO = 1.15
"""Each bucket is 15 % wider than the one before: a percentile is off by less, and a year takes 124 buckets."""

_EDGES = tuple(round(RATIO**n, 3) for n in range(125))


def bucket_of(seconds: float) -> int:
    """Return the bucket of a span; 0 holds all below one second."""
    return bisect_right(_EDGES, max(seconds, 0.0))


def percentile(counts: Mapping[int, int], share: float) -> float | None:
    """Return the span that `share` of the counted ones do not exceed, interpolated within its bucket; None for none."""
    total = sum(counts.values())
    if not total:
        return None
    wanted = share * total
    seen = 0
    for bucket in sorted(counts):
        if seen + counts[bucket] >= wanted:
            low, high = _span(bucket)
            return low + (high - low) * (wanted - seen) / counts[bucket]
        seen += counts[bucket]
    return _span(max(counts))[1]


def _span(bucket: int) -> tuple[float, float]:
    if not bucket:
        return 0.0, 0.0  # a deed within its first second took no time worth saying
    low = _EDGES[bucket - 1]
    return low, _EDGES[bucket] if bucket < len(_EDGES) else low
