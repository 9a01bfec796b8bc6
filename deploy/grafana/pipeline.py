"""Pipeline health: does everything flow?"""

from __future__ import annotations

from deploy.grafana.panels import GREEN, ORANGE, RED, Board, Row, figure, graph
from deploy.grafana.queries import Query, counted_once, during, per_second, quantile, selected, summed

_WAITING = Row(
    "What waits",
    (
        graph(
            "Consumer lag",
            "Facts not yet read; more than 10,000 for five minutes is a page.",
            Query(summed("baton_consumer_lag", "job", "topic"), "{{job}} {{topic}}"),
            alert="BatonConsumerLag",
        ),
        graph(
            "Outbox",
            "Facts decided and not yet published; never under 100 for five minutes is a page.",
            Query(counted_once("baton_outbox_pending", "job"), "{{job}}"),
            alert="BatonOutboxStuck",
        ),
        graph(
            "Parked leads",
            "Leads that stand still, by reason.",
            Query(counted_once("baton_parked_leads", "job", "reason"), "{{job}} {{reason}}"),
            alert="BatonParkedLeads",
        ),
    ),
)

PIPELINE = Board(
    "baton-pipeline",
    "Baton: pipeline health",
    "Does everything flow? What waits, what was set aside, what is lost on the way (nothing), and how fast it goes.",
    (
        Row(
            "Now",
            (
                figure(
                    "Up",
                    "Services that answer Prometheus.",
                    Query(summed(selected("up", 'job=~"intake|scoring|routing|sla-monitor|reporting"')), "up"),
                    steps=((None, RED), (5, GREEN)),
                    alert="BatonServiceDown BatonReplicaDown",
                ),
                figure(
                    "Ready",
                    "Dependencies that are in order, of all that services have; 1 is all of them.",
                    Query("avg(max by (job, dependency) (baton_ready))", "ready"),
                    unit="percentunit",
                    steps=((None, RED), (1, GREEN)),
                    alert="BatonNotReady",
                ),
                figure(
                    "Alerts",
                    "Alerts that fire.",
                    Query('count(ALERTS{alertname=~"Baton.*",alertstate="firing"}) or vector(0)', "firing"),
                    steps=((None, GREEN), (1, RED)),
                ),
                figure(
                    "Lag",
                    "Facts not yet read, over all services.",
                    Query(summed("baton_consumer_lag"), "facts"),
                    steps=((None, GREEN), (1000, ORANGE), (10_000, RED)),
                    alert="BatonConsumerLag",
                ),
                figure(
                    "Parked",
                    "Leads that stand still in some service.",
                    Query(summed(counted_once("baton_parked_leads", "job", "reason")), "leads"),
                    steps=((None, GREEN), (1, RED)),
                    alert="BatonParkedLeads",
                ),
                figure(
                    "Concerns",
                    "Services that work on, though something needs a look.",
                    Query("sum(max by (job, about) (baton_concerns)) or vector(0)", "concerns"),
                    steps=((None, GREEN), (1, ORANGE)),
                    alert="BatonConcern",
                ),
            ),
        ),
        Row(
            "What is wrong",
            (
                graph(
                    "Alerts that fire",
                    "By name. docs/runbooks/README.md says with which to begin.",
                    Query(
                        'sum by (alertname) (ALERTS{alertname=~"Baton.*",alertstate="firing"}) or vector(0)',
                        "{{alertname}}",
                    ),
                    stack=True,
                ),
                graph(
                    "Ready",
                    "1 where a dependency lets a service work at one replica at least. At 0 its gauges stand still.",
                    Query("max by (job, dependency) (baton_ready)", "{{job}} {{dependency}}"),
                    alert="BatonNotReady",
                ),
                graph(
                    "Processes up",
                    "By service.",
                    Query(
                        summed(selected("up", 'job=~"intake|scoring|routing|sla-monitor|reporting"'), "job"), "{{job}}"
                    ),
                    alert="BatonServiceDown BatonReplicaDown",
                ),
            ),
        ),
        _WAITING,
        Row(
            "Rates",
            (
                graph(
                    "Handled",
                    "Facts read and dealt with.",
                    Query(per_second("baton_facts_handled_total", "job"), "{{job}}"),
                    unit="cps",
                ),
                graph(
                    "Published",
                    "Facts written to the journal, by type.",
                    Query(per_second("baton_facts_published_total", "type"), "{{type}}"),
                    unit="cps",
                ),
                graph(
                    "Timers",
                    "Timers that came due and were acted on.",
                    Query(per_second("baton_timers_fired_total", "job"), "{{job}}"),
                    unit="cps",
                ),
            ),
        ),
        Row(
            "Gaps and repeats",
            (
                graph(
                    "Gaps",
                    "Facts that came before their predecessor.",
                    Query(during("baton_sequence_gaps_total", "5m", "job"), "{{job}}"),
                ),
                graph(
                    "Parked facts",
                    "Facts set aside within five minutes.",
                    Query(during("baton_facts_parked_total", "5m", "job"), "{{job}}"),
                    alert="BatonParkedLeads",
                ),
                graph(
                    "Repeats dropped",
                    "Facts heard again: harmless, and many after a restart.",
                    Query(during("baton_duplicates_dropped_total", "5m", "job"), "{{job}}"),
                ),
                graph(
                    "Bases taken",
                    "First sequences taken as base of a log that was cut.",
                    Query(during("baton_sequence_bases_total", "5m", "job"), "{{job}}"),
                ),
            ),
        ),
        Row(
            "Time and doors",
            (
                graph(
                    "Timer lateness, p99",
                    "From due to fired.",
                    Query(quantile(0.99, "baton_timer_lateness_seconds", "job"), "{{job}}"),
                    unit="s",
                ),
                graph(
                    "Requests shed",
                    "Answered 503 because too much waits.",
                    Query(per_second("baton_requests_shed_total", "job"), "{{job}}"),
                    unit="cps",
                    alert="BatonRequestsShed",
                ),
                graph(
                    "Clock jumps",
                    "docs/runbooks/clock-jumped.md.",
                    Query(during("baton_clock_jumps_total", "1h", "job"), "{{job}}"),
                    alert="BatonClockJumped",
                ),
                graph(
                    "Lanes held",
                    "By process; together each service holds all of them.",
                    Query(summed("baton_lanes_held", "job", "instance"), "{{job}} {{instance}}"),
                    alert="BatonLanesUnheld",
                ),
            ),
        ),
    ),
    {},
)
