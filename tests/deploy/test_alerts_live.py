"""A real Prometheus over five live services: alerts fire when something happens, and clear when it is over."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.rules import FOLDER, RULES
from tests.deploy.watching import PATIENCE, Observed, watching
from tests.journeys.people import HOT, somebody
from tests.journeys.running import (
    BATON,
    TOPICS,
    distributed,
    eventually,
    playbook_with_short_promises,
)
from tests.world.servers import mock_cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

FASTER = 120
"""All times in the rules are divided by it: an hour is 30 seconds; five minutes are two and a half, in which Prometheus
sees two values or three, for it comes by every second. What is compared is left as it is."""
MILLISECONDS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
LANES = 12
TEAM = "dach_nordics"


def faster(rules: str) -> str:
    """Rules with every range and every wait shorter; the names of what is recorded stay."""
    return re.sub(
        r"(?<=\[)(\d+)([mhd])(?=\])|(?<=for: )(\d+)([mhd])\b",
        lambda found: f"{int(found[1] or found[3]) * MILLISECONDS[found[2] or found[4]] // FASTER}ms",
        rules,
    )


def test_times_are_divided_and_nothing_else() -> None:
    assert faster("expr: sum(rate(a_1h:b_5m[1h])) > 5") == "expr: sum(rate(a_1h:b_5m[30000ms])) > 5"
    assert faster("for: 2m\nkeep_firing_for: 30m") == "for: 1000ms\nkeep_firing_for: 15000ms"


@pytest.fixture(scope="module")
def observed(prometheus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    folder = tmp_path_factory.mktemp("alerted")
    rules = [folder / name for name in RULES]
    for path in rules:
        path.write_text(faster((FOLDER / path.name).read_text()))
    with mock_cluster() as kafka:
        for topic in TOPICS:
            kafka.create_topic(topic, LANES)
        with (
            distributed(folder, playbook_with_short_promises(folder), kafka.bootstrap, None) as baton,
            watching(baton, folder, rules) as observed,
        ):
            eventually(lambda: observed.has_figures(f'baton_sla_kept_total{{team="{TEAM}"}}'), "the roster", PATIENCE)
            yield observed


def fires(observed: Observed, alert: str, about: str = "") -> None:
    eventually(lambda: (alert, about) in observed.firing(), f"{alert} fires", PATIENCE)


def clears(observed: Observed, alert: str, about: str = "") -> None:
    eventually(lambda: (alert, about) not in observed.firing(), f"{alert} clears", PATIENCE)


def test_a_service_that_is_stopped_is_told_and_so_is_that_leads_came_late_until_all_is_well(
    observed: Observed, tmp_path: Path
) -> None:
    baton = observed.baton
    clears(observed, "BatonServiceDown", "scoring")
    scoring = baton.processes.pop("scoring")
    scoring.terminate()
    assert scoring.wait(60) == 0
    receipts = baton.post("/intake/v1/leads", [somebody() for _ in range(6)])
    fires(observed, "BatonServiceDown", "scoring")
    baton.start("scoring", [*BATON, "run", "scoring"], baton.services["scoring"], tmp_path / "scoring.log")
    clears(observed, "BatonServiceDown", "scoring")
    for receipt in receipts:
        baton.await_fact("routing", "lead.routed", receipt["lead_id"], PATIENCE)
    fires(observed, "BatonHandoffBurnsFast")
    clears(observed, "BatonHandoffBurnsFast")


def test_leads_that_nobody_calls_are_told_by_team_and_no_longer_once_promises_hold(observed: Observed) -> None:
    observed.baton.post("/intake/v1/leads", [somebody(answers=HOT) for _ in range(8)])
    fires(observed, "BatonSlaBreaches", TEAM)
    fires(observed, "BatonFollowUpBurnsFast", TEAM)
    assert {about for alert, about in observed.firing() if alert == "BatonSlaBreaches"} == {TEAM}
    clears(observed, "BatonSlaBreaches", TEAM)
    clears(observed, "BatonFollowUpBurnsFast", TEAM)
