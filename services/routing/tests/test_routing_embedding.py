"""A rep's list in a frame: by its link, for its time, for one rep, by a token that still exists."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench


@pytest.fixture
async def web(desk: Bench, facts: Any) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token; the admin's is in `home`."""
    ensure_admin_token(desk.engine.settings.home)
    await desk.hear(facts.qualified(), subject=facts.lead)
    transport = httpx.ASGITransport(create_app(desk.engine))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


async def link_to(web: httpx.AsyncClient, desk: Bench, rep: str = "ada", minutes: int = 60) -> str:
    headers = {"Authorization": f"Bearer {ensure_admin_token(desk.engine.settings.home)}"}
    answer = await web.post(f"/routing/v1/reps/{rep}/link", params={"minutes": minutes}, headers=headers)
    assert answer.status_code == 200
    url = urlsplit(answer.json()["url"])
    return f"{url.path}?{url.query}"


async def test_the_list_is_shown_in_frames_of_the_crm_and_to_nobody_else(web: httpx.AsyncClient, desk: Bench) -> None:
    answer = await web.get(await link_to(web, desk))
    assert answer.status_code == 200
    assert "60 points" in answer.text
    assert "<form" not in answer.text
    assert "<nav" not in answer.text
    policy = answer.headers["content-security-policy"]
    named = " ".join(desk.engine.service.house.playbook.targets.frame_ancestors)  # type: ignore[attr-defined]
    assert policy.endswith(f"frame-ancestors {named}")
    assert "https://app.hubspot.com" in named
    assert "set-cookie" not in answer.headers


async def test_a_link_is_for_one_rep_for_its_time_and_as_it_was_made(web: httpx.AsyncClient, desk: Bench) -> None:
    link = await link_to(web, desk, minutes=5)
    assert (await web.get(link.replace("/ada", "/bo"))).status_code == 403
    head, _, mac = link.rpartition(".")
    assert (await web.get(f"{head}.{mac[:-2]}xx")).status_code == 403
    short, until, sign = link.rsplit("=", 1)[1].split(".")
    longer = f"/routing/embed/ada?link={short}.{int(until) + 600}.{sign}"
    assert (await web.get(longer)).status_code == 403
    for nonsense in ("", "a", "a.b.c", f"{short}..{sign}", "é.1.x"):
        assert (await web.get("/routing/embed/ada", params={"link": nonsense})).status_code == 403
    desk.clock.move_to(desk.clock.now() + timedelta(minutes=4, seconds=59))
    assert (await web.get(link)).status_code == 200
    desk.clock.move_to(desk.clock.now() + timedelta(seconds=1))
    over = await web.get(link)
    assert (over.status_code, over.json()["title"]) == (403, "Link is over")


async def test_a_link_opens_nothing_else_and_needs_a_token_to_be_made(web: httpx.AsyncClient, desk: Bench) -> None:
    link = (await link_to(web, desk)).rsplit("?", 1)[1]
    for path in ("/routing/reps/ada", "/routing/v1/reps/ada/queue", "/routing/held"):
        assert (await web.get(f"{path}?{link}")).status_code == 401
    assert (await web.post("/routing/v1/reps/ada/link")).status_code == 401
