"""A real Prometheus scrapes a running Baton, and is asked everything that the dashboards ask."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.deploy.dashboards import Asked, boards, queries, variables
from tests.deploy.rules import FOLDER, RULES
from tests.deploy.watching import PATIENCE, Observed, watching
from tests.journeys.people import HOT, somebody
from tests.journeys.running import SERVICES, Baton, embedded, eventually, playbook_with_short_promises
from tests.journeys.test_lead_journey import taken_in, touched

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

ROUNDS = 12
"""Of traffic, a scrape or more apart: a line of a rate begins with the second. Far more would find every rep full."""


@pytest.fixture(scope="module")
def observed(prometheus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    folder = tmp_path_factory.mktemp("observed")
    rules = [FOLDER / name for name in RULES]
    with embedded(folder, playbook_with_short_promises(folder)) as baton, watching(baton, folder, rules) as observed:
        yield observed


def live_through(baton: Baton) -> None:
    """Somebody is called, somebody waits, and somebody hot waits too long: the lead goes to the next."""
    lead_id = taken_in(baton, somebody())
    taken_in(baton, somebody())
    taken_in(baton, somebody(answers=HOT))
    routed = baton.await_fact("routing", "lead.routed", lead_id, PATIENCE)
    touched(baton, lead_id, routed["owner"]["id"])


def is_quiet(asked: Asked) -> bool:
    return (asked.board, asked.panel) in QUIET


NOTHING_FAILED = {
    ("baton-service-intake", "Faults"),
    ("baton-service-intake", "Ignored"),
    ("baton-service-routing", "Given up"),
    ("baton-service-routing", "Rule errors"),
    ("baton-service-scoring", "Rule errors"),
}
NOBODY_CAME = {
    ("baton-service-intake", "Fetches"),
    ("baton-service-intake", "Handshakes"),
    ("baton-service-intake", "Merges"),
    ("baton-service-intake", "Stage"),  # it hears only what endpoints have taken
    ("baton-service-routing", "Shadow"),
    ("baton-service-scoring", "Shadow"),
    ("baton-service-sla-monitor", "Excessive"),
    ("baton-service-sla-monitor", "Escalations"),  # the example has no chain of people
}
NO_TIMER_CAME_DUE = {
    (f"baton-service-{service}", "Timer lateness") for service in ("intake", "scoring", "routing", "reporting")
}
NOTHING_WAS_RESTORED = {(f"baton-service-{service}", "Rolled forward") for service in SERVICES}
QUIET = NOTHING_FAILED | NOBODY_CAME | NO_TIMER_CAME_DUE | NOTHING_WAS_RESTORED
"""Panels that rightly show nothing after a minute: nothing failed, no platform called, nobody restored anything."""


def test_the_quiet_panels_exist() -> None:
    assert {(asked.board, asked.panel) for asked in queries()} >= QUIET


def test_every_query_is_understood_and_shows_figures(observed: Observed) -> None:
    for asked in queries():
        observed.has_figures(asked.expr)
    for board in boards().values():
        for mark in board["annotations"]["list"]:
            observed.has_figures(mark["expr"])
    waiting = {asked for asked in queries() if not is_quiet(asked)}

    seen = [0]

    def look() -> bool:
        if len(seen) <= ROUNDS and observed.scrapes() > seen[-1]:
            live_through(observed.baton)
            seen.append(observed.scrapes())
        waiting.difference_update({asked for asked in waiting if observed.has_figures(asked.expr)})
        return not waiting

    try:
        eventually(look, "every panel shows something", PATIENCE)
    except AssertionError:
        told = sorted(f'("{asked.board}", "{asked.panel}"),  # {asked.expr}' for asked in waiting)
        pytest.fail("without figures:\n" + "\n".join(told))
    for metric, label in variables():
        assert observed.ask(f"label/{label}/values", **{"match[]": metric}), metric


def test_a_dot_on_the_latency_names_a_lead_and_its_trace(observed: Observed) -> None:
    def look() -> set[str]:
        found = observed.ask("query_exemplars", query="baton_handoff_seconds_bucket", start="0", end="9999999999")
        return {exemplar["labels"]["lead_id"] for series in found for exemplar in series["exemplars"]}

    routed = {fact["subject"] for fact in observed.baton.facts("routing") if fact["type"] == "lead.routed"}
    assert eventually(look, "exemplars", PATIENCE) <= routed


def test_a_query_that_is_none_is_refused(observed: Observed) -> None:
    with pytest.raises(AssertionError, match="parse error"):
        observed.has_figures("sum by (job (baton_consumer_lag)")
