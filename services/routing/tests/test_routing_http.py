"""Routing's face: its API, its pages, its metrics, its ledger."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from baton.contracts import Score
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.labels import MOST_VALUES, OTHER
from baton.runtime.testing import Bench


@pytest.fixture
async def web(desk: Bench, facts: Any) -> AsyncIterator[httpx.AsyncClient]:
    """Three routed leads, the second the best; one held because no rule wants it."""
    token = ensure_admin_token(desk.engine.settings.home)
    for number, total in enumerate((10, 90, 50)):
        score = Score(total=total, fit=total - 5, interest=5)
        await desk.hear(facts.qualified(postal_code="80331", score=score), subject=facts.lead_id(number))
    await desk.hear(facts.qualified(country="BR"), subject=facts.lead_id(9))
    transport = httpx.ASGITransport(create_app(desk.engine))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


async def test_a_lead_shows_its_owner_why_and_who_had_it(web: httpx.AsyncClient, facts: Any) -> None:
    shown = (await web.get(f"/routing/v1/leads/{facts.lead_id(0)}")).json()
    assert (shown["state"], shown["owner"]["id"], shown["rule"]["id"]) == ("routed", "dee", "bavaria")
    assert shown["inputs_hash"] == shown["trace"]["inputs_hash"]
    moved = await web.post(f"/routing/v1/leads/{facts.lead_id(0)}/reject", json={"rep": "dee"})
    assert moved.status_code == 200
    shown = (await web.get(f"/routing/v1/leads/{facts.lead_id(0)}")).json()
    assert (shown["owners"][0]["owner"], shown["owners"][0]["ended"]) == ("dee", "reject")
    assert shown["misroutes"] == 1


async def test_unknown_leads_reps_and_pools_are_not_found(web: httpx.AsyncClient, facts: Any) -> None:
    for path in (
        f"leads/{facts.lead_id(77)}",
        "leads/nonsense",
        "reps/nobody",
        "reps/BAD.ID",
        "pools/none",
        "reps/playbook",
    ):
        answer = await web.get(f"/routing/v1/{path}")
        assert answer.status_code == 404, path
        assert answer.headers["content-type"] == "application/problem+json"


async def test_a_preview_says_what_would_be_decided_and_writes_nothing(
    web: httpx.AsyncClient, desk: Bench, facts: Any
) -> None:
    before = len(await desk.said())
    body = {
        "source": "web",
        "contact": {"country": "DE", "postal_code": "20095", "email": "x@firm.example"},
        "properties": {"employees": 4000},
        "hobby": "chess",
    }
    first = (await web.post("/routing/v1/preview", json=body)).json()
    second = (await web.post("/routing/v1/preview", json=body)).json()
    assert (first["decision"], first["rule"]["id"], first["policy"]) == ("routed", "big", "fast")
    assert first["owner"]["id"] == second["owner"]["id"] == "ada"
    assert first["respond_by"] == "2026-11-02T10:00:00Z"
    nowhere = (await web.post("/routing/v1/preview", json={"contact": {"country": "BR"}})).json()
    assert (nowhere["decision"], nowhere["reason"]) == ("held", "no_rule")
    test = (await web.post("/routing/v1/preview", json={"is_test": True})).json()
    assert test["decision"] == "test"
    assert len(await desk.said()) == before


async def test_the_queue_is_ranked_by_score_with_the_reason_for_each_rank(web: httpx.AsyncClient, facts: Any) -> None:
    await web.post(f"/routing/v1/leads/{facts.lead_id(1)}/claim", json={"rep": "dee"})
    first = (await web.get("/routing/v1/reps/dee/queue", params={"limit": 2})).json()
    rest = (await web.get("/routing/v1/reps/dee/queue", params={"limit": 2, "cursor": first["next"]})).json()
    listed = first["leads"] + rest["leads"]
    assert [(lead["rank"], lead["score"]["total"]) for lead in listed] == [(1, 90.0), (2, 50.0), (3, 10.0)]
    assert listed[0]["because"] == "90 points (fit 85, interest 5, energy unknown), warm; Fits +10"
    assert rest["next"] is None


async def test_a_pool_shows_who_is_next_and_who_cannot(web: httpx.AsyncClient) -> None:
    pool = (await web.get("/routing/v1/pools/south")).json()
    assert pool["next"] == "dee"
    eli = next(one for one in pool["members"] if one["rep"] == "eli")
    assert (eli["eligible"], eli["objection"], eli["load"]) == (False, "at capacity: 1 of 1 open", 1)
    assert eli["because"] == "his share of 2 leads he was in the running for is 1; he got 1"
    assert sum(round(one["credit"] * 10**9) for one in pool["members"]) == 0
    assert pool["furthest"] == 0.5


async def test_reps_are_listed_put_and_sent_on_leave(web: httpx.AsyncClient, facts: Any) -> None:
    listed = (await web.get("/routing/v1/reps", params={"limit": 3})).json()
    assert [one["id"] for one in listed["reps"]] == ["ada", "bo", "cy"]
    more = (await web.get("/routing/v1/reps", params={"cursor": listed["next"]})).json()
    assert [one["id"] for one in more["reps"]] == ["dee", "eli"]
    body = {"name": "Zoe", "zone": "Europe/Berlin", "calendar": "berlin", "team": "south", "languages": ["de"]}
    assert (await web.put("/routing/v1/reps/zoe", json=body)).status_code == 201
    assert (await web.put("/routing/v1/reps/zoe", json=body | {"weight": 2})).status_code == 200
    off = {"starts_at": "2026-11-02T00:00:00Z", "ends_at": "2026-11-09T00:00:00+01:00", "reason": "holiday"}
    assert (await web.post("/routing/v1/reps/zoe/time-off", json=off)).status_code == 200
    zoe = (await web.get("/routing/v1/reps/zoe")).json()
    assert zoe["weight"] == 2
    kept = {"starts_at": "2026-11-02T00:00:00Z", "ends_at": "2026-11-08T23:00:00Z", "reason": "holiday"}
    assert zoe["time_off"] == [kept | {"hand_over": False}]
    assert zoe["pools"] == {"south": {"credit": 0.0}}


async def test_what_a_rep_looks_like_can_be_changed_and_sent_back(web: httpx.AsyncClient) -> None:
    dee = (await web.get("/routing/v1/reps/dee")).json()
    assert dee["open_leads"] > 0
    assert (await web.put("/routing/v1/reps/dee", json=dee | {"skills": ["knots"], "open_leads": 0})).status_code == 200
    assert (await web.get("/routing/v1/reps/dee")).json() == dee | {"skills": ["knots"]}
    other = await web.put("/routing/v1/reps/eli", json=dee)
    assert (other.status_code, other.json()["errors"][0]["pointer"]) == (422, "#/id")


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"zone": "Mars/Olympus"}, "#/zone"),
        ({"calendar": "mars"}, "#/calendar"),
        ({"weight": 0}, "#/weight"),
        ({"capacity": "3"}, "#/capacity"),
        ({"shoe_size": 43}, "#/shoe_size"),
    ],
)
async def test_a_rep_that_cannot_work_is_refused_with_a_pointer(
    web: httpx.AsyncClient, change: dict[str, Any], pointer: str
) -> None:
    body = {"name": "Zoe", "zone": "Europe/Berlin", "calendar": "berlin"} | change
    answer = await web.put("/routing/v1/reps/zoe", json=body)
    assert answer.status_code == 422
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await web.get("/routing/v1/reps/zoe")).status_code == 404


async def test_time_off_must_end_after_it_begins(web: httpx.AsyncClient) -> None:
    off = {"starts_at": "2026-11-09T00:00:00Z", "ends_at": "2026-11-09T00:00:00Z"}
    assert (await web.post("/routing/v1/reps/ada/time-off", json=off)).status_code == 422
    later = off | {"ends_at": "2026-11-10T00:00:00Z"}
    assert (await web.post("/routing/v1/reps/nobody/time-off", json=later)).status_code == 404


async def test_held_leads_are_listed_with_the_reason_and_paged(web: httpx.AsyncClient, desk: Bench, facts: Any) -> None:
    await desk.hear(facts.qualified(country="AR"), subject=facts.lead_id(8))
    first = (await web.get("/routing/v1/held", params={"limit": 1})).json()
    rest = (await web.get("/routing/v1/held", params={"limit": 1, "cursor": first["next"]})).json()
    assert [one["lead_id"] for one in first["held"] + rest["held"]] == [facts.lead_id(8), facts.lead_id(9)]
    assert first["held"][0]["reason"] == "no_rule"
    assert (await web.get("/routing/v1/held", params={"reason": "manager"})).json()["held"] == []


async def test_writing_needs_the_right_scope_and_a_token(web: httpx.AsyncClient, facts: Any) -> None:
    web.headers.pop("Authorization")
    for answer in (
        await web.get("/routing/v1/held"),
        await web.put("/routing/v1/reps/zoe", json={}),
        await web.post(f"/routing/v1/leads/{facts.lead_id(0)}/claim", json={"rep": "ada"}),
    ):
        assert answer.status_code == 401


async def test_bad_bodies_are_told_apart(web: httpx.AsyncClient, facts: Any) -> None:
    url = f"/routing/v1/leads/{facts.lead_id(0)}/claim"
    json = {"content-type": "application/json"}
    assert (await web.post(url, content=b"{", headers=json)).status_code == 400
    assert (await web.post(url, content=b"rep=ada")).status_code == 415
    assert (await web.post(url, json={"rep": 7})).status_code == 422
    assert (await web.post(url, json={"rep": "nobody"})).status_code == 422
    assert (await web.post(url, json={"rep": "dee"})).status_code == 409
    assert (await web.post(url, json={"rep": "ada"})).status_code == 200


async def test_the_rep_s_list_and_the_held_page_show_what_the_api_says(web: httpx.AsyncClient, facts: Any) -> None:
    own = (await web.get("/routing/reps/dee", headers={"accept": "text/html"})).text
    assert own.index("50 points") < own.index("10 points")
    assert "Kim Brandt" in own
    held = (await web.get("/routing/held", headers={"accept": "text/html"})).text
    assert "No rule matches" in held
    assert "country is BR" in held
    given = await web.post(f"/routing/held/{facts.lead_id(9)}/assign", content="to=bo")
    assert given.status_code == 303
    assert (await web.get(f"/routing/v1/leads/{facts.lead_id(9)}")).json()["owner"]["id"] == "bo"
    back = await web.post(f"/routing/reps/bo/leads/{facts.lead_id(9)}/reject")
    assert back.status_code == 303


async def test_metrics_count_hand_offs_and_fates_once_they_are_committed(
    web: httpx.AsyncClient, desk: Bench, facts: Any
) -> None:
    text = (await web.get("/routing/metrics")).text
    assert "baton_handoff_seconds_count 3.0" in text
    assert 'baton_leads_total{outcome="routed"} 3.0' in text
    assert 'baton_leads_total{outcome="held"} 1.0' in text
    await web.post(f"/routing/v1/leads/{facts.lead_id(9)}/claim", json={"rep": "ada"})
    text = (await web.get("/routing/metrics")).text
    assert "baton_handoff_seconds_count 3.0" in text, "by hand is no hand-off latency"
    assert 'baton_playbook_info{version="' in text


async def test_the_ledger_knows_the_fate_of_every_lead_that_was_qualified(
    web: httpx.AsyncClient, desk: Bench, facts: Any
) -> None:
    await desk.hear(facts.status(1, "lost"), subject=facts.lead_id(50))
    ledger = (await web.get("/routing/v1/ledger")).json()
    assert ledger["counts"] == {"held": 1, "routed": 3}
    page = desk.engine.service
    rows = await desk.engine.read(lambda tx: page.ledger_page(tx, facts.lead_id(0), 10))
    assert [(row["lead_id"], row["fate"], row["round"]) for row in rows] == [
        (facts.lead_id(1), "routed", 1),
        (facts.lead_id(2), "routed", 1),
        (facts.lead_id(9), "held", 1),
    ]


async def test_who_accepts_open_metrics_is_led_from_a_bucket_to_a_lead_and_its_trace(
    web: httpx.AsyncClient, desk: Bench, facts: Any
) -> None:
    answer = await web.get(
        "/routing/metrics", headers={"accept": "application/openmetrics-text;version=1.0.0,*/*;q=0.1"}
    )
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    families = {family.name: family for family in text_string_to_metric_families(answer.text)}
    marked = [sample.exemplar for sample in families["baton_handoff_seconds"].samples if sample.exemplar]
    (last,) = [exemplar.labels for exemplar in marked]
    (routed,) = [fact for fact in await desk.said("lead.routed") if fact.subject == facts.lead_id(2)]
    assert last == {"lead_id": facts.lead_id(2), "trace_id": routed.headers["ce_traceparent"].split("-")[1]}
    assert sum(len(name) + len(value) for name, value in last.items()) <= 128
    plain = await web.get("/routing/metrics", headers={"accept": "text/plain"})
    assert plain.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert "trace_id" not in plain.text


async def test_more_endpoints_than_a_metric_bears_are_one(desk: Bench, web: httpx.AsyncClient) -> None:
    metrics = desk.engine.service.metrics
    many = [f"endpoint-{number:03}" for number in range(150)]
    now = desk.clock.now()
    waiting = {many[-1]: (3, now - timedelta(hours=1)), many[-2]: (4, now)}
    metrics.show_endpoints(many, {many[-1]}, waiting, now)
    for endpoint in many:
        metrics.count_given_up(endpoint)
    value = desk.engine.service.registry.get_sample_value
    assert (await web.get("/routing/metrics")).text.count("baton_endpoint_disabled{") == MOST_VALUES + 1
    assert value("baton_endpoint_disabled", {"endpoint": OTHER}) == 1
    assert value("baton_deliveries_waiting", {"endpoint": OTHER}) == 7
    assert value("baton_delivery_age_seconds", {"endpoint": OTHER}) == 3600
    assert value("baton_deliveries_given_up_total", {"endpoint": OTHER}) == 50
