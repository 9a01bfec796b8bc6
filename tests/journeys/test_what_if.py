"""A house asks its own history: why a lead went where it went, and what a draft would have made of all of them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.people import somebody
from tests.journeys.running import ROOT, Baton, embedded

LEADS = 8


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Baton, list[str]]]:
    """Eight leads, one after the other, all with an owner."""
    with embedded(tmp_path_factory.mktemp("what_if"), ROOT / "deploy/playbook") as baton:
        leads = []
        for number in range(LEADS):
            (receipt,) = baton.post("/intake/v1/leads", somebody("DE" if number % 2 else "GB"))
            baton.await_fact("routing", "lead.routed", receipt["lead_id"])
            leads.append(receipt["lead_id"])
        yield baton, leads


def test_the_command_explains_a_decision_and_it_is_what_was_published(house: tuple[Baton, list[str]]) -> None:
    baton, leads = house
    told = json.loads(baton.cli("playbook", "explain", leads[-1], "--json").stdout)
    owner = baton.get(f"/routing/v1/leads/{leads[-1]}")["owner"]
    assert told["reproduced"]
    assert told["owner"] == owner["id"]
    words = baton.cli("playbook", "explain", leads[-1], "--rep", "grace").stdout
    assert f"why: {owner['name']}, because rule" in words
    assert "why not: Grace Whitlock was not in" in words
    unknown = baton.cli("playbook", "explain", leads[-1][:-4] + "ffff", check=False)
    assert (unknown.returncode, "Unknown lead" in unknown.stderr) == (4, True)


def test_the_playbook_in_force_gives_every_recorded_owner_again_and_a_draft_moves_some(
    house: tuple[Baton, list[str]], tmp_path: Path
) -> None:
    baton, _ = house
    to = tmp_path / "report.json"
    same = ("playbook", "simulate", "--playbook", str(ROOT / "deploy/playbook"), "--json", str(to))
    baton.cli(*same, "--fail-if", "changed > 0.0")
    report = json.loads(to.read_text())
    assert report["as_recorded"] == {"leads": LEADS, "same_owner": LEADS}
    draft = tmp_path / "draft"
    shutil.copytree(ROOT / "deploy/playbook", draft)
    routing = (draft / "routing.yaml").read_text()
    assert "    pool: uk_emea\n    policy: standard" in routing
    moved = routing.replace("    pool: uk_emea\n    policy: standard", "    pool: americas\n    policy: standard")
    (draft / "routing.yaml").write_text(moved)
    gate = baton.cli("playbook", "simulate", "--playbook", str(draft), "--fail-if", "rerouted > 0.4", check=False)
    assert (gate.returncode, "the draft fails" in gate.stderr) == (1, True)
    assert "50.0% to another pool" in gate.stdout
    assert baton.get("/routing/v1/playbook")["version"] == report["playbooks"]["before"]
