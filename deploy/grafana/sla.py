"""The SLA board: are people called in time? Nothing of what the system takes stands on it."""

from __future__ import annotations

from deploy.grafana.panels import GREEN, ORANGE, RED, Board, Row, figure, graph
from deploy.grafana.queries import RANGE, Query, counted_once, during, quantile, selected, share_within, summed

TEAM = ('team=~"$team"',)
FOLLOW_UP, BUSINESS, CONTACT = (
    "baton_follow_up_seconds",
    "baton_follow_up_business_seconds",
    "baton_first_contact_seconds",
)


def promises(state: str) -> str:
    """How many obligations are in a state now."""
    return summed(counted_once(selected("baton_sla_obligations", f'state="{state}"'), "policy")) + " or vector(0)"


def ever(state: str) -> str:
    """The same by policy."""
    return counted_once(selected("baton_sla_obligations", f'state="{state}"'), "policy")


def lines(histogram: str, *by: str, where: tuple[str, ...] = (), window: str = RANGE) -> tuple[Query, ...]:
    """Its median and its 90th percentile."""
    name = " ".join(f"{{{{{label}}}}}" for label in by)
    return tuple(
        Query(quantile(q, histogram, *by, where=where, window=window), f"{name} {word}".strip())
        for q, word in ((0.5, "median"), (0.9, "p90"))
    )


_PROMISES = Row(
    "Promises to leads",
    (
        figure("Open", "Promises whose time runs.", Query(promises("open"), "open")),
        figure(
            "At risk",
            "Open, and most of the time is gone.",
            Query(promises("at_risk"), "at risk"),
            steps=((None, GREEN), (1, ORANGE)),
        ),
        figure(
            "Broken",
            "Declared broken in the time looked at, for the chosen teams.",
            Query(during("baton_sla_breaches_total", RANGE, where=TEAM), "broken"),
            steps=((None, GREEN), (1, RED)),
            alert="BatonSlaBreaches",
        ),
        figure(
            "Kept",
            "Of all promises that were kept or broken, ever, the share kept; by policy.",
            Query(f"{ever('met')} / ({ever('met')} + ({ever('breached')} or 0 * {ever('met')}))", "{{policy}}"),
            unit="percentunit",
            steps=((None, RED), (0.8, ORANGE), (0.95, GREEN)),
        ),
    ),
)

MISSED = 0.05
"""The share of promises that may be broken."""
BROKEN = "team:promises_broken"


def burn(window: str) -> str:
    """How many times faster than allowed a team breaks promises."""
    return f"{selected(f'{BROKEN}:ratio_rate{window}', *TEAM)} / {MISSED}"


def _budget_left(window: str = "30d") -> str:
    broken, kept = (during(f"baton_sla_{name}_total", window, "team", where=TEAM) for name in ("breaches", "kept"))
    return f"1 - {broken} / ({broken} + {kept}) / {MISSED}"


_BURN = Row(
    "Burn of the objective (95 % kept): 1 breaks exactly what may be broken",
    (
        graph(
            "Fast",
            "More than 14.4 over 1 h and 5 min, or 6 over 6 h and 30 min, is a ticket.",
            *(Query(burn(window), f"{{{{team}}}} over {window}") for window in ("30m", "1h", "6h")),
            alert="BatonFollowUpBurnsFast",
        ),
        graph(
            "Slow",
            "More than 3 over 1 d and 2 h, or 1 over 3 d and 6 h, is a ticket.",
            *(Query(burn(window), f"{{{{team}}}} over {window}") for window in ("1d", "3d")),
            alert="BatonFollowUpBurnsSlowly",
        ),
        figure(
            "Budget left",
            "Of the five in a hundred that may be broken within 30 days, by team; below 0 the objective is missed.",
            Query(_budget_left(), "{{team}}"),
            unit="percentunit",
            steps=((None, RED), (0, ORANGE), (0.25, GREEN)),
            alert="BatonFollowUpBurnsSlowly",
        ),
    ),
)

SLA = Board(
    "baton-sla",
    "Baton: SLA board",
    "Are people called in time? People's time only: what the system takes is on the hand-off dashboard.",
    (
        _PROMISES,
        _BURN,
        Row(
            "Obligations and breaches",
            (
                graph(
                    "Obligations by state",
                    "All promises there are, by state.",
                    Query(summed(counted_once("baton_sla_obligations", "policy", "state"), "state"), "{{state}}"),
                    stack=True,
                ),
                graph(
                    "Open by policy",
                    "Promises whose time runs or is nearly gone.",
                    Query(
                        counted_once(selected("baton_sla_obligations", 'state=~"open|at_risk"'), "policy", "state"),
                        "{{policy}} {{state}}",
                    ),
                    stack=True,
                ),
                graph(
                    "Breaches within an hour",
                    "By team and policy; more than 5 are a ticket.",
                    Query(
                        during("baton_sla_breaches_total", "1h", "team", "policy", where=TEAM), "{{team}} {{policy}}"
                    ),
                    alert="BatonSlaBreaches",
                ),
            ),
        ),
        Row(
            "Follow-up time, from routed to the first attempt",
            (
                graph(
                    "On the wall",
                    "What the lead waited, nights and weekends included.",
                    *lines(FOLLOW_UP, "team", where=TEAM),
                    unit="s",
                ),
                graph(
                    "In business hours",
                    "While the owner's calendar was open: what promises are measured by.",
                    *lines(BUSINESS, "team", where=TEAM),
                    unit="s",
                ),
                graph(
                    "To the first contact",
                    "Until somebody was reached, on the wall.",
                    *lines(CONTACT, "team", where=TEAM),
                    unit="s",
                ),
            ),
        ),
        Row(
            "How many were tried in time",
            tuple(
                figure(
                    f"Within {words}",
                    "Share of first attempts in the time looked at, on the wall, by team.",
                    Query(share_within(bound, FOLLOW_UP, "team", where=TEAM, window=RANGE), "{{team}}"),
                    unit="percentunit",
                )
                for words, bound in (
                    ("5 minutes", "300.0"),
                    ("30 minutes", "1800.0"),
                    ("1 hour", "3600.0"),
                    ("24 hours", "86400.0"),
                )
            ),
        ),
    ),
    {"team": (f"{FOLLOW_UP}_count", "team")},
)
