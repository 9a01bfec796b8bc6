"""The SLA monitor's face: its API, its board, its metrics, its ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from baton.runtime.handler import Heard
from baton.runtime.http import ensure_admin_token, next_cursor
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench

OTHER = "0190aaaa-0000-7000-8000-000000000002"


@pytest.fixture
async def web(bench: Bench, facts: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Two leads: one at risk in the north, one broken in the south; a third just routed."""
    token = ensure_admin_token(bench.engine.settings.home)
    await bench.hear(facts.rep(), subject="ada")
    south = facts.owner("bo", team="south")
    await bench.hear(facts.routed(-3, "plain", south), subject=OTHER)
    await bench.hear(facts.routed(0, "plain"), subject=facts.lead)
    await bench.advance(facts.at(3.5))
    await bench.hear(facts.routed(3.5, "plain"), subject=OTHER[:-1] + "3")
    transport = httpx.ASGITransport(create_app(bench.engine))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


async def listed(web: httpx.AsyncClient, **wanted: Any) -> list[dict[str, Any]]:
    answer = await web.get("/sla-monitor/v1/obligations", params=wanted)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["obligations"]
    return found


async def test_obligations_are_listed_by_state_and_filtered_by_team_owner_and_policy(
    web: httpx.AsyncClient, facts: Any
) -> None:
    (at_risk,) = await listed(web, state="at_risk")
    assert (at_risk["lead_id"], at_risk["owner_name"], at_risk["team"]) == (facts.lead, "Ada Byron", "north")
    assert at_risk["left"] == {"seconds": 1800, "business_seconds": 1800}
    (broken,) = await listed(web, state="breached", team="south", owner="bo", policy="plain")
    assert (broken["lead_id"], broken["left"]) == (OTHER, None)
    (opened,) = await listed(web, state="open")
    assert opened["lead_id"] == OTHER[:-1] + "3"
    assert await listed(web, state="breached", team="north") == []
    assert await listed(web, policy="full") == []


async def test_pages_of_obligations_miss_none_and_repeat_none(web: httpx.AsyncClient) -> None:
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params = {"limit": "1", **({"cursor": cursor} if cursor else {})}
        answer = (await web.get("/sla-monitor/v1/obligations", params=params)).json()
        seen += [obligation["lead_id"] for obligation in answer["obligations"]]
        if (cursor := answer["next"]) is None:
            break
    assert len(seen) == len(set(seen)) == 3


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        next_cursor(1),
        next_cursor(9_000_000_000_000_000_000, "a", 1, 0, "b"),
        next_cursor(1, "a", 2**40, 0, "b"),
        next_cursor(1, "a\x00", 1, 0, "b"),
    ],
)
async def test_a_cursor_we_did_not_make_is_refused(web: httpx.AsyncClient, cursor: str) -> None:
    answer = await web.get("/sla-monitor/v1/obligations", params={"cursor": cursor})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"


async def test_an_unknown_state_and_an_unknown_lead_are_said_to_be_so(web: httpx.AsyncClient) -> None:
    assert (await web.get("/sla-monitor/v1/obligations?state=asleep")).status_code == 422
    assert (await web.get("/sla-monitor/v1/leads/nobody")).status_code == 404


@pytest.mark.parametrize(
    ("path", "status"),
    [("v1/obligations?team=%00", 400), ("v1/obligations?limit=0", 422), ("v1/leads/%00", 400), ("?team=%00", 400)],
)
async def test_what_no_store_can_hold_is_refused_and_breaks_nothing(
    web: httpx.AsyncClient, path: str, status: int
) -> None:
    assert (await web.get(f"/sla-monitor/{path}")).status_code == status


async def test_a_lead_shows_its_clocks_and_the_touches_they_are_judged_by(
    web: httpx.AsyncClient, bench: Bench, facts: Any
) -> None:
    await bench.hear(facts.touched(3.4), subject=facts.lead)
    lead = (await web.get(f"/sla-monitor/v1/leads/{facts.lead}")).json()
    (clock,) = lead["obligations"]
    assert (clock["state"], clock["seconds"], clock["calendar"]) == ("met", 3.4 * 3600, "always")
    assert [touch["channel"] for touch in lead["touches"]] == ["call"]


async def test_the_policies_in_force_are_shown_as_they_are_written(web: httpx.AsyncClient) -> None:
    policies = (await web.get("/sla-monitor/v1/policies")).json()["policies"]
    assert [policy["id"] for policy in policies] == ["full", "plain", "chained"]
    assert [policy["warn_at"] for policy in policies] == [80, 80, [50, 80]]
    assert policies[0]["touches"] == {"call": 2, "email": 1, "within": "432000s"}


async def test_strangers_see_nothing(web: httpx.AsyncClient) -> None:
    for path in ("/sla-monitor/v1/obligations", "/sla-monitor/v1/policies", "/sla-monitor/"):
        assert (await web.get(path, headers={"Authorization": "Bearer nonsense"})).status_code == 401


async def test_the_board_shows_what_is_overdue_at_risk_and_open_per_team(web: httpx.AsyncClient, facts: Any) -> None:
    page = (await web.get("/sla-monitor/")).text
    assert "Ada Byron" in page
    assert "30 min of working time" in page
    assert "2 h 30 min overdue" in page
    assert f"/reporting/leads/{facts.lead}" in page
    south = (await web.get("/sla-monitor/?team=south")).text
    assert "Ada Byron" not in south
    nobody = await web.get("/sla-monitor/?team=%3Cscript%3E")
    assert nobody.status_code == 200
    assert "<script>" not in nobody.text.split("</head>")[1]


async def test_waiting_is_measured_from_the_routing_and_breaches_are_counted(
    web: httpx.AsyncClient, bench: Bench, facts: Any, monitor: Any
) -> None:
    await bench.hear(facts.touched(3.4), subject=facts.lead)
    await bench.hear(facts.touched(3.45, outcome="reached"), subject=facts.lead)
    value = monitor.registry.get_sample_value
    assert value("baton_follow_up_seconds_sum", {"team": "north"}) == pytest.approx(3.4 * 3600)
    assert value("baton_follow_up_business_seconds_count", {"team": "north"}) == 1
    assert value("baton_first_contact_seconds_sum", {"team": "north"}) == pytest.approx(3.45 * 3600)
    assert value("baton_sla_breaches_total", {"policy": "plain", "team": "south"}) == 1
    counts = await bench.engine.read(lambda tx: monitor.ledger(tx))
    assert counts == {"leads": 3, "obligations": {"breached": 1, "met": 1, "open": 1}}


async def test_the_time_is_measured_across_owners(bench: Bench, facts: Any, monitor: Any) -> None:
    await bench.hear(facts.routed(0, "plain"), subject=facts.lead)
    await bench.hear(facts.reassigned(4, policy="plain", owner=facts.owner("bo", team="south")), subject=facts.lead)
    await bench.hear(facts.touched(5), subject=facts.lead)
    value = monitor.registry.get_sample_value
    assert value("baton_follow_up_seconds_sum", {"team": "south"}) == 5 * 3600
    assert value("baton_follow_up_seconds_sum", {"team": "north"}) is None


async def test_what_is_rolled_back_is_not_counted(bench: Bench, facts: Any, monitor: Any) -> None:
    await bench.hear(facts.routed(0, "plain"), subject=facts.lead)
    tries = 0

    def work(tx: Any) -> None:
        nonlocal tries
        tries += 1
        state = monitor.load(tx, [facts.lead])[facts.lead]
        touch = Heard("t", "lead.touched", facts.lead, "intake", 1, facts.at(1), facts.at(1), facts.touched(1))
        decided = monitor.decide(state, None, touch, facts.at(1))
        monitor.keep(tx, {facts.lead: decided.state}, None, facts.at(1))
        if tries == 1:
            raise RuntimeError("everything was written, and then this")

    with pytest.raises(RuntimeError):
        await bench.engine.store.write(work)
    value = monitor.registry.get_sample_value
    assert value("baton_follow_up_seconds_count", {"team": "north"}) is None
    await bench.engine.store.write(work)
    assert value("baton_follow_up_seconds_count", {"team": "north"}) == 1
