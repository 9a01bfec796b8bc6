"""One dashboard per service: what only it has, amid what all five have."""

from __future__ import annotations

from deploy.grafana.every_service import counts, flow, gauge, only, rare, rates, well
from deploy.grafana.panels import Board, Panel, Row, graph
from deploy.grafana.queries import Query, per_second, quantile, selected, summed


def _playbook(job: str) -> Panel:
    return gauge("Playbook", "Which version is in force.", "baton_playbook_info", "version", job=job)


def _rule_errors(job: str) -> Panel:
    about = "Conditions that could not be computed, and so counted as not met."
    return counts("Rule errors", about, "baton_rule_errors_total", "list", "rule", job=job)


def _intake(job: str = "intake") -> tuple[Row, ...]:
    size = Query(quantile(0.9, "baton_intake_body_bytes", where=only(job)), "p90")
    return (
        Row(
            "What comes in",
            (
                rates(
                    "Elements", "By source and outcome.", "baton_intake_elements_total", "source", "outcome", job=job
                ),
                graph("Size of bodies", "Nine in ten are smaller.", size, unit="bytes"),
                _playbook(job),
            ),
        ),
        Row(
            "What does not",
            (
                gauge(
                    "Quarantine",
                    "Elements in it now, by cause.",
                    "baton_intake_quarantined",
                    "cause",
                    job=job,
                    alert="BatonNotFetched",
                ),
                counts("Faults", "By source and cause.", "baton_intake_faults_total", "source", "cause", job=job),
                counts("Ignored", "As mappings have it.", "baton_intake_ignored_total", "source", "reason", job=job),
                counts("Signatures refused", "By source.", "baton_intake_hooks_refused_total", "source", job=job),
            ),
        ),
        Row(
            "Tried again, fetched, greeted",
            (
                counts("Tried again", "Quarantined before.", "baton_intake_replayed_total", "outcome", job=job),
                counts("Given up", "Nobody settled them in time.", "baton_intake_quarantine_given_up_total", job=job),
                counts(
                    "Fetches",
                    "Errands for what notices name.",
                    "baton_fetches_total",
                    "source",
                    "outcome",
                    job=job,
                    alert="BatonNotFetched",
                ),
                counts(
                    "Handshakes",
                    "Challenges of platforms.",
                    "baton_intake_handshakes_total",
                    "source",
                    "outcome",
                    job=job,
                ),
            ),
        ),
        Row(
            "Streams",
            (
                graph(
                    "Coming in",
                    "NDJSON bodies now.",
                    Query(summed(selected("baton_intake_streams", *only(job))), "streams"),
                ),
                counts("Ended", "By how.", "baton_intake_streams_ended_total", "how", job=job),
                graph(
                    "Made to wait",
                    "Seconds a second that streams were not read, because others had to be stored first.",
                    Query(per_second("baton_intake_stream_waits_seconds_total", where=only(job)), "waiting"),
                ),
                counts("Lines refused", "Too long to be kept.", "baton_intake_lines_refused_total", job=job),
            ),
        ),
        Row(
            "One person, two leads",
            (
                counts("Merges", "And what because.", "baton_merges_total", "what", "because", job=job),
                gauge("Pairs", "That may be one person, by state.", "baton_merge_pairs", "state", job=job),
            ),
        ),
    )


def _scoring(job: str = "scoring") -> tuple[Row, ...]:
    return (
        Row(
            "Judging",
            (
                rates("Judgements", "By outcome.", "baton_leads_judged_total", "outcome", job=job),
                gauge("People known", "By outcome.", "baton_suspects", "outcome", job=job),
                _rule_errors(job),
                counts("Shadow", "What the draft would say.", "baton_shadow_judgements_total", "outcome", job=job),
            ),
        ),
        Row(
            "Playbook",
            (
                _playbook(job),
                gauge(
                    "Signed",
                    "1 where a side has signed what is in force.",
                    "baton_playbook_signed",
                    "side",
                    job=job,
                    alert="BatonConcern",
                ),
            ),
        ),
    )


def _routing(job: str = "routing") -> tuple[Row, ...]:
    handoff = tuple(
        Query(quantile(q, "baton_handoff_seconds", where=only(job)), word) for q, word in ((0.5, "p50"), (0.99, "p99"))
    )
    return (
        Row(
            "Routing",
            (
                rates("Leads", "By the state they came into.", "baton_leads_total", "outcome", job=job),
                gauge("Held", "Leads nobody has, by reason.", "baton_held_leads", "reason", job=job),
                graph("Hand-off", "The system's own time.", *handoff, unit="s", alert="BatonHandoffSlow"),
            ),
        ),
        Row(
            "Fairness and explanations",
            (
                counts("Reassigned", "By reason.", "baton_reassignments_total", "reason", job=job),
                gauge("Furthest from due", "In leads, by pool.", "baton_rotation_furthest_leads", "pool", job=job),
                counts("Explained otherwise", "Must stay 0.", "baton_explain_mismatches_total", job=job),
                counts("Shadow", "What the draft would do.", "baton_shadow_decisions_total", "outcome", job=job),
            ),
        ),
        Row(
            "Deliveries",
            (
                rates("To endpoints", "Tries, by outcome.", "baton_webhook_deliveries_total", "outcome", job=job),
                rates("To owners", "Tries, by outcome.", "baton_owner_notices_total", "outcome", job=job),
                counts(
                    "Given up",
                    "Never taken, though others were.",
                    "baton_deliveries_given_up_total",
                    "endpoint",
                    job=job,
                    alert="BatonDeliveriesGivenUp",
                ),
            ),
        ),
        Row(
            "Endpoints",
            (
                gauge("Waiting", "Deliveries.", "baton_deliveries_waiting", "endpoint", job=job),
                gauge(
                    "Oldest",
                    "How long it has waited.",
                    "baton_delivery_age_seconds",
                    "endpoint",
                    job=job,
                    unit="s",
                    alert="BatonDeliveriesLate",
                ),
                gauge(
                    "Disabled",
                    "1 while nothing is sent.",
                    "baton_endpoint_disabled",
                    "endpoint",
                    job=job,
                    alert="BatonEndpointDisabled",
                ),
            ),
        ),
        Row("Playbook", (_playbook(job), _rule_errors(job))),
    )


def _sla_monitor(job: str = "sla-monitor") -> tuple[Row, ...]:
    return (
        Row(
            "Promises (the SLA board tells of people's time)",
            (
                gauge("Obligations", "By policy and state.", "baton_sla_obligations", "policy", "state", job=job),
                counts(
                    "Breaches",
                    "Within an hour.",
                    "baton_sla_breaches_total",
                    "policy",
                    "team",
                    job=job,
                    alert="BatonSlaBreaches",
                ),
                counts("Kept", "Within an hour.", "baton_sla_kept_total", "policy", "team", job=job),
                counts("Escalations", "After a breach.", "baton_sla_escalations_total", "policy", "to", job=job),
            ),
        ),
        Row(
            "Touches and playbook",
            (
                counts(
                    "Excessive",
                    "Touches above the plan or against the person's wish.",
                    "baton_follow_up_excessive_total",
                    "reason",
                    "team",
                    job=job,
                ),
                _playbook(job),
            ),
        ),
    )


def _reporting(job: str = "reporting") -> tuple[Row, ...]:
    about = "That came to an outcome, as this service has heard."
    return (Row("Outcomes", (counts("Leads", about, "baton_leads_total", "outcome", job=job),)),)


_OWN = {
    "intake": ("What comes in, from where, and what is set aside?", _intake()),
    "scoring": ("How are people judged, and by which playbook?", _scoring()),
    "routing": ("Who gets leads, who is held, and do CRMs take what they are told?", _routing()),
    "sla-monitor": ("Does the clock run, and on time?", _sla_monitor()),
    "reporting": ("Does it hear what the others say?", _reporting()),
}

SERVICES: tuple[Board, ...] = tuple(
    Board(f"baton-service-{job}", f"Baton: {job}", about, (well(job), *own, flow(job), *rare(job)), {})
    for job, (about, own) in _OWN.items()
)
