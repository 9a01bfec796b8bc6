"""What a service says of its own health: `readyz` and `metrics`, read the same way by all commands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from baton.cli.client import Client
from baton.cli.faults import Exit, Fault

Metrics = Mapping[str, list[tuple[dict[str, str], float]]]
"""Name of a sample, such as `baton_sla_breaches_total`, to its series: labels and value."""


def read_checks(answer: httpx.Response) -> dict[str, str | None]:
    """What `readyz` looked at: name to the reason why it is not in order, or None where it is.

    Raises Fault when that was no answer of a Baton.
    """
    try:
        checks: dict[str, Any] = answer.json()["checks"]
        return {name: None if check["ok"] else str(check["reason"]) for name, check in checks.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        said = f"{answer.url} answers {answer.status_code} and is no Baton"
        raise Fault(said, "Does BATON_URL point at Baton?", Exit.REFUSED) from fault


def read_metrics(client: Client, service: str) -> Metrics:
    """The service's metrics as they stand. Raises Fault when it does not answer, or not with metrics."""
    answer = client.ask("GET", f"/{service}/metrics")
    if answer.is_error:
        hint = "It needs a token with the scope metrics or admin."
        raise Fault(f"{answer.status_code} from {answer.url}", hint, Exit.REFUSED)
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    try:
        for family in text_string_to_metric_families(answer.text):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
    except ValueError as fault:
        said = f"{answer.url} did not answer with metrics"
        raise Fault(said, "Does BATON_URL point at Baton?", Exit.REFUSED) from fault
    return found
