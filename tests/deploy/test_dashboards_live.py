"""A real Prometheus scrapes a running Baton, and is asked everything that the dashboards ask."""

from __future__ import annotations

import math
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.deploy.dashboards import Asked, boards, queries, variables
from tests.deploy.rules import FOLDER, RULES
from tests.journeys.people import HOT, somebody
from tests.journeys.running import SERVICES, Baton, embedded, eventually, free_port, playbook_with_short_promises
from tests.journeys.test_lead_journey import taken_in, touched
from tests.world.plugin import leave_out

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE = 240.0
ROUNDS = 12
"""Of traffic, a scrape or more apart: a line of a rate begins with the second. Far more would find every rep full."""
IN_PLACE_OF = {"$__rate_interval": "10m", "$__range": "10m", "$team": ".*"}
"""What Grafana fills in."""


@dataclass(frozen=True)
class Observed:
    """A Baton and the Prometheus that watches it."""

    baton: Baton
    prometheus: httpx.Client

    def ask(self, path: str, **query: str) -> Any:
        answer = self.prometheus.get(f"/api/v1/{path}", params=query)
        assert answer.status_code == 200, f"{query}: {answer.text}"
        return answer.json()["data"]

    def scrapes(self) -> int:
        """How often Prometheus has come by."""
        found = self.ask("query", query=f'count_over_time(up{{job="{SERVICES[-1]}"}}[1h])')["result"]
        return int(found[0]["value"][1])

    def has_figures(self, expr: str) -> bool:
        """Whether there is at least one series with a number. Fails where Prometheus cannot read the query."""
        for mark, value in IN_PLACE_OF.items():
            expr = expr.replace(mark, value)
        return any(not math.isnan(float(series["value"][1])) for series in self.ask("query", query=expr)["result"])


@pytest.fixture(scope="module")
def observed(prometheus: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    program = shutil.which("prometheus") or leave_out("prometheus", "no prometheus on PATH, only promtool")
    folder = tmp_path_factory.mktemp("observed")
    with embedded(folder, playbook_with_short_promises(folder)) as baton:
        port = free_port()
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration(baton)))
        command = [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/series"]
        with (folder / "prometheus.log").open("w") as log:
            process = subprocess.Popen([*command, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log)
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                observed = Observed(baton, client)
                eventually(lambda: watches(observed, process, folder), "five services are scraped", PATIENCE)
                yield observed
        finally:
            process.terminate()
            process.wait(30)


def configuration(baton: Baton) -> dict[str, Any]:
    """As deploy/prometheus/prometheus.yml has it, every second and without a token."""
    jobs = [
        {
            "job_name": service,
            "metrics_path": f"/{service}/metrics",
            "static_configs": [{"targets": [baton.urls[service].removeprefix("http://")]}],
        }
        for service in SERVICES
    ]
    every = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    return {"global": every, "rule_files": [str(FOLDER / name) for name in RULES], "scrape_configs": jobs}


def watches(observed: Observed, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "prometheus.log").read_text()
    try:
        if observed.prometheus.get("/-/ready").status_code != 200:  # it is up before it can be asked
            return False
    except httpx.TransportError:
        return False
    return len(observed.ask("query", query="up == 1")["result"]) == len(SERVICES)


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


def test_a_query_that_is_none_is_refused(observed: Observed) -> None:
    with pytest.raises(AssertionError, match="parse error"):
        observed.has_figures("sum by (job (baton_consumer_lag)")
