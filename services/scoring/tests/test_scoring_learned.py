"""A learned score in the playbook: what it says of a lead, with its reasons, and that it counts only when better."""

from __future__ import annotations

import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from baton.playbook import load
from baton.runtime.clock import FixedClock
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench
from baton.scoring.service import build

PLAYBOOK = Path(__file__).parents[3] / "deploy" / "playbook"
LEARNED: dict[str, Any] = {
    "format": 1, "label": "2026-11-01", "outcome": "sales accepts the lead", "cases": 900, "intercept": -1.0,
    "fields": [
        {"field": "employees", "points": [[50, -0.5], [450, 1.5]]},
        {"field": "industry", "words": {"retail": 0.5}},
    ],
    "held_out": {
        "since": "2026-10-01", "cases": 300, "positives": 120, "auc": 0.8, "log_loss": 0.5, "calibration_error": 0.02,
        "rules_auc": 0.7, "better_by": [0.05, 0.15],
    },
}  # fmt: skip
Open = Callable[..., Any]


@asynccontextmanager
async def client_of(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {ensure_admin_token(bench.engine.settings.home)}"}
    transport = httpx.ASGITransport(create_app(bench.engine))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


@pytest.fixture
async def opened(tmp_path: Path, clock: FixedClock) -> AsyncIterator[Open]:
    """Opens scoring on the example playbook with a learned score and this formula."""
    async with AsyncExitStack() as stack:

        async def bench(formula: str, better_by: list[float]) -> httpx.AsyncClient:
            playbook = Path(shutil.copytree(PLAYBOOK, tmp_path / "playbook"))
            scoring = playbook / "scoring.yaml"
            lines = [line for line in scoring.read_text().splitlines() if not line.startswith("score:")]
            scoring.write_text("\n".join([*lines, f"score: {formula}", ""]))
            learned = {**LEARNED, "held_out": {**LEARNED["held_out"], "better_by": better_by}}
            (playbook / "learned.json").write_text(json.dumps(learned))
            opened = await stack.enter_async_context(Bench.of(build(Settings(playbook=playbook)), tmp_path, clock))
            return await stack.enter_async_context(client_of(opened))

        yield bench


async def preview(web: httpx.AsyncClient) -> Any:
    lead = {"properties": {"employees": 250, "industry": "Retail"}}
    return (await web.post("/scoring/v1/preview", json=lead)).json()


async def test_the_chance_its_reasons_and_the_formula(opened: Open) -> None:
    said = await preview(await opened("learned", [0.05, 0.15]))
    # -1 + 0.5 (half the way from -0.5 to 1.5) + 0.5 = 0: even odds.
    assert said["score"]["learned"] == 0.5
    assert said["score"]["total"] == 50.0
    reasons = {one["criterion"]: one for one in said["why"] if one["criterion"].startswith("learned.")}
    assert reasons["learned.employees"]["label"] == "Employees: odds × 1.65"
    assert reasons["learned.industry"]["value"] == "Retail"


async def test_one_that_does_not_beat_the_rules_is_shown_and_does_not_count(opened: Open) -> None:
    web = await opened("fit + learned", [-0.01, 0.05])
    said = await preview(web)
    assert said["score"]["learned"] is None
    assert said["score"]["total"] == said["score"]["fit"]
    assert not any(one["criterion"].startswith("learned.") for one in said["why"])
    definition = (await web.get("/scoring/v1/definition")).json()
    assert definition["learned"]["is_on"] is False
    assert "off</span> until it surely beats the rules" in (await web.get("/scoring/")).text


def test_without_one_the_version_is_what_it_was_and_with_one_another(tmp_path: Path) -> None:
    playbook = Path(shutil.copytree(PLAYBOOK, tmp_path / "playbook"))
    before = load(playbook)
    assert "learned" not in before.document()
    (playbook / "learned.json").write_text(json.dumps(LEARNED))
    assert load(playbook).hash != before.hash
