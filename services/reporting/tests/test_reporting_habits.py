"""What follow-up brought, by rep and source: promises kept, nothing learned, touches too many (F4, F6)."""

from __future__ import annotations

from typing import Any

from services.reporting.tests.conftest import LEAD, Desk
from services.reporting.tests.stories import (
    Told,
    after,
    met,
    qualified,
    reassigned,
    received,
    rep,
    routed,
    started,
    touched,
)

from baton.contracts import FollowUpExcessive

OPENED = [received(), qualified(1), routed(2), started(2)]


def too_much(minutes: float, round: int = 1) -> Told:  # noqa: A002
    at = after(minutes)
    said: dict[str, Any] = {"round": round, "owner": "anna", "team": "north", "rep": "anna", "channel": "call"}
    return Told(FollowUpExcessive(**said, reason="unanswered", touched_at=at, unanswered=7), at)


async def habits(desk: Desk, **wanted: str) -> list[tuple[str, str, int, int, int, int]]:
    counts = ("handed_over", "kept", "nothing_learned", "excessive")
    items = (await desk.get("habits", **wanted))["items"]
    return [(row["owner_name"], row["source"], *(row[name] for name in counts)) for row in items]


async def test_a_kept_promise_without_anything_learned_has_a_count_of_its_own(desk: Desk) -> None:
    await desk.bench.hear(rep("anna", "Anna Feldkamp"), subject="anna")
    await desk.tell(*OPENED)
    assert await habits(desk) == [("Anna Feldkamp", "web", 1, 0, 0, 0)]
    await desk.tell(touched(10, outcome="reached"), met(2, 10))
    assert await habits(desk) == [("Anna Feldkamp", "web", 1, 1, 1, 0)]
    await desk.tell(too_much(20), too_much(21))
    assert await habits(desk, team="north") == [("Anna Feldkamp", "web", 1, 1, 1, 2)]
    await desk.tell(touched(30, outcome="learned"))
    assert await habits(desk) == [("Anna Feldkamp", "web", 1, 1, 0, 2)]
    assert await habits(desk, team="south") == []


async def test_what_was_learned_before_or_after_a_round_is_none_of_it(desk: Desk) -> None:
    await desk.tell(received(), touched(1, outcome="learned"), qualified(2), routed(3), started(3), met(3, 9))
    again = [qualified(100, round=2), routed(101, round=2), touched(110, outcome="moved")]
    await desk.tell(*again)
    assert await habits(desk) == [("anna", "web", 2, 1, 1, 0)]


async def test_a_lead_counts_for_who_has_it_and_the_page_and_the_sheet_say_the_same(desk: Desk) -> None:
    await desk.tell(*OPENED, touched(5, outcome="moved"), met(2, 5))
    other = LEAD[:-1] + "2"
    await desk.tell(received(source="fair"), qualified(1), routed(2), reassigned(70, "bo"), lead=other)
    assert await habits(desk) == [("anna", "web", 1, 1, 0, 0), ("bo", "fair", 1, 0, 0, 0)]
    assert await habits(desk, source="fair") == [("bo", "fair", 1, 0, 0, 0)]
    page = await desk.client.get("/reporting/follow-up?days=all")
    assert "What it brought, by rep and source" in page.text
    sheet = await desk.client.get("/reporting/v1/habits?format=csv")
    assert sheet.text.splitlines()[1] == "north,anna,anna,web,1,1,0,0"
