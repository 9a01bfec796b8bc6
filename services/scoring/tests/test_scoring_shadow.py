"""A draft judges beside the playbook on live facts: it says nothing, and where it differs can be seen."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from services.scoring.tests.conftest import PLAYBOOK, START

from baton.contracts import Answer, Contact, LeadErased, LeadReceived
from baton.runtime.clock import FixedClock
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench, types_of
from baton.scoring.service import build
from baton.scoring.shadow import Shadow

ANSWERS = {"product": "planning", "cause": "event", "problem": "known", "horizon": "now", "will_talk": True}
LEAD = "0190aaaa-0000-7000-8000-00000000000{}"


def draft_at(folder: Path, minimum: int) -> Path:
    """The example playbook with another threshold for who is a lead."""
    shutil.copytree(PLAYBOOK, folder, dirs_exist_ok=True)
    (folder / "signatures.yaml").unlink(missing_ok=True)
    path = folder / "definition.yaml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("min_points:")]
    path.write_text("\n".join([*lines, f"min_points: {minimum}", ""]))
    return folder


def received(number: int) -> LeadReceived:
    return LeadReceived(
        source="website",
        occurred_at=START,
        contact=Contact(
            email=f"kim{number}@yard.example",
            job_title="Clerk",
            company="Yard",
            country="DE",
            phone="+49891234567",
        ),
        properties={"employees": 420, "industry": "wholesale", "warehouses": 3, "technology": ["sap"]},
        answers=[Answer(question=question, value=value, occurred_at=START) for question, value in ANSWERS.items()],
    )


async def ask(bench: Bench) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {ensure_admin_token(bench.engine.settings.home)}"}
    transport = httpx.ASGITransport(create_app(bench.engine))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as web:
        answer = await web.get("/scoring/v1/shadow")
        return {"status": answer.status_code, **answer.json()}


async def test_a_draft_is_asked_beside_the_playbook_and_says_nothing(tmp_path: Path) -> None:
    service = build(Settings(playbook=PLAYBOOK))
    async with Bench.of(service, tmp_path, FixedClock(START)) as bench:
        assert (await ask(bench))["title"] == "No draft"
        await bench.hear(received(0), subject=LEAD.format(0))
        alone = types_of(await bench.said())
        assert "lead.qualified" in alone
        service.shadow = Shadow(draft_at(tmp_path / "draft", 40))
        await bench.hear(received(1), subject=LEAD.format(1))
        assert types_of(await bench.said()) == alone * 2
        told = await ask(bench)
        assert told["counts"] == {"same": 0, "qualifies": 0, "no_longer": 1, "otherwise": 0, "other_score": 0}
        (one,) = told["differences"]
        assert (one["lead_id"], one["live_says"]["verdict"], one["draft_says"]["verdict"]) == (
            LEAD.format(1),
            "qualified",
            "nurtured",
        )
        assert 'baton_shadow_judgements_total{outcome="no_longer"} 1.0' in bench.engine.metrics_text().decode()
        await bench.hear(LeadErased(requested_at=START, gone_by=START), subject=LEAD.format(1), source="intake")
        assert (await ask(bench))["differences"] == []


async def test_another_draft_is_counted_anew_and_a_bad_one_is_named(tmp_path: Path) -> None:
    shadow = Shadow(draft_at(tmp_path / "draft", 40))
    shadow.note([{"outcome": "no_longer", "lead_id": "x"}])
    draft_at(tmp_path / "draft", 1)
    shadow.poll()
    assert (shadow.refused, dict(shadow.counts), list(shadow.newest)) == (None, {}, [])
    (tmp_path / "draft" / "definition.yaml").write_text("nothing: of the kind\n")
    shadow.poll()
    assert "definition.yaml" in (shadow.refused or "")
    assert shadow.playbook is not None, "the older one is asked on"
    missing = Shadow(tmp_path / "nowhere")
    assert missing.playbook is None
    assert missing.refused


async def test_the_draft_is_named_by_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BATON_SHADOW_PLAYBOOK", str(draft_at(tmp_path / "draft", 5)))
    service = build(Settings(playbook=PLAYBOOK))
    assert service.shadow is not None
    assert service.shadow.playbook is not None
