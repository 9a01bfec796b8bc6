"""What is watched while sales works a lead: alerts that come with facts or with time, and never decide anything."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from services.scoring.tests.conftest import PLAYBOOK, START
from services.scoring.tests.test_scoring_outcomes import GOOD_ANSWERS, LEAD, answered, received, recycled, status

from baton.contracts import Activity, LeadEngaged, LeadTouched
from baton.playbook import load
from baton.runtime.handler import Heard
from baton.runtime.testing import Bench
from baton.scoring.decide import decide
from baton.scoring.domain.alerts import watched
from baton.scoring.domain.person import Person

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NEED = {"need": "Orders leave late", "budget": "The site's own"}
KNOWN = {**NEED, "buying_team": "Ida and Bo", "our_help": "Sequence"}


def touch(at: datetime, outcome: str = "nothing", **more: Any) -> LeadTouched:
    return LeadTouched(
        **{"rep": "bo", "channel": "call", "direction": "out", **more, "outcome": outcome, "occurred_at": at}
    )


async def flags(bench: Bench) -> list[str]:
    """The flags as last said."""
    return list((await bench.said("lead.scored"))[-1].body["flags"])


async def with_sales(bench: Bench) -> datetime:
    """A lead that sales has accepted; an hour later."""
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    await bench.advance(HOUR)
    await bench.hear(status("accepted", bench.clock.now()), subject=LEAD)
    await bench.advance(HOUR)
    return bench.clock.now()


async def test_silence_after_contact_is_flagged_on_its_day_with_what_may_mislead(bench: Bench) -> None:
    at = await with_sales(bench)
    await bench.hear(touch(at, "reached"), subject=LEAD)
    await bench.hear(status("accepted", at + HOUR, stage="Qualification"), subject=LEAD)
    for day in (2, 5):
        await bench.hear(touch(at + day * DAY), subject=LEAD, at=at + day * DAY)
    assert await bench.timers() == [(LEAD, "retest", at + 14 * DAY)]
    await bench.advance(14 * DAY - HOUR)
    assert "gone_dark:discovery" not in await flags(bench)
    await bench.advance(2 * HOUR)
    assert "gone_dark:discovery" in await flags(bench)
    person = await bench.engine.read(lambda tx: bench.engine.service.load(tx, [LEAD])[LEAD])
    said = {alert.flag: alert.says for alert in watched(load(PLAYBOOK), person, bench.clock.now()).alerts}
    assert said["gone_dark:discovery"] == (
        "Silent 14 days, 2 touches since. May mislead: that the contact decides was never confirmed."
    )
    await bench.hear(
        LeadEngaged(activity=Activity(kind="page_view", what="blog", occurred_at=bench.clock.now())), subject=LEAD
    )
    assert "gone_dark:discovery" not in await flags(bench)


async def test_somebody_never_reached_is_not_dark(bench: Bench) -> None:
    at = await with_sales(bench)
    for day in range(5):
        await bench.hear(touch(at + day * DAY), subject=LEAD, at=at + day * DAY)
    await bench.advance(60 * DAY)
    assert [flag for flag in await flags(bench) if flag.startswith("gone_dark")] == []


async def test_of_whom_nothing_was_learned_for_long_is_flagged_once_and_then_left_alone(bench: Bench) -> None:
    at = await with_sales(bench)
    await bench.advance(31 * DAY)
    assert "untested" in await flags(bench)
    said = len(await bench.said())
    await bench.advance(400 * DAY)
    assert (len(await bench.said()), await bench.timers()) == (said, [])
    await bench.hear(touch(at + 431 * DAY, "learned"), subject=LEAD)
    assert "untested" not in await flags(bench)


async def test_a_stage_left_without_its_details_alerts_until_filled_in_or_justified(bench: Bench) -> None:
    at = await with_sales(bench)
    await bench.hear(status("opportunity", at, stage="discovery", details={"buying_team": "Ida"}), subject=LEAD)
    assert [flag for flag in await flags(bench) if "missing" in flag] == []
    await bench.hear(status("opportunity", at + HOUR, stage="Evaluation"), subject=LEAD)
    assert {"missing_at_stage:need", "missing_at_stage:budget"} <= set(await flags(bench))
    await bench.hear(status("opportunity", at + 2 * HOUR, details={"need": "Orders leave late"}), subject=LEAD)
    await bench.hear(answered("justification.budget", "x", at + 2 * HOUR), subject=LEAD)
    assert "missing_at_stage:budget" in await flags(bench)
    await bench.hear(answered("justification.budget", "Paid by the parent company", at + 3 * HOUR), subject=LEAD)
    assert [flag for flag in await flags(bench) if "missing" in flag] == []
    assert await bench.said("lead.disqualified") == []


async def test_values_that_say_nothing_are_flagged(bench: Bench) -> None:
    at = await with_sales(bench)
    nothing = {"need": "x", "budget": "yes", "business_case": "Yes", "economic_buyer": "yes"}
    await bench.hear(status("opportunity", at, stage="negotiation", details=nothing), subject=LEAD)
    found = [flag for flag in await flags(bench) if flag.startswith("filler")]
    assert found == [
        "filler:need",
        "filler:budget",
        "filler:business_case",
        "filler:economic_buyer",
        "filler:all_at_once",
    ]
    await bench.hear(status("opportunity", at + HOUR, details={**NEED, "business_case": "Approved"}), subject=LEAD)
    assert [flag for flag in await flags(bench) if flag.startswith("filler")] == []


async def test_what_should_be_known_by_now_is_listed_with_what_is(bench: Bench) -> None:
    at = await with_sales(bench)
    await bench.hear(status("opportunity", at, stage="Discovery", details={"our_help": "Sequence"}), subject=LEAD)
    assert "question_open:buying_team" in await flags(bench)
    assert "question_open:mutual_plan" not in await flags(bench)
    person = await bench.engine.read(lambda tx: bench.engine.service.load(tx, [LEAD])[LEAD])
    questions = watched(load(PLAYBOOK), person, bench.clock.now()).as_dict["questions"]
    assert (questions["known"], questions["of"]) == (1, 5)


async def test_a_stage_raised_on_politeness_is_flagged_and_on_what_the_buyer_did_is_not(bench: Bench) -> None:
    at = await with_sales(bench)
    await bench.hear(status("opportunity", at, stage="discovery"), subject=LEAD)
    await bench.hear(touch(at + HOUR, "reached"), subject=LEAD)
    await bench.hear(status("opportunity", at + 2 * HOUR, stage="evaluation"), subject=LEAD)
    assert "stage_without_evidence:evaluation" in await flags(bench)
    late = Activity(kind="form", what="demo request", occurred_at=at + HOUR)
    await bench.hear(LeadEngaged(activity=late), subject=LEAD)
    assert "stage_without_evidence:evaluation" not in await flags(bench)


async def test_homework_is_late_then_a_proposal_and_never_a_decision(bench: Bench) -> None:
    at = await with_sales(bench)
    task = {
        "task": "Pick two points",
        "state": "set",
        "due_at": (at + HOUR).isoformat(),
        "meeting_at": (at + DAY).isoformat(),
    }
    await bench.hear(answered("homework", task, at), subject=LEAD)
    await bench.advance(2 * HOUR)
    assert "homework_late" in await flags(bench)
    await bench.advance(DAY)
    assert "disqualify_proposed:homework_not_returned" in await flags(bench)
    assert await bench.said("lead.disqualified") == []
    await bench.hear(answered("homework", {**task, "state": "returned"}, at + 2 * DAY), subject=LEAD)
    assert "disqualify_proposed:homework_not_returned" not in await flags(bench)


async def test_a_lead_that_leaves_sales_is_watched_no_more(bench: Bench) -> None:
    at = await with_sales(bench)
    await bench.hear(touch(at, "reached"), subject=LEAD)
    assert [kind for _, kind, _ in await bench.timers()] == ["retest"]
    await bench.hear(recycled(1, look_again_at=at + 5 * DAY), subject=LEAD, at=at + HOUR)
    assert [kind for _, kind, _ in await bench.timers()] == ["look_again"]


BOOK = load(PLAYBOOK)
LATER = START + 40 * DAY


def stories() -> list[Any]:
    """What may be heard of a lead after it came in, each at its own time."""
    task = {"task": "Pick", "state": "set", "due_at": START.isoformat(), "meeting_at": (START + DAY).isoformat()}
    return [
        status("opportunity", START + 2 * DAY, stage="discovery", details={"need": "Speed", "budget": "x"}),
        status("opportunity", START + 4 * DAY, stage="evaluation", details={"budget": "Own"}),
        status("opportunity", START + 3 * DAY, stage="discovery", details=KNOWN),
        touch(START + 2 * DAY, "reached"),
        touch(START + 5 * DAY, "learned", authority="confirmed"),
        touch(START + 20 * DAY),
        answered("homework", task, START + DAY),
        answered("homework", {**task, "state": "returned"}, START + 6 * DAY),
        answered("justification.need", "They told us", START + 6 * DAY),
        LeadEngaged(activity=Activity(kind="form", what="demo", occurred_at=START + 3 * DAY)),
        LeadEngaged(activity=Activity(kind="page_view", what="blog", occurred_at=START + 9 * DAY)),
    ]


def told(facts: Sequence[Any]) -> tuple[Any, ...]:
    """How a lead stands once it has come in and these facts were heard in this order."""
    person = Person(LEAD)
    for number, body in enumerate([received(START, answers=GOOD_ANSWERS), *facts], start=1):
        heard = Heard(f"{number}", body.type, LEAD, "intake", number, START, START, body)
        person = decide(person, heard, BOOK, LATER).state
    seen = watched(BOOK, person, LATER)
    verdict = person.verdict
    return (verdict.outcome, verdict.flags, verdict.score, seen, person.details, person.deal, verdict.retest_at)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(range(11)), unique=True), st.randoms(use_true_random=False))
def test_the_order_in_which_facts_come_changes_nothing_about_a_lead(chosen: list[int], chance: random.Random) -> None:
    facts = [stories()[index] for index in chosen]
    shuffled = list(facts)
    chance.shuffle(shuffled)
    assert told(facts) == told(shuffled)


def test_the_stories_raise_every_kind_of_flag_so_that_their_order_could_matter() -> None:
    raised = {flag.split(":")[0] for story in stories() for flag in told([story])[1]}
    assert {"gone_dark", "untested", "question_open", "disqualify_proposed", "stage_without_evidence"} - raised <= {
        "stage_without_evidence"
    }
    assert START.tzinfo is UTC


@pytest.mark.parametrize("story", stories(), ids=lambda story: story.type)
def test_a_fact_told_twice_counts_once(story: Any) -> None:
    once, twice = told([story]), told([story, story])
    assert once[1] == twice[1]
