"""A preview takes one lead with changed values, by the playbook in force or by a draft, and moves nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import orjson
import pytest

from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench


@pytest.fixture
async def web(desk: Bench) -> AsyncIterator[httpx.AsyncClient]:
    token = ensure_admin_token(desk.engine.settings.home)
    transport = httpx.ASGITransport(create_app(desk.engine))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


def south_takes_all(desk: Bench) -> str:
    """routing.yaml in which everybody goes to the south; JSON is YAML."""
    service: Any = desk.engine.service
    routing = service.house.playbook.document()["routing"]
    rules = [{"id": "all", "label": "All", "pool": "south", "policy": "plain"}]
    return orjson.dumps({**routing, "rules": rules}).decode()


async def test_a_known_lead_is_previewed_with_its_values_changed(
    web: httpx.AsyncClient, desk: Bench, facts: Any
) -> None:
    await desk.hear(facts.qualified(fields={"employees": 10}), subject=facts.lead)
    before = len(await desk.said())
    books = (await web.get("/routing/v1/pools/north")).json()
    as_it_is = (await web.post("/routing/v1/preview", json={"lead_id": facts.lead})).json()
    assert (as_it_is["rule"]["id"], as_it_is["fields"]["employees"]) == ("north", 10)
    bigger = {"lead_id": facts.lead, "fields": {"employees": 4000}}
    assert (await web.post("/routing/v1/preview", json=bigger)).json()["rule"]["id"] == "big"
    elsewhere = {"lead_id": facts.lead, "contact": {"postal_code": "80331"}}
    assert (await web.post("/routing/v1/preview", json=elsewhere)).json()["rule"]["id"] == "bavaria"
    assert len(await desk.said()) == before
    assert (await web.get("/routing/v1/pools/north")).json() == books
    unknown = await web.post("/routing/v1/preview", json={"lead_id": facts.lead_id(77)})
    assert (unknown.status_code, unknown.json()["title"]) == (422, "Unknown lead")


async def test_a_draft_decides_the_preview_and_nothing_else(web: httpx.AsyncClient, desk: Bench, facts: Any) -> None:
    await desk.hear(facts.qualified(fields={"employees": 10}), subject=facts.lead)
    service: Any = desk.engine.service
    body = {"lead_id": facts.lead, "draft": {"routing.yaml": south_takes_all(desk)}}
    told = (await web.post("/routing/v1/preview", json=body)).json()
    assert (told["rule"]["id"], told["pool"], told["owner"]["id"]) == ("all", "south", "dee")
    assert told["playbook"] != service.house.playbook.version
    assert (await web.post("/routing/v1/preview", json={"lead_id": facts.lead})).json()["rule"]["id"] == "north"


async def test_a_draft_that_is_not_valid_says_where(web: httpx.AsyncClient, desk: Bench) -> None:
    bad = {"draft": {"routing.yaml": "pools: []\nrules:\n  - {id: a, label: A, poool: x, policy: plain}\n"}}
    refused = await web.post("/routing/v1/preview", json=bad)
    assert (refused.status_code, refused.json()["title"]) == (422, "Invalid draft")
    assert "routing.yaml:3:23: poool: there is no such key here" in [e["detail"] for e in refused.json()["errors"]]
    strange = await web.post("/routing/v1/preview", json={"draft": {"../x.yaml": "a: 1"}})
    assert strange.json()["detail"].startswith("../x.yaml is no file of a draft")
    weak = httpx.Headers({"Authorization": "Bearer nobody"})
    assert (await web.post("/routing/v1/preview", json=bad, headers=weak)).status_code == 401
