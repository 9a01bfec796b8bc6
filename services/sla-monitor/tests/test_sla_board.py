"""What the board asks for every few seconds: only what is new, and one look at the store for all who watch."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from baton.calendars import Calendar
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench
from baton.sla_monitor.board import Wanted
from baton.sla_monitor.pages import SharedLook


@pytest.fixture
async def web(desk: Bench, facts: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    monkeypatch.setattr(SharedLook, "fresh_for", 0.0)
    monkeypatch.setattr(SharedLook, "share", 0)
    token = ensure_admin_token(desk.engine.settings.home)
    transport = httpx.ASGITransport(create_app(desk.engine))
    headers = {"Authorization": f"Bearer {token}"}
    await desk.hear(facts.routed(policy="plain", owner=facts.owner("ada", "berlin")), subject=facts.lead)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


async def test_news_is_told_once_and_silence_costs_a_304(web: httpx.AsyncClient, desk: Bench, facts: Any) -> None:
    first = await web.get("/sla-monitor/board")
    tag = {"If-None-Match": first.headers["etag"]}
    assert (await web.get("/sla-monitor/board", headers=tag)).status_code == 304
    desk.clock.move_to(facts.at(0.5))  # the time that passes is no news: the browser counts it down
    assert (await web.get("/sla-monitor/board", headers=tag)).status_code == 304
    await desk.hear(facts.routed(0.5, "plain", facts.owner("bo", team="south")), subject=facts.lead[:-1] + "2")
    news = await web.get("/sla-monitor/board", headers=tag)
    assert news.status_code == 200
    assert facts.lead[:-1] + "2" in news.text
    north = await web.get("/sla-monitor/board?team=north")
    assert facts.lead[:-1] + "2" not in north.text


async def test_the_board_of_a_rep_has_what_is_his_and_the_reps_of_a_team_stand_by_name(
    web: httpx.AsyncClient, desk: Bench, facts: Any
) -> None:
    await desk.hear(facts.rep("ada", "Zoe Adams"), subject="ada")
    await desk.hear(facts.routed(0, "plain", facts.owner("bo")), subject=facts.lead[:-1] + "2")
    team = (await web.get("/sla-monitor/?team=north")).text
    reps = team.split("Reps, by name")[1]
    assert reps.index("bo</a>") < reps.index("Zoe Adams</a>")
    mine = (await web.get("/sla-monitor/?team=north&owner=ada")).text
    assert facts.lead in mine
    assert facts.lead[:-1] + "2" not in mine
    alone = (await web.get("/sla-monitor/?owner=ada")).text
    assert 'data-open="1"' in alone
    assert (await web.get("/sla-monitor/board?owner=%00")).status_code == 400
    assert (await web.get("/sla-monitor/board", headers={"Authorization": "Bearer no"})).status_code == 401


async def test_working_time_travels_with_a_clock_as_its_next_windows(
    web: httpx.AsyncClient, desk: Bench, facts: Any
) -> None:
    """Routed on Monday at 10:00 in Berlin with four hours: noon is free, so it is due at 15:00."""
    text = (await web.get("/sla-monitor/board")).text
    hour = 3_600_000
    ten = int(facts.monday.timestamp() * 1000)
    assert f'data-windows="{ten}-{ten + 2 * hour} {ten + 3 * hour}-{ten + 5 * hour} "' in text
    assert 'data-later="0.0"' in text


async def test_all_who_watch_the_same_share_one_look() -> None:
    looks: list[Wanted] = []

    async def look(wanted: Wanted) -> dict[str, Any]:
        looks.append(wanted)
        await asyncio.sleep(0)
        return {"of": wanted}

    shared = SharedLook(look)
    shared.fresh_for = 3600.0
    seen = await asyncio.gather(*(shared.at(Wanted("north")) for _ in range(500)), shared.at(Wanted("south")))
    assert len(looks) == 2
    assert seen[0] is seen[499]
    for number in range(200):
        await shared.at(Wanted(str(number)))
    assert len(shared._seen) == shared.most


def test_windows_are_cut_to_what_was_asked_for(facts: Any, playbook: Any) -> None:
    calendar: Calendar = playbook.calendar("berlin")
    start = facts.monday + timedelta(minutes=30)
    assert calendar.windows(start, facts.at(4), 8) == [(start, facts.at(2)), (facts.at(3), facts.at(4))]
    assert calendar.windows(start, facts.at(500), 1) == [(start, facts.at(2))]
    assert calendar.windows(facts.at(2.2), facts.at(2.8), 8) == []
    far = facts.monday + timedelta(days=366 * 20)
    assert sum((b - a).total_seconds() for a, b in calendar.windows(far, far + timedelta(days=7), 99)) == pytest.approx(
        calendar.between(far, far + timedelta(days=7))
    )
