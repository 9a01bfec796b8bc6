"""What intake does with more than it can store: it says so early, and what it says is true."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import orjson
import psycopg
import pytest
from services.intake.tests.posting import hubspot_record, mautic_event, sign_hubspot
from sqlalchemy.engine import make_url

from baton.intake.in_hand import InHand
from baton.runtime.failures import NotNow
from tests.world.lost_reply import wire_to

LEAD = {"source": "web", "contact": {"email": "a@example.com"}}
SHORT = 0.3


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


async def hubspot(desk: Any) -> Any:
    raw = orjson.dumps(hubspot_record())
    headers = {name.replace("-", "_"): value for name, value in sign_hubspot(raw).items()}
    return await desk.post("hooks/hubspot-workflow", raw=raw, who=None, **headers)


async def test_a_commit_whose_reply_is_lost_is_503_and_sent_again_it_is_known(open_desk: Any, postgres: Any) -> None:
    """H3: nobody can tell, so nothing may be said about it but that it can be sent again."""
    async with wire_to(postgres.new_database()) as (wire, url), open_desk(url) as desk:
        wire.lose = b"a@example.com"
        answer = await desk.post("leads", LEAD)
        assert (wire.lost, answer.status_code) == (1, 503)
        assert "or nobody can tell" in answer.json()["detail"]
        assert len(await desk.said()) == 1  # it was stored all the same
        again = await desk.post("leads", LEAD)
        assert again.json()[0]["status"] == "duplicate"
        assert len(await desk.said()) == 1


async def test_what_waits_for_a_store_that_stands_still_is_refused_in_time_and_never_stored(
    open_desk: Any, postgres: Any
) -> None:
    url = postgres.new_database()
    async with open_desk(url) as desk:
        desk.engine._batches[0]._patience = SHORT
        with psycopg.connect(plain(url)) as connection:
            connection.execute("LOCK TABLE journal")
            first = asyncio.create_task(desk.post("leads", {**LEAD, "external_id": "begun"}))
            await asyncio.sleep(0.2)
            async with asyncio.timeout(SHORT + 1):
                late = await asyncio.gather(*(desk.post("leads", {**LEAD, "external_id": str(n)}) for n in range(20)))
        assert Counter(answer.status_code for answer in late) == {503: 20}
        assert (await first).status_code == 202
        assert (await desk.post("leads", {**LEAD, "external_id": "later"})).status_code == 202
        assert [fact["external_id"] for fact in await desk.said()] == ["begun", "later"]


async def test_a_full_queue_is_refused_before_the_body_is_read(open_desk: Any, postgres: Any) -> None:
    url = postgres.new_database()
    async with open_desk(url, intake_queue=1) as desk:
        read: list[bytes] = []

        async def body() -> Any:
            read.append(b"[")
            yield b"[]"

        with psycopg.connect(plain(url)) as connection:
            connection.execute("LOCK TABLE journal")
            first = asyncio.create_task(desk.post("leads", LEAD))
            await asyncio.sleep(0.3)
            headers = {"Authorization": "Bearer token-of-map", "Content-Type": "application/json"}
            answer = await desk.client.post("/intake/v1/leads", content=body(), headers=headers)
            assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
            hook = await hubspot(desk)
            assert hook.status_code == 503
        assert (await first).status_code == 202
        assert desk.metric("baton_requests_shed_total") == 2


async def test_hubspot_is_told_milliseconds_and_everybody_else_seconds(
    open_desk: Any, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HubSpot reads `Retry-After` as milliseconds; taken for seconds, 2000 would be 33 minutes, within its days."""
    url = postgres.new_database()
    async with open_desk(url) as desk:
        desk.engine._batches[0]._patience = SHORT
        with psycopg.connect(plain(url)) as connection:
            connection.execute("LOCK TABLE journal")
            first = asyncio.create_task(desk.post("leads", LEAD))
            await asyncio.sleep(0.2)
            by_hubspot, by_mautic = await asyncio.gather(hubspot(desk), desk.mautic(mautic_event()))
        await first
        assert (by_hubspot.status_code, by_hubspot.headers["Retry-After"]) == (503, "2000")
        assert (by_mautic.status_code, by_mautic.headers["Retry-After"]) == (503, "2")
        monkeypatch.delenv("BATON_HUBSPOT_SECRET")
        assert (await hubspot(desk)).headers["Retry-After"] == "60000"


async def test_more_bytes_than_may_be_in_hand_are_refused_but_for_a_body_that_is_alone(open_desk: Any) -> None:
    async with open_desk(intake_bytes=2000) as desk:
        many = [{**LEAD, "external_id": str(n), "properties": {"note": "x" * 900}} for n in range(4)]
        assert (await desk.post("leads", many)).status_code == 202
        answers = await asyncio.gather(*(desk.post("leads", {**lead, "event_id": "e"}) for lead in many))
        assert {answer.status_code for answer in answers} == {202, 503}
        assert (await desk.post("leads", many)).status_code == 202


def test_bytes_are_counted_as_they_come_and_let_go_with_the_answer() -> None:
    shed: list[None] = []
    hand = InHand(100, lambda: shed.append(None))
    with hand.carrying() as one:
        one(90)
        one(90)  # alone: however large
        with pytest.raises(NotNow), hand.carrying() as two:
            two(10)
        with hand.carrying():
            pass
    assert (hand.held, len(shed)) == (0, 1)
    with hand.carrying() as one, hand.carrying() as two:
        one(50)
        two(50)
        with pytest.raises(NotNow):
            two(1)
    assert (hand.held, len(shed)) == (0, 2)
