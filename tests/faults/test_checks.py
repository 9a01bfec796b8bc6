"""The checks of the harness see what they are for: each planted wrong is named, and what is right is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.checks import Found, check_all, fates_of, owners_of
from tests.faults.crm import Told
from tests.faults.plan import AT_LEAST_ONCE, FREEZE, schedule
from tests.faults.reader import Said
from tests.faults.rest import Rest

REPLICAS = ("intake-1", "scoring-1", "routing-1")


def said(source: str, sequence: int, type_: str, *, lead: str = "lead", **more: object) -> Said:
    topic = {"intake": "leads.intake", "scoring": "leads.scoring", "routing": "leads.routing"}.get(source, "leads.sla")
    identity = f"{source}-{lead}-{sequence}"
    fact = Said(topic, 1, sequence, source, lead, sequence, identity, type_, f"cause-{identity}", b"value")
    return replace(fact, **more)  # type: ignore[arg-type]


FACTS = [
    said("intake", 1, "lead.received"),
    said("scoring", 1, "lead.qualified", round=1),
    said("routing", 1, "lead.routed", round=1, owner="anna"),
    said("sla-monitor", 1, "sla.started", round=1, attempt=0, promise="first_attempt", owner="anna"),
    said("sla-monitor", 2, "sla.breached", round=1, attempt=0, promise="first_attempt", owner="anna"),
]


def right() -> Found:
    """A run in which one lead was routed and not called in time, and a relay said everything twice."""
    heard = {"lead": {fact.source: fact.sequence for fact in FACTS}}
    return Found(
        promised=[("a", "lead", "accepted"), ("a", "lead", "duplicate")],
        facts=FACTS + FACTS,
        leads=[("lead", "a")],
        persons={"lead": "qualified"},
        owned={"lead": ("routed", "anna")},
        load={"anna": 1, "bo": 0},
        reported={"lead": "routed"},
        obligations=[("lead", 1, 0, "first_attempt", "breached", False)],
        journals={
            source: [(f.subject, f.sequence, f.id, f.type, f.digest) for f in FACTS if f.source == source]
            for source in ("intake", "scoring", "routing", "sla-monitor")
        },
        heard={"reporting": heard},
        hears={"reporting": {"leads.intake", "leads.scoring", "leads.routing", "leads.sla"}},
        parked={"scoring": []},
    )


def test_what_is_right_is_not_complained_of() -> None:
    assert check_all(right()) == {}


def plus(*facts: Said) -> Callable[[Found], Found]:
    return lambda found: replace(found, facts=[*found.facts, *facts])


def without(type_: str) -> Callable[[Found], Found]:
    return lambda found: replace(found, facts=[fact for fact in found.facts if fact.type != type_])


WRONG: list[tuple[Callable[[Found], Found], str]] = [
    (lambda f: replace(f, leads=[]), "accepted leads exist once"),
    (
        lambda f: replace(f, promised=[("a", "lead", "accepted"), ("a", "other", "accepted")]),
        "accepted leads exist once",
    ),
    (lambda f: replace(f, leads=[("lead", "a"), ("other", "a")]), "accepted leads exist once"),
    (without("lead.received"), "accepted leads exist once"),
    (without("lead.qualified"), "every lead has one fate"),
    (lambda f: replace(f, reported={"lead": "held"}), "every lead has one fate"),
    (lambda f: replace(f, owned={}), "every lead has one fate"),
    (plus(said("routing", 2, "lead.routed", round=1, owner="bo")), "nothing is routed twice"),
    (plus(said("routing", 2, "lead.routed", round=2, cause="cause-routing-lead-1")), "nothing is routed twice"),
    (plus(said("intake", 3, "lead.touched")), "sequences have no gap and no inversion"),
    (plus(said("intake", 1, "lead.received", id="another")), "sequences have no gap and no inversion"),
    (plus(said("intake", 1, "lead.received", digest=b"other")), "sequences have no gap and no inversion"),
    (lambda f: replace(f, facts=[f.facts[4], *f.facts]), "sequences have no gap and no inversion"),
    (without("sla.breached"), "journals are what the topics say"),
    (plus(said("scoring", 2, "lead.scored")), "journals are what the topics say"),
    (lambda f: replace(f, heard={"reporting": {"lead": {"intake": 1}}}), "every consumer has applied everything"),
    (
        lambda f: replace(f, obligations=[]),
        "every hand off has its clocks and no timer fired twice",
    ),
    (
        plus(said("sla-monitor", 3, "sla.breached", round=1, attempt=0, promise="first_attempt")),
        "every hand off has its clocks and no timer fired twice",
    ),
    (
        lambda f: replace(f, obligations=[("lead", 1, 0, "first_attempt", "open", True)]),
        "every hand off has its clocks and no timer fired twice",
    ),
    (lambda f: replace(f, owned={"lead": ("routed", "bo")}), "no lead has two owners"),
    (lambda f: replace(f, load={"anna": 2}), "no lead has two owners"),
    (lambda f: replace(f, parked={"scoring": [("lead", "leads.intake", 3, "gap", None)]}), "nothing is parked"),
]


NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOUCHED = said("intake", 2, "lead.touched")
MET = said("sla-monitor", 2, "sla.met", round=1, attempt=0, promise="first_response", owner="anna")


def called_in_time() -> Found:
    """A run in which the owner called a second before the deadline."""
    facts = [*FACTS[:3], replace(FACTS[3], promise="first_response"), TOUCHED, MET]
    heard = {"lead": {fact.source: fact.sequence for fact in facts}}
    told = Told("touches", "lead", "call-1", 1, 0, NOON, NOON - timedelta(seconds=1))
    journals = {
        source: [(f.subject, f.sequence, f.id, f.type, f.digest) for f in facts if f.source == source]
        for source in ("intake", "scoring", "routing", "sla-monitor")
    }
    return replace(
        right(),
        facts=facts,
        obligations=[("lead", 1, 0, "first_response", "met", False)],
        heard={"reporting": heard},
        journals=journals,
        told=[told],
        touches={"lead": 1},
    )


def breached(found: Found) -> Found:
    return replace(found, obligations=[("lead", 1, 0, "first_response", "breached", False)])


PROMISE = "promises end as the touches say"
ONCE_SAID = "what was told is said once"
WRONG_ABOUT_TOUCHES: list[tuple[Callable[[Found], Found], str]] = [
    (breached, PROMISE),
    (lambda f: breached(plus(replace(MET, id="b", sequence=3, type="sla.breached"))(f)), PROMISE),
    (without("sla.met"), PROMISE),
    (lambda f: replace(without("lead.touched")(f), told=[]), PROMISE),
    (plus(replace(MET, id="again", sequence=3)), "every hand off has its clocks and no timer fired twice"),
    (without("lead.touched"), ONCE_SAID),
    (plus(said("intake", 3, "lead.touched")), ONCE_SAID),
    (lambda f: replace(f, touches={"lead": 2}), ONCE_SAID),
    (lambda f: replace(f, touches={}), ONCE_SAID),
]


def test_a_call_in_time_is_not_complained_of() -> None:
    assert check_all(called_in_time()) == {}


@pytest.mark.parametrize(("spoil", "sentence"), WRONG_ABOUT_TOUCHES)
def test_a_planted_wrong_about_touches_is_named(spoil: Callable[[Found], Found], sentence: str) -> None:
    assert sentence in check_all(spoil(called_in_time()))


def test_a_touch_that_came_late_or_was_never_acknowledged_obliges_nobody() -> None:
    found = called_in_time()
    late, cut_off = (replace(found.told[0], answered_at=at) for at in (NOON + timedelta(seconds=1), None))
    after_all = plus(replace(MET, id="b", sequence=3, type="sla.breached"))
    for told in (late, cut_off):
        assert PROMISE not in check_all(breached(after_all(replace(found, told=[told]))))


def test_what_sales_said_last_is_the_fate() -> None:
    junk = said("intake", 2, "lead.status_reported", status="junk")
    assert fates_of([*FACTS, junk]) == {"lead": ("qualified", "junk")}
    assert owners_of([*FACTS, junk]) == {"lead": None}
    accepted = replace(junk, status="accepted")
    assert fates_of([*FACTS, accepted]) == {"lead": ("qualified", "accepted")}
    assert owners_of([*FACTS, accepted]) == {"lead": "anna"}


def later(*facts: Said) -> Found:
    """The round after it: the lead is at rest, nothing was posted, and this was said about it."""
    rest, before = Rest(), right()
    rest.learn(FACTS, fates_of(FACTS), owners_of(FACTS))
    new, old = rest.part(facts)
    nothing = dict.fromkeys(before.journals, ())
    return replace(before, promised=[], facts=new, about_those_at_rest=old, journals=nothing, rest=rest)


def test_a_lead_at_rest_may_be_repeated_and_no_more() -> None:
    assert check_all(later(FACTS[2], FACTS[3])) == {}
    for fact in (
        said("routing", 2, "lead.reassigned", round=1, attempt=1, owner="bo"),
        said("routing", 1, "lead.routed", round=1, owner="bo", id="another"),
        said("routing", 1, "lead.routed", round=1, owner="anna", digest=b"other"),
    ):
        assert "those at rest are only repeated" in check_all(later(fact))
        assert "those at rest are only repeated" in check_all(later(fact), is_quiet=False)


def test_a_lead_at_rest_keeps_its_fate_and_its_owner_in_every_store() -> None:
    assert "every lead has one fate" in check_all(replace(later(), reported={"lead": "held"}))
    assert "no lead has two owners" in check_all(replace(later(), owned={"lead": ("routed", "bo")}))


@pytest.mark.parametrize(("spoil", "sentence"), WRONG)
def test_a_planted_wrong_is_named(spoil: Callable[[Found], Found], sentence: str) -> None:
    assert sentence in check_all(spoil(right()))


def test_what_is_not_yet_done_is_not_taken_for_lost() -> None:
    midway = replace(without("lead.routed")(right()), reported={})
    assert check_all(midway, is_quiet=False) == {}
    assert check_all(replace(midway, parked={"scoring": [("lead",)]}), is_quiet=False)


def test_a_seed_gives_the_same_schedule_again_and_another_seed_another() -> None:
    first, again, other = (schedule(seed, 60, 1.5, REPLICAS, ("intake",), 3.0) for seed in (7, 7, 8))
    assert first == again != other


def test_every_schedule_has_each_kind_of_fault_and_stops_replicas_for_longer_than_their_lease() -> None:
    for seed in range(50):
        faults = schedule(seed, 60, 0.75, REPLICAS, ("intake",), 3.0)
        assert {*AT_LEAST_ONCE} <= {fault.kind for fault in faults}
        assert all(fault.seconds > 3.0 for fault in faults if fault.kind == FREEZE)
