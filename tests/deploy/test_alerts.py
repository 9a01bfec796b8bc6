"""Each alert fires when it should, is still when it should be, and tells whoever is woken what to do."""

from __future__ import annotations

import subprocess

import yaml

from tests.layout.tree import ROOT, SERVICES

FOLDER = ROOT / "deploy/prometheus"


def alerts() -> list[str]:
    groups = yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"]
    return [rule["alert"] for group in groups for rule in group["rules"]]


def promtool(path: str, *arguments: str) -> None:
    done = subprocess.run([path, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_fire_and_keep_still_as_their_examples_say(prometheus: str) -> None:
    promtool(prometheus, "check", "rules", "rules.yml")
    promtool(prometheus, "test", "rules", "rules.test.yml")


def test_prometheus_accepts_its_configuration(prometheus: str) -> None:
    promtool(prometheus, "check", "config", "--syntax-only", "prometheus.yml")


def test_every_alert_has_a_runbook_of_its_name_and_an_example() -> None:
    runbooks = {path.stem for path in (ROOT / "docs/runbooks").glob("Baton*.md")}
    tested = {
        example["alertname"]
        for test in yaml.safe_load((FOLDER / "rules.test.yml").read_text())["tests"]
        for example in test["alert_rule_test"]
        if example["exp_alerts"]
    }
    assert set(alerts()) == runbooks == tested


def test_every_service_is_scraped_under_its_own_path() -> None:
    jobs = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    scraped = {job["job_name"]: (job["metrics_path"], job["static_configs"][0]["targets"]) for job in jobs}
    assert scraped == {name: (f"/{name}/metrics", [f"{name}:8000"]) for name in SERVICES}
