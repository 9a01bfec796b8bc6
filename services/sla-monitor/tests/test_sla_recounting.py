"""A changed calendar moves the deadlines of clocks that run; the old ones are kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text

from baton.playbook import Playbook
from baton.playbook.calendars import Calendars
from baton.runtime.testing import Bench
from baton.sla_monitor.recount import wake_for_calendars


def with_day_off(book: Playbook) -> Playbook:
    """Berlin is closed on the Monday on which everything here happens."""
    document = book.models.calendars.model_dump(mode="json")
    document["calendars"][0]["holidays"]["added"] = [{"date": "2026-11-02", "name": "Moving house"}]
    calendars = Calendars.model_validate(document, strict=False)
    return Playbook(book.models.model_copy(update={"calendars": calendars}))


@pytest.fixture
def other(playbook: Playbook) -> Playbook:
    return with_day_off(playbook)


async def change(bench: Bench, monitor: Any, other: Playbook) -> int:
    monitor.watch.current = other
    woken = await wake_for_calendars(bench.engine, monitor, other)
    await bench.advance(timedelta(seconds=5))
    return woken


async def test_a_changed_calendar_moves_what_is_counted_by_it_and_says_so_once(
    bench: Bench, monitor: Any, facts: Any, other: Playbook
) -> None:
    berlin = facts.owner(calendar="berlin")
    await bench.hear(facts.routed(owner=berlin), subject=facts.lead)
    await bench.hear(facts.routed(), subject=facts.lead[:-1] + "2")
    before = {fact.body["promise"]: fact.body for fact in await bench.said("sla.started") if fact.body["owner"]}
    assert await change(bench, monitor, other) == 1
    moved = {fact.body["promise"]: fact.body for fact in await bench.said("sla.moved")}
    assert set(moved) == {"first_response", "first_contact"}, "minimum and time of work are counted on the wall"
    first = moved["first_response"]
    assert (first["was"], first["due_at"]) == ("2026-11-02T14:00:00Z", "2026-11-03T13:00:00Z")
    assert first["calendar_version"] == other.calendar("berlin").version != first["calendar_was"]
    assert before.keys() > moved.keys()
    assert await change(bench, monitor, other) == 0, "it is counted by it now"
    await bench.advance(timedelta(hours=6))
    assert [fact.body["promise"] for fact in await bench.said("sla.breached")] == ["first_response"], "the other lead's"


async def test_the_old_deadline_is_kept(desk: Bench, monitor: Any, facts: Any, other: Playbook) -> None:
    await desk.hear(facts.routed(owner=facts.owner(calendar="berlin")), subject=facts.lead)
    await change(desk, monitor, other)
    query = text("SELECT count(*) FROM obligation WHERE was_due_at IS NOT NULL AND was_due_at < due_at")
    assert await desk.engine.read(lambda tx: tx.execute(query).scalar_one()) == 2


async def test_nobody_learns_afterwards_that_his_time_was_over(
    desk: Bench, monitor: Any, facts: Any, playbook: Playbook, other: Playbook
) -> None:
    monitor.watch.current = other
    await desk.hear(facts.routed(owner=facts.owner(calendar="berlin")), subject=facts.lead)
    query = text("UPDATE obligation SET calendar_version = 'before', allowed = 3600")
    await desk.engine.store.write(lambda tx: tx.execute(query))
    await desk.advance(timedelta(hours=25))
    said = len(await desk.said())
    assert await change(desk, monitor, playbook) == 1
    assert await desk.said("sla.moved") == []
    assert len(await desk.said()) == said
