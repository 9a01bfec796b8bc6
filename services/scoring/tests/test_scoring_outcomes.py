"""What becomes of a person, fact by fact, by docs/lifecycle.md and the example playbook."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from baton.contracts import (
    Activity,
    Answer,
    Consent,
    Contact,
    LeadAnswered,
    LeadEngaged,
    LeadHeld,
    LeadMerged,
    LeadReassigned,
    LeadReceived,
    LeadRecycled,
    LeadRouted,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
    Owner,
    RuleRef,
    Score,
    Trace,
)
from baton.runtime.clock import FixedClock
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench, Said, types_of
from baton.scoring.service import build

LEAD = "0198c0de-0000-7000-8000-000000000001"
PLAYBOOK = Path(__file__).parents[3] / "deploy" / "playbook"
GOOD_ANSWERS = {"product": "planning", "horizon": "now", "will_talk": True, "cause": "event", "problem": "known"}


def received(at: datetime, *, answers: dict[str, Any] | None = None, **more: Any) -> LeadReceived:
    said = [Answer(question=q, value=v, occurred_at=at) for q, v in (answers or {}).items()]
    contact = Contact(email="ada@acme.example", company="Acme", job_title="Head of Operations", country="DE")
    fields: dict[str, Any] = {"contact": contact, "properties": {"employees": 300}, "answers": said}
    return LeadReceived(**{"source": "web", "occurred_at": at, **fields, **more})


def answered(question: str, value: Any, at: datetime) -> LeadAnswered:
    return LeadAnswered(answer=Answer(question=question, value=value, occurred_at=at))


def status(word: Any, at: datetime, **more: Any) -> LeadStatusReported:
    return LeadStatusReported(status=word, occurred_at=at, **more)


def recycled(number: int, **more: Any) -> LeadRecycled:
    return LeadRecycled(round=number, reason="wrong_time", status="recycle", **more)


def routed(number: int, at: datetime) -> LeadRouted:
    return LeadRouted(**_handed(number, at))


def _handed(number: int, at: datetime) -> dict[str, Any]:
    return {
        "round": number,
        "decided_at": at,
        "owner": Owner(id="bo", name="Bo", zone="Europe/Berlin", calendar="berlin"),
        "rule": RuleRef(id="r", playbook="p"),
        "policy": "hot",
        "respond_by": at,
        "calendar_version": "c",
        "contact": Contact(),
        "score": Score(total=1),
        "temperature": "hot",
        "trace": Trace(inputs_hash="h"),
        "books_version": 1,
    }


async def last(bench: Bench, kind: str) -> Said:
    return (await bench.said(kind))[-1]


async def test_a_person_that_meets_the_definition_is_qualified_with_every_reason(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    scored, qualified = await bench.said()
    assert (scored.type, qualified.type) == ("lead.scored", "lead.qualified")
    assert qualified.body["round"] == 1
    assert qualified.body["temperature"] == "hot"
    assert qualified.body["contact"]["email"] == "ada@acme.example"
    assert qualified.body["definition"]["playbook"] == qualified.headers["ce_playbook"]
    why = {reason["criterion"]: reason for reason in qualified.body["why"]}
    assert (why["fits_customer"]["value"], why["fits_customer"]["points"]) == (True, 10.0)
    assert why["is_hiring"]["missing"] == ["open_vacancies"]
    assert "value" not in why["is_hiring"]
    must_know = {item["item"]: item for item in qualified.body["must_know"]}
    assert must_know["phone"]["missing"] is True
    assert must_know["cause"]["value"] == "event"
    assert qualified.body["fields"]["employees"] == 300
    assert [line["kind"] for line in qualified.body["history"]].count("answer") == 5


async def test_what_nobody_knows_is_a_reason_and_never_a_no(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers={"product": "planning"}), subject=LEAD)
    nurtured = await last(bench, "lead.nurtured")
    assert nurtured.body["unknown"] == ["evaluates_soon", "will_talk"]
    assert nurtured.body["unmet"] == []
    assert nurtured.body["contact"]["email"] == "ada@acme.example"  # how marketing knows whom it gets
    assert nurtured.body["source"] == "web"
    scored = await last(bench, "lead.scored")
    assert scored.body["temperature"] == "unknown"
    assert scored.body["flags"] == ["short_call_needed"]


async def test_a_nurtured_person_is_judged_on_every_new_fact_and_qualifies_once(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers={"product": "planning"}), subject=LEAD)
    for question in ("horizon", "will_talk", "cause", "problem"):
        await bench.hear(answered(question, GOOD_ANSWERS[question], bench.clock.now()), subject=LEAD)
    assert types_of(await bench.said("lead.qualified")) == ["lead.qualified"]
    assert (await last(bench, "lead.qualified")).body["intake_sequence"] == 3


async def test_a_fact_that_changes_nothing_is_not_announced(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    before = len(await bench.said())
    touch = LeadTouched(rep="bo", channel="call", direction="out", occurred_at=bench.clock.now())
    await bench.hear(touch, subject=LEAD)
    assert len(await bench.said()) == before


async def test_a_rule_of_the_playbook_turns_down_for_good_or_until_something_new_is_known(bench: Bench) -> None:
    student = Contact(email="s@uni.example", job_title="Student")
    await bench.hear(received(bench.clock.now(), contact=student), subject=LEAD)
    down = await last(bench, "lead.disqualified")
    assert (down.body["reason"], down.body["final"]) == ("never_fits", True)
    await bench.hear(answered("horizon", "now", bench.clock.now()), subject=LEAD)
    assert types_of(await bench.said("lead.disqualified")) == ["lead.disqualified"]


async def test_a_tyre_kicker_may_come_back_on_a_newer_fact(bench: Bench) -> None:
    answers = {**GOOD_ANSWERS, "cause": "none", "problem": "none"}
    await bench.hear(received(bench.clock.now(), answers=answers), subject=LEAD)
    assert (await last(bench, "lead.disqualified")).body["final"] is False
    await bench.advance(timedelta(days=1))
    await bench.hear(answered("cause", "event", bench.clock.now()), subject=LEAD)
    assert (await last(bench, "lead.qualified")).body["round"] == 1


async def test_an_open_round_is_never_nurtured_but_flagged(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    await bench.hear(answered("will_talk", False, bench.clock.now() + timedelta(seconds=1)), subject=LEAD)
    assert await bench.said("lead.nurtured") == []
    assert "criterion_lost:will_talk" in (await last(bench, "lead.scored")).body["flags"]


async def test_recycled_leads_are_nurtured_and_come_back_in_a_new_round_on_a_buying_fact(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    await bench.advance(timedelta(days=2))
    await bench.hear(recycled(1), subject=LEAD)
    assert (await last(bench, "lead.nurtured")).body["round"] == 1
    await bench.advance(timedelta(days=1))
    read = Activity(kind="page_view", what="blog", occurred_at=bench.clock.now())
    await bench.hear(LeadEngaged(activity=read), subject=LEAD)
    assert len(await bench.said("lead.qualified")) == 1
    asks = Activity(kind="form", what="demo request", occurred_at=bench.clock.now())
    await bench.hear(LeadEngaged(activity=asks), subject=LEAD)
    again = await last(bench, "lead.qualified")
    assert again.body["round"] == 2
    assert again.body["statuses_from"].startswith("2026-11-04")


async def test_a_recycled_lead_left_alone_comes_to_rest_with_one_task_on_its_date(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    again = bench.clock.now() + timedelta(days=3)
    await bench.hear(recycled(1, look_again_at=again), subject=LEAD)
    assert await bench.timers() == [(LEAD, "look_again", again)]
    await bench.advance(timedelta(days=4))
    due = await last(bench, "lead.scored")
    assert "look_again_due" in due.body["flags"]
    count = len(await bench.said())
    await bench.advance(timedelta(days=2))
    assert len(await bench.said()) == count
    assert await bench.timers() == []


async def test_after_the_date_any_newer_fact_lets_a_recycled_lead_back_in(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    await bench.hear(recycled(1, look_again_at=bench.clock.now() + timedelta(days=1)), subject=LEAD)
    await bench.advance(timedelta(days=2))
    read = Activity(kind="page_view", what="blog", occurred_at=bench.clock.now())
    await bench.hear(LeadEngaged(activity=read), subject=LEAD)
    assert (await last(bench, "lead.qualified")).body["round"] == 2


async def test_won_stays_won_until_the_person_buys_again(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    await bench.advance(timedelta(hours=1))
    await bench.hear(status("won", bench.clock.now(), value=5000), subject=LEAD)
    await bench.advance(timedelta(days=1))
    await bench.hear(answered("horizon", "later", bench.clock.now()), subject=LEAD)
    assert await bench.said("lead.nurtured") == []
    await bench.advance(timedelta(days=1))
    await bench.hear(answered("horizon", "now", bench.clock.now()), subject=LEAD)
    assert (await last(bench, "lead.qualified")).body["round"] == 2


async def test_junk_is_never_reopened_by_scoring_but_by_hand(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    await bench.advance(timedelta(hours=1))
    await bench.hear(status("junk", bench.clock.now()), subject=LEAD)
    await bench.advance(timedelta(days=900))
    asks = Activity(kind="form", what="demo", occurred_at=bench.clock.now())
    await bench.hear(LeadEngaged(activity=asks), subject=LEAD)
    assert len(await bench.said("lead.qualified")) == 1
    by_hand = LeadReassigned(
        **_handed(1, bench.clock.now()),
        previous_owner="bo",
        reason="claim",
        attempt=1,
        statuses_from=bench.clock.now(),
    )
    await bench.hear(by_hand, subject=LEAD)
    assert await _standing(bench) == "open"


async def test_a_closed_lead_that_somebody_gives_away_is_open_also_while_nobody_can_have_it(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    await bench.hear(status("lost", bench.clock.now()), subject=LEAD)
    assert await _standing(bench) == "lost"
    held = LeadHeld(round=1, reason="nobody_eligible", statuses_from=bench.clock.now())
    await bench.hear(held, subject=LEAD)
    assert await _standing(bench) == "open"


async def _standing(bench: Bench) -> str:
    lead = await bench.engine.read(lambda tx: bench.engine.service.load(tx, [LEAD])[LEAD])
    return str(lead.round.standing)


async def test_a_suspect_called_junk_is_turned_down_for_good(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now()), subject=LEAD)
    await bench.hear(status("junk", bench.clock.now(), reason="never_fits"), subject=LEAD)
    down = await last(bench, "lead.disqualified")
    assert (down.body["reason"], down.body["final"], down.body["round"]) == ("never_fits", True, 0)


async def test_a_rule_that_comes_true_closes_an_open_round_unless_sales_accepted(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    await bench.hear(answered("cause", "none", bench.clock.now() + timedelta(seconds=1)), subject=LEAD)
    await bench.hear(answered("problem", "none", bench.clock.now() + timedelta(seconds=1)), subject=LEAD)
    assert (await last(bench, "lead.disqualified")).body["round"] == 1
    other = LEAD[:-1] + "2"
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=other)
    await bench.hear(status("accepted", bench.clock.now()), subject=other)
    await bench.hear(answered("cause", "none", bench.clock.now() + timedelta(seconds=1)), subject=other)
    await bench.hear(answered("problem", "none", bench.clock.now() + timedelta(seconds=1)), subject=other)
    assert [fact.subject for fact in await bench.said("lead.disqualified")] == [LEAD]
    assert "disqualify_proposed:no_cause" in (await last(bench, "lead.scored")).body["flags"]


async def test_facts_about_a_stranger_wait_until_intake_says_who_it_is(bench: Bench) -> None:
    await bench.hear(routed(1, bench.clock.now()), subject=LEAD)
    assert await bench.said() == []
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS), subject=LEAD)
    assert (await last(bench, "lead.qualified")).body["round"] == 1


async def test_a_test_lead_is_scored_and_says_that_it_is_one(bench: Bench) -> None:
    await bench.hear(received(bench.clock.now(), answers=GOOD_ANSWERS, is_test=True), subject=LEAD)
    assert [fact.body["is_test"] for fact in await bench.said()] == [True, True]
    assert await bench.engine.ledger() == {
        "service": "scoring",
        "counts": {"test": 1},
        "parked_leads": 0,
        "erased_leads": 0,
        "outbox_pending": 2,
    }


@pytest.mark.parametrize("_round", range(1))
async def test_publishers_in_any_interleaving_end_in_the_same_standing(
    tmp_path: Path, clock: FixedClock, _round: int
) -> None:
    """Order per publisher is kept; across them every order ends with the same round and outcome (D4)."""
    at = clock.now()
    intake = [
        received(at, answers=GOOD_ANSWERS),
        status("accepted", at + timedelta(minutes=2)),
        status("opportunity", at + timedelta(minutes=9)),
    ]
    routing = [routed(1, at), recycled(1)]
    ends = set()
    async with Bench.of(build(Settings(playbook=PLAYBOOK)), tmp_path, clock) as bench:
        for number, order in enumerate(_interleavings(len(intake), len(routing))):
            lead = f"{LEAD[:-3]}{number:03d}"
            queues = {"i": list(intake), "r": list(routing)}
            for turn in order:
                body = queues[turn].pop(0)
                await bench.hear(body, subject=lead, at=at + timedelta(minutes=5))
            person = await bench.engine.read(lambda tx, lead=lead: bench.engine.service.load(tx, [lead])[lead])
            ends.add((person.round.number, person.round.standing, person.verdict.outcome))
    assert ends == {(1, "opportunity", "qualified")}


def _interleavings(left: int, right: int) -> list[tuple[str, ...]]:
    """Every order in which routing can follow once the round is open: the first fact is always intake's."""
    rest = set(permutations("i" * (left - 1) + "r" * right))
    return sorted(("i", *order) for order in rest)


async def test_the_input_may_be_fed_twice_and_nothing_is_said_again(bench: Bench) -> None:
    at = bench.clock.now()
    facts = [received(at, answers=GOOD_ANSWERS), answered("horizon", "3_months", at + timedelta(minutes=1))]
    for _ in range(2):
        for number, fact in enumerate(facts, start=1):
            await bench.hear(fact, subject=LEAD, sequence=number)
    journal = bench.engine.service.metadata.tables["journal"]
    ids = await bench.engine.read(lambda tx: list(tx.execute(select(journal.c.event_id)).scalars()))
    assert len(ids) == len(set(ids)) == 3


OTHER = "0198c0de-0000-7000-8000-000000000002"


def posted_again(at: datetime, **more: Any) -> LeadUpdated:
    contact = Contact(email="ada@acme.example", company="Acme", job_title="Head of Operations", country="DE")
    return LeadUpdated(source="web", occurred_at=at, contact=contact, properties={"employees": 300}, **more)


async def test_what_an_absorbed_lead_said_counts_as_long_as_the_two_are_one(bench: Bench) -> None:
    now = bench.clock.now()
    await bench.hear(received(now), subject=LEAD)
    await last(bench, "lead.nurtured")
    said = [Answer(question=q, value=v, occurred_at=now) for q, v in GOOD_ANSWERS.items()]
    wish = Answer(question="wish.channel", value="email", occurred_at=now)
    did = [Activity(kind="download", what="paper", occurred_at=now)]
    story = {"answers": [*said, wish], "activity": did}
    await bench.hear(posted_again(now, absorbed=OTHER, **story), subject=LEAD)
    qualified = await last(bench, "lead.qualified")
    lines = [(line["kind"], line["what"]) for line in qualified.body["history"]]
    assert ("activity", "download paper") in lines
    assert ("answer", "wish.channel") not in lines  # the SLA monitor has it from intake, and can forget it
    await bench.hear(posted_again(now, restored=OTHER), subject=LEAD)
    scored = await last(bench, "lead.scored")
    assert "criterion_lost:evaluates_soon" in scored.body["flags"]


async def test_nothing_is_said_of_a_merged_lead_and_restored_it_is_looked_at_again_when_it_was_to_be(
    bench: Bench,
) -> None:
    now = bench.clock.now()
    await bench.hear(received(now, answers={"product": "planning"}), subject=LEAD)
    nurtured = await last(bench, "lead.nurtured")
    before = len(await bench.said())
    await bench.hear(LeadMerged(into=OTHER, because="email", occurred_at=now), subject=LEAD)
    assert await bench.timers() == []
    await bench.hear(routed(1, now), subject=LEAD)
    rows = await bench.engine.read(lambda tx: tx.execute(select(bench.engine.service.tables.person)).all())
    assert [row.outcome for row in rows] == ["merged"]
    await bench.hear(posted_again(now, restored=OTHER), subject=LEAD)
    assert len(await bench.said()) == before
    again = datetime.fromisoformat(nurtured.body["look_again_at"])
    assert await bench.timers() == [(LEAD, "look_again", again)]


async def test_a_hand_off_carries_the_newest_word_on_each_purpose(bench: Bench) -> None:
    now = bench.clock.now()
    sales = Consent(purpose="Sales", given_at=now)
    withdrawn = Consent(purpose="sales", given_at=now, withdrawn_at=now + timedelta(hours=1))
    await bench.hear(received(now, consent=withdrawn), subject=LEAD)
    await bench.hear(posted_again(now, consent=sales), subject=LEAD)  # older than the withdrawal
    said = [Answer(question=q, value=v, occurred_at=now) for q, v in GOOD_ANSWERS.items()]
    await bench.hear(posted_again(now, consent=Consent(purpose="news", given_at=now), answers=said), subject=LEAD)
    qualified = await last(bench, "lead.qualified")
    told = [(consent["purpose"], "withdrawn_at" in consent) for consent in qualified.body["consents"]]
    assert told == [("news", False), ("sales", True)]
