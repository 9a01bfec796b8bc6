"""Many connections, and many replicas, at one person at once: one lead; and merges in the middle of it."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

import pytest
from services.intake.tests.test_intake_durability import every_lead_has_one_gapless_story


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "sqlite":
        return None
    found: str = request.getfixturevalue("postgres").new_database()
    return found


async def test_one_new_person_posted_over_many_connections_at_once_is_one_lead(open_desk: Any, url: str | None) -> None:
    async with open_desk(url, "one") as one:
        posts = []
        for n in range(60):
            by_mail = {"source": "fair", "contact": {"email": "Ann@Example.com"}, "note": n}
            by_id = {"source": "web", "external_id": "a-1", "contact": {"email": "ann@example.com"}, "note": n}
            posts.append(one.post("leads", [by_id, by_mail] if n % 2 else by_id))
        answers = await asyncio.gather(*posts)
        receipts = [receipt for answer in answers for receipt in answer.json()]
        assert {receipt["status"] for receipt in receipts} == {"accepted"}
        assert len({receipt["lead_id"] for receipt in receipts}) == 1
        await every_lead_has_one_gapless_story(one, leads=1, facts=90)


def nothing_is_said_of_a_merged_lead(facts: list[dict[str, Any]]) -> None:
    stories: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for fact in facts:
        stories[fact["subject"]].append(fact)
    for story in stories.values():
        story.sort(key=lambda fact: fact["sequence"])
        assert [fact["sequence"] for fact in story] == list(range(1, len(story) + 1))
        into = None
        for fact in story:
            if into is not None:
                assert fact.get("restored") == into, fact
                into = None
            into = fact["into"] if fact["type"] == "lead.merged" else into


async def test_merges_both_ways_and_posts_about_either_at_two_replicas_neither_deadlock_nor_speak_of_the_merged(
    open_desk: Any, postgres: Any
) -> None:
    url = postgres.new_database()
    async with open_desk(url, "one") as one, open_desk(url, "two") as two:
        people = [
            {"source": "web", "external_id": f"p{n}", "contact": {"email": f"p{n}@example.com"}} for n in range(4)
        ]
        ids = [receipt["lead_id"] for receipt in (await one.post("leads", people)).json()]
        for turn in range(12):
            desks = (one, two) if turn % 2 else (two, one)
            at = f"2026-09-20T10:{turn:02}:00Z"
            asked = []
            for n in range(4):
                view = {"kind": "visit", "what": str(turn), "occurred_at": at}
                other = ids[(n + 1) % 4]
                asked += [
                    desks[0].post(f"leads/{ids[n]}/merge", {"into": other}, who="boss"),
                    desks[1].post(f"leads/{other}/merge", {"into": ids[n]}, who="boss"),
                    desks[1].post("leads", {**people[n], "note": turn}),
                    desks[0].post("activities", {"lead": {"lead_id": ids[n]}, **view}),
                    desks[1].post("activities", {"lead": {"email": f"p{n}@example.com"}, **view, "value": 1}),
                ]
            answers = await asyncio.gather(*asked)
            assert {answer.status_code for answer in answers} <= {200, 202, 409}, [a.text for a in answers]
            taken = [receipt for answer in answers if answer.status_code == 202 for receipt in answer.json()]
            assert {receipt["status"] for receipt in taken} == {"accepted"}
            undone = [desk.post(f"leads/{lead_id}/unmerge", who="boss") for lead_id in ids for desk in desks]
            assert {answer.status_code for answer in await asyncio.gather(*undone)} <= {200, 409}
        facts = await one.said()
        assert len({fact["subject"] for fact in facts}) == 4
        assert [fact["type"] for fact in facts].count("lead.merged") > 4
        nothing_is_said_of_a_merged_lead(facts)
