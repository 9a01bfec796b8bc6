"""What is answered with 2xx is on disk; what happens at the same moment happens once; what is past its time is gone."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import orjson
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from services.intake.tests.posting import mautic_event
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from baton.intake import store
from baton.intake.service import build
from baton.intake.settings import IntakeSettings
from baton.runtime.settings import Settings

LEAD = {"source": "web", "contact": {"email": "a@example.com"}}


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> str | None:
    """None for SQLite, else the URL of an empty Postgres database."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("postgres").new_database()
    return url


@contextmanager
def no_commits(desk: Any) -> Iterator[None]:
    """The disk is full at the very last moment: every COMMIT fails."""
    engine = desk.engine.store._writer

    def refuse(_: Any) -> None:
        raise OperationalError("COMMIT", {}, Exception("database or disk is full"))

    event.listen(engine, "commit", refuse)
    try:
        yield
    finally:
        event.remove(engine, "commit", refuse)


async def test_a_store_that_cannot_commit_is_answered_503_and_nothing_is_lost_or_doubled(desk: Any) -> None:
    with no_commits(desk):
        for answer in (await desk.post("leads", LEAD, Idempotency_Key="k"), await desk.mautic(mautic_event())):
            assert answer.status_code == 503
            assert answer.headers["Retry-After"]
            assert answer.headers["Content-Type"] == "application/problem+json"
    assert await desk.said() == []
    assert (await desk.elements())["received"] == 0
    assert (await desk.post("leads", LEAD, Idempotency_Key="k")).json()[0]["status"] == "accepted"
    assert (await desk.mautic(mautic_event())).json()["status"] == "accepted"
    assert desk.metric("baton_intake_elements_total", source="mautic", outcome="accepted") == 1


async def test_a_queue_that_is_full_is_answered_503(open_desk: Any) -> None:
    async with open_desk(intake_queue=1) as desk:
        answers = await asyncio.gather(*(desk.post("leads", {**LEAD, "external_id": str(n)}) for n in range(20)))
        statuses = Counter(answer.status_code for answer in answers)
        assert statuses.keys() == {202, 503}
        assert len(await desk.said()) == statuses[202]


async def test_a_person_posted_many_times_at_once_is_one_lead(open_desk: Any, database: str | None) -> None:
    async with open_desk(database) as desk:
        people = [f"p{n % 3}@example.com" for n in range(60)]
        posts = [
            desk.post("leads", {"source": "web", "contact": {"email": p}, "note": n}) for n, p in enumerate(people)
        ]
        answers = [answer.json()[0] for answer in await asyncio.gather(*posts)]
        assert {answer["status"] for answer in answers} == {"accepted"}
        assert len({answer["lead_id"] for answer in answers}) == 3
        await every_lead_has_one_gapless_story(desk, leads=3, facts=60)


async def every_lead_has_one_gapless_story(desk: Any, leads: int, facts: int) -> None:
    said = await desk.said()
    assert len(said) == facts
    by_lead: dict[str, list[Any]] = {}
    for fact in said:
        by_lead.setdefault(fact["subject"], []).append((fact["sequence"], fact["type"]))
    assert len(by_lead) == leads
    for story in by_lead.values():
        assert [sequence for sequence, _ in sorted(story)] == list(range(1, len(story) + 1))
        assert [kind for _, kind in sorted(story)].count("lead.received") == 1
        assert min(story)[1] == "lead.received"


async def test_replicas_that_meet_the_same_people_at_once_make_one_lead_of_each(open_desk: Any, postgres: Any) -> None:
    url = postgres.new_database()
    async with open_desk(url, "one") as one, open_desk(url, "two") as two:
        posts = []
        for n in range(40):
            lead = {
                "source": "web",
                "external_id": f"x{n % 5}",
                "contact": {"email": f"p{n % 5}@example.com"},
                "note": n,
            }
            same = {"source": "fair", "contact": {"email": f"p{n % 5}@example.com"}, "event_id": f"e{n}"}
            backwards = [same, lead] if n % 2 else [lead, same]
            posts += [one.post("leads", backwards), two.post("leads", backwards[::-1])]
        answers = await asyncio.gather(*posts)
        assert {answer.status_code for answer in answers} == {202}
        receipts = [receipt for answer in answers for receipt in answer.json()]
        assert Counter(receipt["status"] for receipt in receipts) == {"accepted": 80, "duplicate": 80}
        assert len({receipt["lead_id"] for receipt in receipts}) == 5
        await every_lead_has_one_gapless_story(one, leads=5, facts=80)
        assert await two.elements() == {"received": 160, "accepted": 80, "duplicate": 80, "quarantined": 0}


async def test_a_mention_and_its_lead_that_cross_at_two_replicas_always_find_each_other(
    open_desk: Any, postgres: Any
) -> None:
    url = postgres.new_database()
    async with open_desk(url, "one") as one, open_desk(url, "two") as two:
        for n in range(25):
            who = f"p{n}@example.com"
            view = {"lead": {"email": who}, "kind": "visit", "occurred_at": "2026-09-21T14:00:00Z"}
            mention = one.post("activities", view)
            lead = two.post("leads", {"source": "web", "contact": {"email": who}})
            await asyncio.gather(*((mention, lead) if n % 2 else (lead, mention)))
        assert Counter(fact["type"] for fact in await one.said()) == {"lead.received": 25, "lead.engaged": 25}
        assert (await one.elements()) == {"received": 50, "accepted": 50, "duplicate": 0, "quarantined": 0}


async def test_a_key_used_at_two_replicas_at_once_gives_one_answer(open_desk: Any, postgres: Any) -> None:
    url = postgres.new_database()
    async with open_desk(url, "one") as one, open_desk(url, "two") as two:
        for n in range(10):
            lead = {"source": "web", "external_id": str(n)}
            first, second = await asyncio.gather(*(d.post("leads", lead, Idempotency_Key=f"k{n}") for d in (one, two)))
            assert first.json() == second.json()
        assert (await one.elements())["received"] == 10


async def test_everything_works_on_either_store(open_desk: Any, database: str | None) -> None:
    async with open_desk(database) as desk:
        view = {"lead": {"system": "crm", "id": "1"}, "kind": "visit", "occurred_at": "2026-09-21T14:00:00Z"}
        assert (await desk.post("activities", view)).json()[0]["status"] == "quarantined"
        raw = b'{"source":"shop","external_id":"1","properties":{"n\\u0000":1}}'
        assert (await desk.post("leads", raw=raw, Idempotency_Key="k")).json()[0]["status"] == "accepted"
        assert (await desk.post("leads", raw=raw, Idempotency_Key="k")).headers["Idempotent-Replayed"] == "true"
        assert (await desk.mautic(b"\xff\x00")).json()["status"] == "quarantined"
        assert [fact["type"] for fact in await desk.said()] == ["lead.received", "lead.engaged"]
        (item,) = (await desk.get("quarantine"))["items"]
        assert item["raw"]["base64"] == "/wA="
        assert (await desk.post(f"quarantine/{item['id']}/replay", who="boss")).json()["status"] == "quarantined"
        await desk.engine.store.write(store.fold_tallies)
        assert await desk.elements() == {"received": 3, "accepted": 2, "duplicate": 0, "quarantined": 1}


async def test_migrations_make_the_tables_the_code_knows(open_desk: Any, database: str | None) -> None:
    def differences(tx: Any) -> list[Any]:
        found = compare_metadata(MigrationContext.configure(tx, opts={"compare_type": False}), desk.service.metadata)
        return [change for change in found if "alembic_version" not in str(change)]

    async with open_desk(database) as desk:
        assert await desk.engine.read(differences) == []


async def test_raw_bodies_past_their_time_are_deleted_but_for_those_in_quarantine(desk: Any) -> None:
    await desk.post("leads", LEAD, Idempotency_Key="k")
    await desk.mautic(b"{}")
    desk.clock.advance(timedelta(days=20))
    await desk.post("leads", {**LEAD, "note": 2})
    assert await desk.service.forget_old(desk.engine) == 0
    assert await desk.rows("answer") == []
    desk.clock.advance(timedelta(days=11))
    assert await desk.service.forget_old(desk.engine) == 1
    assert sorted(row.door for row in await desk.rows("raw")) == ["hook", "lead"]
    assert len(await desk.said()) == 2
    assert (await desk.post("leads", LEAD)).json()[0]["status"] == "duplicate"


async def test_adding_up_the_tallies_changes_no_count(desk: Any) -> None:
    await desk.post("leads", [LEAD, LEAD, {"source": "fair"}])
    await desk.mautic(b"{}")
    before = await desk.elements()
    for _ in range(2):
        await desk.engine.store.write(store.fold_tallies)
        assert await desk.elements() == before == {"received": 4, "accepted": 1, "duplicate": 1, "quarantined": 2}
    assert len(await desk.rows("tally")) == 3


async def test_the_service_is_built_from_plain_settings_and_reads_its_own(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_RAW_RETENTION_DAYS", "7")
    service = build(Settings(playbook=desk.playbook))
    assert isinstance(service.settings, IntakeSettings)
    assert service.settings.raw_retention_days == 7
    assert service.playbook_version() == desk.service.playbook_version()


async def test_nothing_that_people_typed_reaches_the_metrics(desk: Any) -> None:
    await desk.post("leads", {"source": "secret@example.com", "contact": {"email": "secret@example.com"}})
    await desk.post("leads", [{"source": "secret", "contact": {"email": "secret"}}, "secret"])
    await desk.mautic(orjson.dumps({"secret": "secret"}))
    await asyncio.sleep(0)
    text = (await desk.client.get("/intake/metrics")).text
    assert 'baton_intake_elements_total{outcome="accepted",source="other"} 1.0' in text
    assert "secret" not in text
