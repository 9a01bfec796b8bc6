"""What README and `baton up` tell a newcomer to type works as it stands, in that order."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.journeys.people import somebody
from tests.journeys.running import ROOT, Baton, embedded, eventually

README = (ROOT / "README.md").read_text()


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Baton]:
    folder = tmp_path_factory.mktemp("newcomer")
    with embedded(folder, ROOT / "deploy/playbook") as baton:
        yield baton


def typed(baton: Baton, script: str) -> str:
    """Run a script as typed in the clone, on this test's Baton instead of the one on port 8000."""
    home = baton.environment["BATON_HOME"]
    here = script.replace("http://127.0.0.1:8000", baton.urls["intake"]).replace("cat var/token", f"cat {home}/token")
    here = here.replace(".venv/bin/", f"{Path(sys.executable).parent}/")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", here],
        env=baton.environment, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def printed_commands(baton: Baton) -> list[str]:
    return re.findall(r"^  ((?:sleep 1; )?curl (?:.*\\\n)*.*)$", baton.said("up"), re.MULTILINE)


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on PATH")
def test_the_three_commands_that_up_prints_bring_a_lead_to_a_kept_promise(fresh: Baton) -> None:
    post, events, touch = printed_commands(fresh)
    (receipt,) = json.loads(typed(fresh, post))
    assert receipt["status"] == "accepted"
    shown = eventually(lambda: typed(fresh, f"{{ {events}; }} || true"), "the hand-off is shown")
    (one,) = map(json.loads, shown.splitlines())
    assert one["subject"] == receipt["lead_id"]
    assert f'"rep": "{one["data"]["owner"]["id"]}"' in touch
    assert one["data"]["temperature"] == "hot"
    typed(fresh, touch)
    assert fresh.await_fact("sla-monitor", "sla.met", receipt["lead_id"])["owner"] == one["data"]["owner"]["id"]


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("openssl")), reason="no curl or openssl on PATH")
def test_every_command_of_the_readme_works_in_order(fresh: Baton) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 6
    for block in blocks:
        typed(fresh, block)


def test_the_login_link_that_up_prints_works_once(fresh: Baton) -> None:
    (link,) = re.findall(r"^  (http\S+/login\?ticket=\S+)$", fresh.said("up"), re.MULTILINE)
    with httpx.Client(follow_redirects=True, headers={"Accept": "text/html"}) as browser:
        page = browser.get(link)
        assert page.status_code == 200
        assert str(page.url).endswith("/reporting/")
        for other in ("/sla-monitor/", "/scoring/"):
            assert browser.get(fresh.url(other)).status_code == 200
    assert httpx.get(link, follow_redirects=True, headers={"Accept": "text/html"}).status_code == 403


def test_a_changed_rule_is_live_in_seconds_and_a_broken_one_is_refused(tmp_path: Path) -> None:
    playbook = tmp_path / "playbook"
    shutil.copytree(ROOT / "deploy/playbook", playbook)
    with embedded(tmp_path, playbook) as baton:
        before = baton.get("/scoring/v1/definition")["version"]
        file = playbook / "routing.yaml"
        good = file.read_text().replace("max_reassigns: 2", "max_reassigns: 1")
        file.write_text(good)
        eventually(lambda: baton.get("/scoring/v1/definition")["version"] != before, "the new version is live")
        changed = baton.get("/scoring/v1/definition")["version"]
        for service in ("intake", "routing", "sla-monitor"):
            metrics = f"/{service}/metrics"
            eventually(lambda path=metrics: f'"{changed}"' in baton.ask("GET", path).text, f"{service} has it")  # type: ignore[misc]
        file.write_text(good.replace("pool: americas", "pool: atlantis"))
        refused = eventually(lambda: refusal(baton), "readyz names what is wrong")
        assert "atlantis" in refused
        (receipt,) = baton.post("/intake/v1/leads", somebody())
        routed = baton.await_fact("routing", "lead.routed", receipt["lead_id"])
        assert routed["rule"]["playbook"] == changed


def refusal(baton: Baton) -> str | None:
    """Why routing refuses the playbook that lies there, if it does."""
    checks = baton.ask("GET", "/routing/readyz").json()["checks"]
    return checks["playbook"]["reason"] if "playbook" in checks else None
