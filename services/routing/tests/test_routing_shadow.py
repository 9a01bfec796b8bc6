"""A draft runs beside the playbook on live leads: it decides nothing, and where it differs can be seen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from baton.playbook import Playbook
from baton.routing.service import build
from baton.routing.settings import RoutingSettings
from baton.routing.shadow import Shadow
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app

SOUTH = [{"id": "all", "label": "All", "pool": "south", "policy": "plain"}]


def write_draft(folder: Path, live: Playbook, **routing: Any) -> Path:
    """The playbook, with everybody going to the south; JSON is YAML."""
    folder.mkdir()
    document = live.document()
    document["routing"] = {**document["routing"], "rules": SOUTH, **routing}
    for name, part in document.items():
        (folder / f"{name}.yaml").write_bytes(orjson.dumps(part))
    return folder


async def test_a_draft_is_asked_about_live_leads_and_decides_none(
    open_bench: Any, make: Callable[..., Playbook], facts: Any, tmp_path: Path
) -> None:
    live = make()
    draft = write_draft(tmp_path / "draft", live)
    async with open_bench(live) as bench:
        service: Any = bench.engine.service
        headers = {"Authorization": f"Bearer {ensure_admin_token(bench.engine.settings.home)}"}
        transport = httpx.ASGITransport(create_app(bench.engine))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as web:
            none = await web.get("/routing/v1/shadow")
            assert (none.status_code, none.json()["title"]) == (404, "No draft")
            service.shadow = Shadow(draft)
            await bench.hear(facts.qualified(), subject=facts.lead_id(0))
            await bench.hear(facts.qualified(postal_code="80331"), subject=facts.lead_id(1))
            await bench.hear(facts.qualified(country="BR"), subject=facts.lead_id(2))
            told = (await web.get("/routing/v1/shadow")).json()
            shown = (await web.get("/routing/shadow")).text
        said = await bench.said("lead.routed", "lead.held")
        assert [fact.type for fact in said] == ["lead.routed", "lead.routed", "lead.held"]
        assert said[0].body["rule"]["id"] == "north"
        assert (told["decisions"], told["differing"]) == (3, 2)
        found = {
            one["lead_id"]: (one["outcome"], one["live"]["rule"], one["draft"]["rule"]) for one in told["differences"]
        }
        assert found == {
            facts.lead_id(0): ("rerouted", "north", "all"),
            facts.lead_id(2): ("freed", None, "all"),
        }
        counted = {
            outcome: service.registry.get_sample_value("baton_shadow_decisions_total", {"outcome": outcome})
            for outcome in ("same", "rerouted", "freed")
        }
        assert counted == {"same": 1, "rerouted": 1, "freed": 1}
        assert facts.lead_id(0) in shown


async def test_a_draft_that_is_not_valid_is_a_concern_and_is_taken_once_it_is(
    open_bench: Any, make: Callable[..., Playbook], tmp_path: Path
) -> None:
    draft = write_draft(tmp_path / "draft", make())
    good = (draft / "routing.yaml").read_bytes()
    (draft / "routing.yaml").write_text("pools: []\n")
    async with open_bench(make()) as bench:
        service: Any = bench.engine.service
        service.shadow = Shadow(draft)
        assert "routing.yaml:1" in service.concerns()["shadow_playbook"]
        (draft / "routing.yaml").write_bytes(good)
        service.shadow.poll()
        assert "shadow_playbook" not in service.concerns()
        assert service.shadow.house is not None


def test_a_setting_names_the_draft(
    monkeypatch: pytest.MonkeyPatch, make: Callable[..., Playbook], tmp_path: Path
) -> None:
    live = tmp_path / "live"
    draft = write_draft(tmp_path / "draft", make(), max_reassigns=1)
    write_draft(live, make())
    monkeypatch.setenv("BATON_PLAYBOOK", str(live))
    monkeypatch.setenv("BATON_SHADOW_PLAYBOOK", str(draft))
    service = build(RoutingSettings())
    assert service.shadow is not None
    assert service.shadow.house is not None
    assert service.shadow.house.playbook.routing.max_reassigns == 1
    assert service.house.playbook.routing.max_reassigns == 2
