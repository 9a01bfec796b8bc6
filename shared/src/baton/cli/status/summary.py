"""What two rounds of looking come to. Pure. Whatever is not known is None, never 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from baton.cli.health import Metrics
from baton.cli.status.figures import bucket_growth, by_label, growth, quantile, total
from baton.cli.status.look import Round, Seen

COUNTED: Mapping[str, tuple[str, str, dict[str, str]]] = {
    "received": ("intake", "baton_facts_published_total", {"type": "lead.received"}),
    "qualified": ("scoring", "baton_facts_published_total", {"type": "lead.qualified"}),
    "routed": ("routing", "baton_facts_published_total", {"type": "lead.routed"}),
    "delivered": ("routing", "baton_webhook_deliveries_total", {"outcome": "delivered"}),
    "breaches": ("sla-monitor", "baton_sla_breaches_total", {}),
}
"""What is shown per second: the service that counts it, its counter, and which of its series."""


@dataclass(frozen=True)
class ServiceStatus:
    """One service. Its figures are None where it shows no metrics."""

    answers: bool
    is_ready: bool
    problems: list[str]
    version: str | None = None
    outbox_pending: int | None = None
    consumer_lag: dict[str, int] | None = None
    """Records to read, by topic."""
    parked_leads: int | None = None
    sequence_gaps: int | None = None
    """Since the process started."""


@dataclass(frozen=True)
class Handoffs:
    """Hand-offs between the two rounds, and how long they took."""

    count: int
    p50_seconds: float | None
    p99_seconds: float | None


@dataclass(frozen=True)
class Promises:
    """Obligations by state: `open` ones are not at risk yet."""

    open: int
    at_risk: int
    breached: int


@dataclass(frozen=True)
class Webhooks:
    """What systems outside are told: `pending` now, the rest since routing started."""

    pending: int
    failed_tries: int
    given_up: int
    disabled_endpoints: int


@dataclass(frozen=True)
class Status:
    """The pipeline between two rounds."""

    services: dict[str, ServiceStatus]
    per_second: dict[str, float | None]
    handoff: Handoffs | None
    held: dict[str, int] | None
    obligations: Promises | None
    webhooks: Webhooks | None
    fates: dict[str, int] | None
    """How many leads have which fate, as reporting has it."""


def status_of(before: Round, after: Round, fates: dict[str, int] | None) -> Status:
    """What the later round shows, with rates since the earlier; these are None for who was silent in either."""
    routing, monitor = after["routing"].metrics, after["sla-monitor"].metrics
    return Status(
        services={name: _service(seen) for name, seen in after.items()},
        per_second={what: _rate(what, before, after) for what in COUNTED},
        handoff=_handoffs(before["routing"].metrics, routing),
        held=None if routing is None else by_label(routing, "baton_held_leads", "reason"),
        obligations=None if monitor is None else _promises(monitor),
        webhooks=None if routing is None else _webhooks(routing),
        fates=fates,
    )


def _service(seen: Seen) -> ServiceStatus:
    problems = [f"{name}: {_first_line(why)}" for name, why in seen.reasons.items()]
    if seen.metrics is None:
        return ServiceStatus(seen.answers, seen.is_ready, [*problems, *([seen.fault.message] if seen.fault else [])])
    builds = seen.metrics.get("baton_build_info", [])
    return ServiceStatus(
        seen.answers,
        seen.is_ready,
        problems,
        version=next((labels.get("version") for labels, value in builds if value), None),
        outbox_pending=int(total(seen.metrics, "baton_outbox_pending")),
        consumer_lag=by_label(seen.metrics, "baton_consumer_lag", "topic"),
        parked_leads=int(total(seen.metrics, "baton_parked_leads")),
        sequence_gaps=int(total(seen.metrics, "baton_sequence_gaps_total")),
    )


def _rate(what: str, before: Round, after: Round) -> float | None:
    service, counter, labels = COUNTED[what]
    old, new = before[service], after[service]
    if old.metrics is None or new.metrics is None or new.at <= old.at:
        return None
    return growth(old.metrics, new.metrics, counter, **labels) / (new.at - old.at)


def _handoffs(before: Metrics | None, after: Metrics | None) -> Handoffs | None:
    if before is None or after is None:
        return None
    buckets = bucket_growth(before, after, "baton_handoff_seconds")
    count = int(buckets[-1][1]) if buckets else 0
    return Handoffs(count, quantile(buckets, 0.5), quantile(buckets, 0.99))


def _promises(metrics: Metrics) -> Promises:
    states = by_label(metrics, "baton_sla_obligations", "state")
    return Promises(states.get("open", 0), states.get("at_risk", 0), states.get("breached", 0))


def _webhooks(metrics: Metrics) -> Webhooks:
    tries = by_label(metrics, "baton_webhook_deliveries_total", "outcome")
    return Webhooks(
        pending=int(total(metrics, "baton_deliveries_waiting")),
        failed_tries=sum(number for outcome, number in tries.items() if outcome != "delivered"),
        given_up=int(total(metrics, "baton_deliveries_given_up_total")),
        disabled_endpoints=int(total(metrics, "baton_endpoint_disabled")),
    )


def _first_line(text: str) -> str:
    return text.partition("\n")[0]
