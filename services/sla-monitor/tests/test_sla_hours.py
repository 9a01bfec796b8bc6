"""Clocks run in the owner's business hours, through nights, weekends and changes of the clocks."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from baton.contracts import Contact
from baton.playbook import Playbook
from baton.runtime.handler import Heard
from baton.sla_monitor.decide import Watched, decide


def test_off_hours_neither_use_up_the_time_nor_bring_the_warning(playbook: Playbook, facts: Any) -> None:
    clocks = started(playbook, facts, datetime(2026, 11, 6, 18, 0, tzinfo=UTC), "berlin")  # Friday, 19:00 in Berlin
    contact = clocks["first_contact"]
    assert contact.due_at == datetime(2026, 11, 9, 17, 0, tzinfo=UTC)  # Monday 9-12 and 13-18
    assert contact.warn_at == datetime(2026, 11, 9, 15, 24, tzinfo=UTC)  # after 6.4 of the 8 hours
    assert clocks["minimum_touches"].due_at == datetime(2026, 11, 11, 18, 0, tzinfo=UTC)  # five days on the wall


def test_the_night_on_which_clocks_go_back_has_an_hour_more(playbook: Playbook, facts: Any) -> None:
    clocks = started(playbook, facts, datetime(2026, 10, 24, 20, 0, tzinfo=UTC), "nights")
    assert clocks["first_contact"].due_at == datetime(2026, 10, 25, 4, 0, tzinfo=UTC)  # 05:00, not 06:00


def test_the_night_on_which_clocks_go_forward_has_an_hour_less(playbook: Playbook, facts: Any) -> None:
    clocks = started(playbook, facts, datetime(2026, 3, 28, 21, 0, tzinfo=UTC), "nights")
    assert clocks["first_contact"].due_at == datetime(2026, 3, 29, 21, 0, tzinfo=UTC)  # 7 hours, and one the next night


def test_the_time_to_an_attempt_is_told_on_the_wall_and_in_business_time(playbook: Playbook, facts: Any) -> None:
    at = datetime(2026, 11, 6, 16, 30, tzinfo=UTC)  # Friday, 17:30 in Berlin
    state = routed(playbook, facts, at, "berlin")
    touch = facts.touched(0).model_copy(update={"occurred_at": datetime(2026, 11, 9, 8, 30, tzinfo=UTC)})
    state = decide(state, heard(touch, at), playbook, at).state
    met = state.obligations[1, 0, "first_response"]
    assert (met.state, met.seconds, met.business_seconds) == ("met", 64 * 3600, 3600)
    (waited,) = state.measured
    assert (waited.team, waited.seconds, waited.business_seconds) == ("north", 64 * 3600, 3600)


def test_a_calendar_the_playbook_does_not_know_is_always_open(playbook: Playbook, facts: Any) -> None:
    handed = facts.routed()
    owner = handed.owner.model_copy(update={"calendar": "lisbon"})
    handed = handed.model_copy(update={"owner": owner})
    clocks = by_promise(decide(Watched(), heard(handed, facts.at(0)), playbook, facts.at(0)).state)
    assert clocks["first_contact"].due_at == facts.at(8)


def test_a_policy_may_name_the_hours_that_count(make: Any, facts: Any) -> None:
    book = make({"id": "full", "label": "L", "calendar": "berlin", "first_attempt": "4h", "first_contact": "1h"})
    at = datetime(2026, 11, 7, 10, 0, tzinfo=UTC)  # a Saturday
    clocks = started(book, facts, at, "always")
    assert clocks["first_contact"].due_at == datetime(2026, 11, 9, 9, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("whose", "contact", "due", "calendar"),
    [
        ("team", {}, datetime(2026, 11, 2, 15, 0, tzinfo=UTC), "new_york"),
        ("always", {}, datetime(2026, 11, 2, 5, 0, tzinfo=UTC), "always"),
        ("prospect", {"country": "JP"}, datetime(2026, 11, 2, 5, 0, tzinfo=UTC), "prospect/JP/Asia/Tokyo"),
        ("prospect", {"country": "US"}, datetime(2026, 11, 2, 9, 0, tzinfo=UTC), "berlin"),
    ],
)
def test_the_hours_of_the_team_the_person_or_the_clock_may_count(
    make: Any, facts: Any, whose: str, contact: dict[str, str], due: datetime, calendar: str
) -> None:
    policy = {"id": "full", "label": "L", "calendar": whose, "first_attempt": "1h", "first_contact": "1h"}
    hours = {"teams": {"north": "new_york"}, "prospects": {"week": {"mon-fri": ["09:00-17:00"]}}}
    book = make(policy, **hours)
    at = datetime(2026, 11, 2, 4, 0, tzinfo=UTC)  # a Monday: 13:00 in Tokyo, 05:00 in Berlin, Sunday in New York
    begun = (at - facts.monday).total_seconds() / 3600
    body = facts.routed(begun, owner=facts.owner(calendar="berlin"), contact=Contact(**contact))
    clock = by_promise(decide(Watched(), heard(body, at), book, at).state)["first_contact"]
    assert (clock.due_at, clock.calendar) == (due, calendar)


def heard(body: Any, at: datetime) -> Heard:
    return Heard("id", body.type, "lead", "routing", 1, at, at, body)


def routed(playbook: Playbook, facts: Any, at: datetime, calendar: str) -> Watched:
    hours = (at - facts.monday).total_seconds() / 3600
    body = facts.routed(hours, owner=facts.owner(calendar=calendar))
    return decide(Watched(), heard(body, at), playbook, at).state


def started(playbook: Playbook, facts: Any, at: datetime, calendar: str) -> dict[str, Any]:
    return by_promise(routed(playbook, facts, at, calendar))


def by_promise(state: Watched) -> dict[str, Any]:
    return {clock.promise: clock for clock in state.obligations.values()}
