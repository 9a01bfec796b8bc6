"""Counts made into what is shown: stages with their rates, promises with their percentiles."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from baton.reporting.domain.buckets import percentile
from baton.reporting.domain.fate import FATES, STAGES

LABELS = {
    "received": "Received",
    "qualified": "Qualified",
    "accepted": "Accepted by sales",
    "opportunity": "Opportunity",
    "won": "Won",
}
PERCENTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}


def funnel_of(counts: Mapping[str, int], first_stage: int = 0) -> dict[str, Any]:
    """Return the stages with their rates, how many were handed over, and where the leads now are."""
    names = STAGES[first_stage:]
    stages = []
    for place, name in enumerate(names):
        before = counts[names[place - 1]] if place else None
        stages.append(
            {
                "stage": name,
                "label": LABELS[name],
                "count": counts[name],
                "rate_from_previous": _rate(counts[name], before),
                "rate_from_first": _rate(counts[name], counts[names[0]]),
            }
        )
    now = {fate: counts[f"now_{fate}"] for fate in FATES if counts[f"now_{fate}"]}
    return {"stages": stages, "handed_over": counts["handed_over"], "now": now}


def follow_up_of(promises: Sequence[Mapping[str, Any]], spans: Sequence[Any]) -> list[dict[str, Any]]:
    """Return each team's and policy's promises with how many were kept and how long the deeds took."""
    buckets: dict[tuple[str, ...], dict[int, int]] = defaultdict(dict)
    for row in spans:
        buckets[row.team, row.policy, row.promise, row.clock][row.bucket] = int(row.n)
    rows = []
    for counts in promises:
        if not counts["started"]:
            continue
        what = (counts["team"], counts["policy"], counts["promise"])
        wall, business = buckets[*what, "wall"], buckets[*what, "business"]
        rows.append(
            {
                **counts,
                "kept_rate": _rate(counts["met"], counts["met"] + counts["breached"]),
                "done": sum(wall.values()),
                "seconds": {name: percentile(wall, share) for name, share in PERCENTILES.items()},
                "business_seconds": {name: percentile(business, share) for name, share in PERCENTILES.items()},
            }
        )
    return rows


def _rate(count: int, of: int | None) -> float | None:
    return round(count / of, 6) if of else None
