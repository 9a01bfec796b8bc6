"""The dashboards are what their code makes, and ask for nothing that no service has."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.grafana.build import files
from tests.deploy.dashboards import FOLDER, PROMETHEUS_OWN, Asked, boards, panels, queries, variables
from tests.deploy.rules import alerts
from tests.layout.tree import ROOT, SERVICES

EVERY = "Every service"
SYSTEM = {"baton_handoff_seconds", "baton_stage_seconds", "baton_timer_lateness_seconds", "baton_consumer_lag"}
PEOPLE = {"baton_follow_up_seconds", "baton_follow_up_business_seconds", "baton_first_contact_seconds"}
ADDED_BY_PROMETHEUS = {"job", "instance"}


def documented() -> dict[str, dict[str, tuple[str, frozenset[str]]]]:
    """Service to metric to its kind and labels, as docs/metrics.md has them from the registries."""
    found: dict[str, dict[str, tuple[str, frozenset[str]]]] = {}
    service = ""
    for line in (ROOT / "docs/metrics.md").read_text().splitlines():
        if line.startswith("## "):
            service = line[3:]
        elif row := re.match(r"\| `(\w+)` \| (\w+) \| ([^|]*) \|", line):
            labels = frozenset(re.findall(r"`(\w+)`", row[3]))
            found.setdefault(service, {})[row[1]] = (row[2], labels)
    return found


METRICS = documented()


def of(name: str) -> str:
    """The metric that a name of a series belongs to."""
    plain = re.sub(r"_(bucket|sum|count)$", "", name)
    histograms = {metric for own in METRICS.values() for metric, (kind, _) in own.items() if kind == "histogram"}
    return plain if plain in histograms else name


def unknown(asked: Asked) -> set[str]:
    """Metrics and labels of a query that its service does not have."""
    job = re.search(r'job="([^"]+)"', asked.expr)  # of recorded rules none names a job
    services = (EVERY, job[1]) if job else METRICS
    known = {metric: labels for service in services for metric, (_, labels) in METRICS[service].items()}
    named = {of(name) for name in asked.metrics}
    labels = ADDED_BY_PROMETHEUS.union(*(known.get(name, ()) for name in named))
    if any(name.endswith("_bucket") for name in asked.metrics):
        labels |= {"le"}
    if "ALERTS" in asked.expr:
        labels |= {"alertname", "alertstate"}
    return (named - set(known)) | (asked.label_names - labels)


@pytest.mark.parametrize("name", sorted(files()))
def test_a_committed_dashboard_is_what_the_code_makes(name: str) -> None:
    assert (FOLDER / name).read_text() == files()[name], "run `make dashboards`"


def test_there_is_no_other_dashboard_and_one_per_service() -> None:
    assert {f"{uid}.json" for uid in boards()} == set(files())
    assert {f"baton-service-{service}" for service in SERVICES} == {uid for uid in boards() if "-service-" in uid}


@pytest.mark.parametrize("asked", list(queries()), ids=lambda asked: f"{asked.board}-{asked.panel}")
def test_a_query_names_metrics_and_labels_that_exist(asked: Asked) -> None:
    assert asked.metrics or PROMETHEUS_OWN & set(re.findall(r"\w+", asked.expr))
    assert unknown(asked) == set()
    shown = set(re.findall(r"\{\{(\w+)\}\}", asked.legend))
    assert shown <= asked.label_names


def test_an_invented_metric_label_or_another_services_metric_is_noticed() -> None:
    with pytest.raises(KeyError):
        unknown(Asked("", "", "team:baton_nothing:ratio_rate1h"))
    for expr, odd in (
        ("sum(baton_lead_count)", {"baton_lead_count"}),
        ("sum by (rep) (baton_held_leads)", {"rep"}),
        ('sum(baton_held_leads{why="queued"})', {"why"}),
        ('sum(baton_held_leads{job="scoring"})', {"baton_held_leads"}),
        ("sum by (le) (rate(baton_handoff_seconds_count[5m]))", {"le"}),
    ):
        assert odd <= unknown(Asked("", "", expr))


def test_a_variable_takes_its_values_from_a_label_that_exists() -> None:
    for metric, label in variables():
        assert unknown(Asked("", "", f"sum by ({label}) ({metric})")) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_metric_of_a_service_stands_on_its_dashboards(service: str) -> None:
    across = {"baton-sla", "baton-handoff", "baton-pipeline"} if service in {"routing", "sla-monitor"} else set()
    shown = {
        of(name)
        for asked in queries()
        if asked.board in {f"baton-service-{service}", *across}
        for name in asked.metrics
    }
    silent = {"baton_facts_published_total"} if service == "reporting" else set()
    assert {*METRICS[EVERY], *METRICS[service]} - silent - shown == set()


def test_what_the_system_takes_and_what_people_take_never_share_a_board() -> None:
    for uid in boards():
        shown = {of(name) for asked in queries() if asked.board == uid for name in asked.metrics}
        assert not (shown & SYSTEM and shown & PEOPLE), uid


def test_every_alert_belongs_to_a_panel() -> None:
    told = " ".join(panel["description"] for board in boards().values() for panel in panels(board))
    assert set(re.findall(r"docs/runbooks/(Baton\w+)\.md", told)) == set(alerts())
    assert [page for page in re.findall(r"docs/runbooks/[\w-]+\.md", told) if not (ROOT / page).is_file()] == []


@pytest.mark.parametrize("uid", sorted(boards()))
def test_panels_lie_beside_each_other(uid: str) -> None:
    laid = boards()[uid]["panels"]
    assert len({panel["id"] for panel in laid}) == len(laid)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in laid)
    assert [(one["title"], other["title"]) for one, other in combinations(laid, 2) if overlap(one, other)] == []


def overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    a, b = one["gridPos"], other["gridPos"]
    return bool(
        a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"] and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]
    )


def test_grafana_finds_dashboards_and_prometheus_where_compose_puts_them() -> None:
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
    mounts = dict(mount.split(":")[:2] for mount in compose["grafana"]["volumes"])
    assert mounts["./deploy/grafana/provisioning"] == "/etc/grafana/provisioning"
    (provider,) = provisioning("dashboards/baton.yml")["providers"]
    assert mounts["./deploy/grafana/dashboards"] == provider["options"]["path"]
    (source,) = provisioning("datasources/prometheus.yml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    named = {panel["datasource"]["uid"] for board in boards().values() for panel in panels(board)}
    assert named == {source["uid"]}
    scraped = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["global"]["scrape_interval"]
    assert source["jsonData"]["timeInterval"] == scraped


def provisioning(name: str) -> Any:
    return yaml.safe_load((ROOT / "deploy/grafana/provisioning" / name).read_text())


def test_whoever_is_not_logged_in_only_looks_and_no_password_is_written_down() -> None:
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["grafana"]
    settings = grafana["environment"]
    assert settings["GF_AUTH_ANONYMOUS_ENABLED"] == "true"
    assert settings["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    assert settings["GF_SECURITY_ADMIN_PASSWORD"] == "${GRAFANA_ADMIN_PASSWORD:-}"
    written: list[Path] = [path for path in (ROOT / "deploy/grafana").rglob("*") if path.suffix in {".yml", ".json"}]
    assert [
        path.name for path in written if re.search(r"password|secureJsonData|token", path.read_text(), re.IGNORECASE)
    ] == []
