"""Homework: the person is reminded before the meeting, and whoever waits is told when it is not there (Q4)."""

from __future__ import annotations

from typing import Any

from baton.runtime.testing import Bench, types_of

OURS = ("homework.reminded", "homework.overdue")


async def test_homework_is_reminded_of_late_and_not_returned_each_once(bench: Bench, facts: Any) -> None:
    await bench.hear(facts.routed(policy="plain"), subject=facts.lead)
    await bench.hear(facts.touched(0.5, outcome="reached"), subject=facts.lead)
    times = {"due_at": facts.at(2).isoformat(), "meeting_at": facts.at(5).isoformat()}
    await bench.hear(facts.homework(1, **times), subject=facts.lead)
    await bench.advance(facts.at(6))
    late, reminded, missed = await bench.said(*OURS)
    assert (late.type, late.body["state"], late.at) == ("homework.overdue", "late", facts.at(2))
    assert (reminded.type, reminded.at, reminded.body["task"]) == (
        "homework.reminded",
        facts.at(4.75),
        "Pick two points",
    )
    assert (missed.body["state"], missed.at) == ("not_returned", facts.at(5))
    assert late.body["owner"] == "ada"
    assert [kind for _, kind, _ in await bench.timers() if kind.startswith("homework")] == []
    await bench.advance(facts.at(30))
    assert len(await bench.said(*OURS)) == 3


async def test_what_came_back_is_not_asked_for_again(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(policy="plain"), subject=facts.lead)
    times = {"due_at": facts.at(2).isoformat(), "meeting_at": facts.at(5).isoformat()}
    await desk.hear(facts.homework(1, **times), subject=facts.lead)
    await desk.hear(facts.homework(1.5, "returned_with_colleague"), subject=facts.lead)
    assert [kind for _, kind, _ in await desk.timers() if kind.startswith("homework")] == []
    await desk.advance(facts.at(6))
    assert await desk.said(*OURS) == []


async def test_a_new_task_is_told_of_anew_and_one_that_is_unwanted_is_not(desk: Bench, facts: Any) -> None:
    await desk.hear(facts.routed(policy="plain"), subject=facts.lead)
    await desk.hear(facts.homework(1, due_at=facts.at(2).isoformat()), subject=facts.lead)
    await desk.advance(facts.at(3))
    await desk.hear(facts.homework(3, due_at=facts.at(4).isoformat()), subject=facts.lead)
    await desk.advance(facts.at(5))
    assert types_of(await desk.said(*OURS)) == ["homework.overdue"] * 2
    await desk.hear(facts.homework(5, due_at=facts.at(7).isoformat()), subject=facts.lead)
    await desk.hear(facts.wishes(6, "none"), subject=facts.lead)
    await desk.advance(facts.at(8))
    assert len(await desk.said(*OURS)) == 2
