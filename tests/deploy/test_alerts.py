"""Each alert fires when it should, is still when it should be, and tells whoever is woken what to do."""

from __future__ import annotations

import re
import subprocess

import yaml

from tests.deploy.rules import FOLDER, RULES, alerts, rules
from tests.layout.tree import ROOT, SERVICES

EXAMPLES = ("rules.test.yml", "slo.test.yml", "slo-slow.test.yml")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def promtool(path: str, *arguments: str) -> None:
    done = subprocess.run([path, *arguments], cwd=FOLDER, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_rules_fire_and_keep_still_as_their_examples_say(prometheus: str) -> None:
    promtool(prometheus, "check", "rules", *RULES)
    promtool(prometheus, "test", "rules", *EXAMPLES)


def test_prometheus_accepts_its_configuration_and_reads_all_rules(prometheus: str) -> None:
    promtool(prometheus, "check", "config", "--syntax-only", "prometheus.yml")
    assert yaml.safe_load((FOLDER / "prometheus.yml").read_text())["rule_files"] == list(RULES)


def test_every_alert_has_a_runbook_of_its_name() -> None:
    assert {path.stem for path in (ROOT / "docs/runbooks").glob("Baton*.md")} == set(alerts())
    for name, rule in rules("alert").items():
        assert rule["annotations"]["runbook"] == f"docs/runbooks/{name}.md"
        assert rule["labels"]["severity"] in {"page", "ticket"}


def seconds(duration: str) -> int:
    return sum(int(number) * SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhd])", str(duration)))


def test_every_alert_has_examples_in_which_it_is_still_then_fires_then_clears() -> None:
    whole = set()
    for name in EXAMPLES:
        for test in yaml.safe_load((FOLDER / name).read_text())["tests"]:
            told: dict[str, list[tuple[int, bool]]] = {}
            for example in test.get("alert_rule_test", ()):
                told.setdefault(example["alertname"], []).append(
                    (seconds(example["eval_time"]), bool(example["exp_alerts"]))
                )
            whole |= {
                alert for alert, times in told.items() if [fires for _, fires in sorted(times)] == [False, True, False]
            }
    assert set(alerts()) - whole == set()


def test_every_runbook_of_an_alert_says_what_it_means_where_to_look_what_to_do_and_when_it_is_over() -> None:
    for name in alerts():
        text = (ROOT / f"docs/runbooks/{name}.md").read_text()
        assert text.startswith(f"# {name}\n")
        for part in ("**What it means.**", "**First**", "**Look**", "**Do**", "**Over when**"):
            assert part in text, f"{name}: {part}"
        first = text.split("**First**")[1].split("**Look**")[0]
        assert "```sh\n" in first, f"{name}: no command to run first"


def test_every_service_is_scraped_under_its_own_path() -> None:
    jobs = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    scraped = {job["job_name"]: (job["metrics_path"], job["static_configs"][0]["targets"]) for job in jobs}
    assert scraped == {name: (f"/{name}/metrics", [f"{name}:8000"]) for name in SERVICES}
