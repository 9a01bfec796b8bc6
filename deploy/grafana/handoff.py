"""Hand-off latency: how long the system itself takes. Nothing of what people take stands on it."""

from __future__ import annotations

from deploy.grafana.panels import GREEN, ORANGE, RED, Board, Row, figure, graph, heat
from deploy.grafana.queries import RANGE, Query, during, quantile, share_within, summed

HANDOFF_SECONDS, STAGE = "baton_handoff_seconds", "baton_stage_seconds"
MISSED = 0.01
"""The share of hand-offs that may take longer than a second."""


def burn(window: str) -> str:
    """How many times faster than allowed the hand-off's budget of misses goes: 1 uses it up exactly."""
    return f"baton:handoff_late:ratio_rate{window} / {MISSED}"


HANDOFF = Board(
    "baton-handoff",
    "Baton: hand-off latency",
    "How long does the system itself take from a lead's coming in to its owner? Time held or by hand does not count.",
    (
        Row(
            "In the time looked at",
            (
                figure(
                    "Within a second",
                    "99 % is the objective.",
                    Query(share_within("1.0", HANDOFF_SECONDS, window=RANGE), "within 1 s"),
                    unit="percentunit",
                    steps=((None, RED), (0.99, GREEN)),
                ),
                figure(
                    "Median", "Half are quicker.", Query(quantile(0.5, HANDOFF_SECONDS, window=RANGE), "p50"), unit="s"
                ),
                figure(
                    "p99",
                    "One in a hundred takes longer.",
                    Query(quantile(0.99, HANDOFF_SECONDS, window=RANGE), "p99"),
                    unit="s",
                    steps=((None, GREEN), (1, ORANGE), (10, RED)),
                    alert="BatonHandoffSlow",
                ),
                figure(
                    "Budget left",
                    "Of the one in a hundred that may be late within 30 days; below 0 the objective is missed.",
                    Query(f"1 - (1 - ({share_within('1.0', HANDOFF_SECONDS, window='30d')})) / {MISSED}", "left"),
                    unit="percentunit",
                    steps=((None, RED), (0, ORANGE), (0.25, GREEN)),
                    alert="BatonHandoffBurnsSlowly",
                ),
                figure(
                    "Hand-offs", "Leads that got an owner.", Query(during(f"{HANDOFF_SECONDS}_count", RANGE), "leads")
                ),
            ),
        ),
        Row(
            "From received to routed",
            (
                graph(
                    "Latency",
                    "More than 10 s at p99 for ten minutes is a page.",
                    *(Query(quantile(q, HANDOFF_SECONDS), word) for q, word in ((0.5, "p50"), (0.9, "p90"))),
                    Query(quantile(0.99, HANDOFF_SECONDS), "p99", has_exemplars=True),
                    unit="s",
                    alert="BatonHandoffSlow",
                ),
                graph(
                    "Share within a second",
                    "99 % is the objective.",
                    Query(share_within("1.0", HANDOFF_SECONDS), "within 1 s"),
                    unit="percentunit",
                ),
            ),
        ),
        Row(
            "Burn of the objective: 1 misses exactly what may be missed",
            (
                graph(
                    "Fast",
                    "More than 14.4 over 1 h and 5 min, or 6 over 6 h and 30 min, is a page.",
                    *(Query(burn(window), f"over {window}") for window in ("5m", "30m", "1h", "6h")),
                    alert="BatonHandoffBurnsFast",
                ),
                graph(
                    "Slow",
                    "More than 3 over 1 d and 2 h, or 1 over 3 d and 6 h, is a ticket.",
                    *(Query(burn(window), f"over {window}") for window in ("2h", "6h", "1d", "3d")),
                    alert="BatonHandoffBurnsSlowly",
                ),
                graph(
                    "Late",
                    "Hand-offs that took longer than a second; fewer than 5 in a window make no alert.",
                    *(Query(f"baton:handoff_late:increase{window}", f"over {window}") for window in ("1h", "6h", "1d")),
                ),
            ),
        ),
        Row(
            "Spread",
            (
                heat(
                    "Hand-offs by duration",
                    "How many took how long.",
                    Query(summed(f"rate({HANDOFF_SECONDS}_bucket[$__rate_interval])", "le")),
                ),
            ),
        ),
        Row(
            "Per stage: from a fact's recording by its publisher to its handling",
            (
                graph(
                    "Median", "By the service that handles.", Query(quantile(0.5, STAGE, "job"), "{{job}}"), unit="s"
                ),
                graph("p99", "By the service that handles.", Query(quantile(0.99, STAGE, "job"), "{{job}}"), unit="s"),
                graph(
                    "Share within a quarter of a second",
                    "The stage that falls is the one to look at.",
                    Query(share_within("0.25", STAGE, "job"), "{{job}}"),
                    unit="percentunit",
                ),
            ),
        ),
    ),
    {},
)
