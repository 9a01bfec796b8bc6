"""A Baton, and a real Prometheus that watches it."""

from __future__ import annotations

import contextlib
import math
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.journeys.running import SERVICES, Baton, eventually, free_port
from tests.world.plugin import leave_out

PATIENCE = 240.0
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

    def firing(self) -> set[tuple[str, str]]:
        """The alerts that fire now, each with the team or the job it is about."""
        alerts = [alert["labels"] for alert in self.ask("alerts")["alerts"] if alert["state"] == "firing"]
        return {(labels["alertname"], labels.get("team") or labels.get("job", "")) for labels in alerts}


@contextlib.contextmanager
def watching(baton: Baton, folder: Path, rules: Sequence[Path]) -> Iterator[Observed]:
    """Prometheus scrapes all five services and evaluates these rules, every second; ready once it has seen all five."""
    program = shutil.which("prometheus") or leave_out("prometheus", "no prometheus on PATH, only promtool")
    port = free_port()
    (folder / "prometheus.yml").write_text(yaml.safe_dump(_configuration(baton, rules)))
    command = [program, f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/series"]
    command += ["--enable-feature=exemplar-storage", f"--web.listen-address=127.0.0.1:{port}"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            observed = Observed(baton, client)
            eventually(lambda: _watches(observed, process, folder), "five services are scraped", PATIENCE)
            yield observed
    finally:
        process.terminate()
        process.wait(30)


def _configuration(baton: Baton, rules: Sequence[Path]) -> dict[str, Any]:
    """As deploy/prometheus/prometheus.yml has it, more often and without a token."""
    jobs = [
        {
            "job_name": service,
            "metrics_path": f"/{service}/metrics",
            "static_configs": [{"targets": [baton.urls[service].removeprefix("http://")]}],
        }
        for service in SERVICES
    ]
    often = {"scrape_interval": "1s", "evaluation_interval": "1s"}
    return {"global": often, "rule_files": [str(path) for path in rules], "scrape_configs": jobs}


def _watches(observed: Observed, process: subprocess.Popen[bytes], folder: Path) -> bool:
    assert process.poll() is None, (folder / "prometheus.log").read_text()
    try:
        if observed.prometheus.get("/-/ready").status_code != 200:  # it is up before it can be asked
            return False
    except httpx.TransportError:
        return False
    return len(observed.ask("query", query="up == 1")["result"]) == len(SERVICES)
