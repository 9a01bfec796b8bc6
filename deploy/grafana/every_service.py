"""Panels that name a service, and the rows that every service has."""

from __future__ import annotations

from dataclasses import replace

from deploy.grafana.panels import GREEN, ORANGE, RED, Panel, Row, figure, graph
from deploy.grafana.queries import Query, counted_once, during, per_second, quantile, selected, summed


def rates(title: str, about: str, counter: str, *by: str, job: str, alert: str = "") -> Panel:
    """A counter by its labels, a second."""
    query = Query(per_second(counter, *by, where=only(job)), named(*by) or "all")
    return graph(title, about, query, unit="cps", alert=alert)


def counts(title: str, about: str, counter: str, *by: str, job: str, alert: str = "") -> Panel:
    """By how much a counter grew within an hour: for what is rare."""
    return graph(title, about, Query(during(counter, "1h", *by, where=only(job)), named(*by) or "all"), alert=alert)


def gauge(title: str, about: str, metric: str, *by: str, job: str, unit: str = "short", alert: str = "") -> Panel:
    """A gauge that replicas read from their common store."""
    query = Query(counted_once(selected(metric, *only(job)), *by), named(*by) or "all")
    return graph(title, about, query, unit=unit, alert=alert)


def only(job: str) -> tuple[str, ...]:
    """The condition that a series is of this service."""
    return (f'job="{job}"',)


def named(*by: str) -> str:
    """A legend of the values of these labels."""
    return " ".join(f"{{{{{label}}}}}" for label in by)


def well(job: str) -> Row:
    """What tells at a glance whether to look further."""

    def value(metric: str, *by: str) -> str:
        return counted_once(selected(metric, *only(job)), *by)

    return Row(
        "Is it well?",
        (
            figure(
                "Up",
                "Processes that answer Prometheus.",
                Query(summed(selected("up", *only(job))), "up"),
                steps=((None, RED), (1, GREEN)),
                alert="BatonServiceDown BatonReplicaDown",
            ),
            figure(
                "Ready",
                "1 where a dependency is in order at every replica.",
                Query(f"min by (dependency) ({selected('baton_ready', *only(job))})", "{{dependency}}"),
                steps=((None, RED), (1, GREEN)),
                alert="BatonNotReady BatonReplicaDown",
            ),
            replace(
                figure("Version", "Of the software.", Query(value("baton_build_info", "version"), "{{version}}")),
                is_name=True,
            ),
            figure(
                "Outbox",
                "Facts decided and not yet published.",
                Query(value("baton_outbox_pending"), "facts"),
                steps=((None, GREEN), (100, RED)),
                alert="BatonOutboxStuck",
            ),
            figure(
                "Lag",
                "Facts not yet read.",
                Query(summed(selected("baton_consumer_lag", *only(job))), "facts"),
                steps=((None, GREEN), (1000, ORANGE), (10_000, RED)),
                alert="BatonConsumerLag",
            ),
            figure(
                "Parked",
                "Leads that stand still here.",
                Query(summed(value("baton_parked_leads", "reason")), "leads"),
                steps=((None, GREEN), (1, RED)),
                alert="BatonParkedLeads",
            ),
            figure(
                "Concerns",
                "What needs a look, though the service works on.",
                Query(f"{summed(value('baton_concerns', 'about'))} or vector(0)", "concerns"),
                steps=((None, GREEN), (1, ORANGE)),
                alert="BatonConcern",
            ),
            figure(
                "Lanes",
                "Held by all its processes together, of those there are.",
                Query(summed(selected("baton_lanes_held", *only(job))), "held"),
                Query(value("baton_lanes"), "of"),
                alert="BatonLanesUnheld",
            ),
        ),
    )


def flow(job: str) -> Row:
    """What goes in and out."""
    stage = tuple(
        Query(quantile(q, "baton_stage_seconds", where=only(job)), word) for q, word in ((0.5, "p50"), (0.99, "p99"))
    )
    published = rates("Published", "Facts written to the journal.", "baton_facts_published_total", "type", job=job)
    return Row(
        "Flow",
        (
            rates("Handled", "Facts read and dealt with.", "baton_facts_handled_total", job=job),
            *(() if job == "reporting" else (published,)),  # it says nothing
            graph("Stage", "From a fact's recording by its publisher to its handling here.", *stage, unit="s"),
        ),
    )


def rare(job: str) -> tuple[Row, Row]:
    """What ought to be near nothing."""
    late = Query(quantile(0.99, "baton_timer_lateness_seconds", where=only(job)), "p99")
    return (
        Row(
            "Timers and doors",
            (
                rates("Timers", "Came due and were acted on.", "baton_timers_fired_total", job=job),
                graph("Timer lateness", "From due to fired.", late, unit="s"),
                rates(
                    "Requests shed",
                    "Answered 503 because too much waits.",
                    "baton_requests_shed_total",
                    job=job,
                    alert="BatonRequestsShed",
                ),
                counts("Clock jumps", "Within an hour.", "baton_clock_jumps_total", job=job, alert="BatonClockJumped"),
            ),
        ),
        Row(
            "What is rare",
            (
                graph(
                    "Set aside, repeated, out of order",
                    "Within an hour.",
                    *(
                        Query(during(f"baton_{counter}_total", "1h", where=only(job)), word)
                        for counter, word in (
                            ("facts_parked", "parked"),
                            ("duplicates_dropped", "repeats dropped"),
                            ("sequence_gaps", "gaps"),
                            ("sequence_bases", "bases taken"),
                        )
                    ),
                    alert="BatonParkedLeads",
                ),
                graph(
                    "Erasures",
                    "Leads wiped here, and facts that came for them later and were dropped.",
                    Query(during("baton_erasures_total", "1h", where=only(job)), "wiped"),
                    Query(during("baton_erased_facts_dropped_total", "1h", where=only(job)), "dropped"),
                ),
                counts(
                    "Rolled forward",
                    "Own facts taken in again after a restore: docs/runbooks/restore.md.",
                    "baton_roll_forward_facts_total",
                    "how",
                    job=job,
                ),
            ),
        ),
    )
