"""What can be computed from metrics read once or twice: sums, growth, quantiles. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from baton.cli.health import Metrics


def total(metrics: Metrics, name: str, **labels: str) -> float:
    """The sum of the series of this name that have these labels; 0 where there is none."""
    return sum(value for has, value in metrics.get(name, []) if labels.items() <= has.items())


def by_label(metrics: Metrics, name: str, label: str) -> dict[str, int]:
    """The sums of the series of this name, by the values of one label."""
    sums: Counter[str] = Counter()
    for has, value in metrics.get(name, []):
        sums[has.get(label, "")] += int(value)
    return dict(sums)


def growth(before: Metrics, after: Metrics, name: str, **labels: str) -> float:
    """How much the counters of this name with these labels grew from one reading to the next.

    A series that fell began anew when its service was restarted: all it shows has come since.
    """
    grown = _grown(before, after, name)
    return sum(more for has, more in grown if labels.items() <= has.items())


def bucket_growth(before: Metrics, after: Metrics, histogram: str) -> list[tuple[float, float]]:
    """What a histogram observed between two readings: upper bounds, ascending, with the cumulative count of each."""
    counts: Counter[float] = Counter()
    for has, more in _grown(before, after, f"{histogram}_bucket"):
        counts[float(has["le"])] += more  # type: ignore[assignment]
    return sorted(counts.items())


def quantile(buckets: Sequence[tuple[float, float]], share: float) -> float | None:
    """The value below which `share` of the observations lie, linear within a bucket, as Prometheus reckons it.

    `buckets` are upper bounds, ascending, with cumulative counts. None without observations; above the last finite
    bound nothing more is known than that bound, which is what is returned.
    """
    if not buckets or buckets[-1][1] <= 0:
        return None
    wanted = share * buckets[-1][1]
    lower, below = 0.0, 0.0
    for upper, count in buckets:
        if count >= wanted and count > below:
            return lower if math.isinf(upper) else lower + (upper - lower) * (wanted - below) / (count - below)
        lower, below = upper, count
    return lower


def _grown(before: Metrics, after: Metrics, name: str) -> list[tuple[dict[str, str], float]]:
    was = {frozenset(has.items()): value for has, value in before.get(name, [])}
    grown = []
    for has, value in after.get(name, []):
        old = was.get(frozenset(has.items()), 0.0)
        grown.append((has, value - old if value >= old else value))
    return grown
