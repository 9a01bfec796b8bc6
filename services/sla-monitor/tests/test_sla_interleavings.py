"""Facts of several publishers in any order end in the same clocks (D4); each publisher keeps its own order."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from baton.playbook import Playbook
from baton.runtime.handler import Due, Heard
from baton.sla_monitor.decide import Watched, decide
from baton.sla_monitor.domain.ticking import timers

Told = list[tuple[str, Any, datetime]]
END = 60 * 24


def heard(told: tuple[str, Any, datetime], number: int, subject: str) -> Heard:
    source, body, at = told
    return Heard(f"{source}-{number}", body.type, subject, source, number, at, at, body)


def woven(draw: st.DrawFn, parts: Sequence[Told]) -> Told:
    order = draw(st.permutations([index for index, part in enumerate(parts) for _ in part]))
    queues = [iter(part) for part in parts]
    return [next(queues[index]) for index in order]


@st.composite
def logs(draw: st.DrawFn, facts: Any) -> tuple[Told, Told, Told]:
    """What intake, routing and scoring said about one lead, each in its own order."""
    hours = st.integers(min_value=-24, max_value=30 * 24).map(float)
    intake: Told = _merges(draw, facts, hours)
    for _ in range(draw(st.integers(0, 8))):
        kind, hour = draw(st.sampled_from(["touch", "reached", "in", "status", "answer", "wish", "later"])), draw(hours)
        fact = {
            "touch": lambda hour=hour: facts.touched(hour, draw(st.sampled_from(["call", "email", "message"]))),
            "reached": lambda hour=hour: facts.touched(hour, outcome="reached"),
            "in": lambda hour=hour: facts.touched(hour, "email", None, "in"),
            "status": lambda hour=hour: facts.status(
                hour, draw(st.sampled_from(["accepted", "opportunity", "junk", "recycle", "won"]))
            ),
            "answer": lambda hour=hour: facts.answered(hour),
            "later": lambda hour=hour: facts.not_before(hour, hour + draw(st.integers(-5, 300))),
            "wish": lambda hour=hour: facts.wishes(hour, draw(st.sampled_from(["email", "none", "any"]))),
        }[kind]()
        intake.append(("intake", fact, facts.at(hour)))
    return intake, _turns(draw, facts), _verdicts(draw, facts, hours)


def _merges(draw: st.DrawFn, facts: Any, hours: st.SearchStrategy[float]) -> Told:
    """It is merged, restored, or absorbs another that did not want to be called, and lets it go again."""
    told: Told = []
    for what in draw(
        st.sampled_from([[], [], ["merged"], ["merged", "restored"], ["absorbed"], ["absorbed", "let_go"]])
    ):
        hour = draw(hours)
        if what == "merged":
            fact = facts.merged(hour)
        elif what == "absorbed":
            fact = facts.posted(absorbed="other", answers=[facts.wishes(hour, "email").answer])
        else:
            fact = facts.posted(restored="other")
        told.append(("intake", fact, facts.at(hour)))
    return told


def _turns(draw: st.DrawFn, facts: Any) -> Told:
    routing: Told = [("routing", facts.routed(0, draw(st.sampled_from(["full", "chained"]))), facts.at(0))]
    hour, attempt, round_ = 0.0, 0, 1
    for what in draw(st.lists(st.sampled_from(["reassigned", "held", "claimed", "recycled", "again"]), max_size=4)):
        hour += draw(st.integers(1, 100))
        if what == "again":
            round_, attempt = round_ + 1, 0
            known = draw(st.integers(0, 8))
            body = facts.routed(hour, round_=round_, intake_sequence=known, statuses_from=facts.at(hour - 1))
        elif what in ("held", "recycled"):
            body = facts.held(round_=round_) if what == "held" else facts.recycled(round_)
        else:
            attempt += 1
            claimed = {"reason": "claim", "statuses_from": facts.at(hour)} if what == "claimed" else {}
            known = draw(st.integers(0, 2))
            body = facts.reassigned(hour, attempt, round_=round_, restored_sequence=known, **claimed)
        routing.append(("routing", body, facts.at(hour)))
    return routing


def _verdicts(draw: st.DrawFn, facts: Any, hours: st.SearchStrategy[float]) -> Told:
    found = draw(st.lists(st.tuples(st.integers(0, 2), hours), max_size=2))
    return [("scoring", facts.disqualified(round_), facts.at(hour)) for round_, hour in found]


def run(playbook: Playbook, told: Told, facts: Any, *, ticks: Sequence[datetime] = ()) -> Watched:
    """Hear all; timers fire after the facts, in their order, up to every moment in `ticks`."""
    state, counts = Watched(), dict.fromkeys(("intake", "routing", "scoring"), 0)
    for fact in told:
        counts[fact[0]] += 1
        state = decide(state, heard(fact, counts[fact[0]], facts.lead), playbook, facts.at(END)).state
    for tick in ticks:
        state = fire(state, playbook, tick, facts.lead)
    return state


def fire(state: Watched, playbook: Playbook, now: datetime, subject: str) -> Watched:
    while due := sorted((at, kind) for kind, at in timers(state.obligations.values()).items() if at <= now):
        at, kind = due[0]
        state = decide(state, Due(f"{kind}-{at}", subject, kind, at, 1), playbook, now).state
    return state


def picture(state: Watched) -> dict[Any, Any]:
    """The clocks without the traces of what was noticed, and when."""
    noticed = {"warned_at": None, "warned": 0, "at_risk_from": None, "is_declared": False, "resumed_at": None}
    return {key: replace(clock, **noticed) for key, clock in sorted(state.obligations.items())}


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_interleaving_of_publishers_ends_in_the_same_clocks_and_states(
    data: st.DataObject, playbook: Playbook, facts: Any
) -> None:
    parts = data.draw(logs(facts))
    draw = data.draw
    one, two = woven(draw, parts), woven(draw, parts)  # type: ignore[arg-type]
    assert picture(run(playbook, one, facts)) == picture(run(playbook, two, facts))
    end = [facts.at(END)]
    later = picture(run(playbook, one, facts, ticks=end))
    assert later == picture(run(playbook, two, facts, ticks=end))
    assert not [clock for clock in later.values() if clock.runs]


def test_an_answer_heard_after_the_stop_rule_leaves_nothing_of_the_stop(playbook: Playbook, facts: Any) -> None:
    routed: Told = [("routing", facts.routed(0), facts.at(0))]
    silent: Told = [("intake", facts.touched(hour), facts.at(hour)) for hour in (0, 0, 0, 1)]
    reached: Told = [("intake", facts.touched(1, outcome="reached"), facts.at(1))]
    stopped = run(playbook, [*routed, *silent], facts)
    assert stopped.obligations[(1, 0, "work_time")].touches == 4
    afterwards = run(playbook, [*routed, *silent, *reached], facts)
    assert picture(afterwards) == picture(run(playbook, [*silent, *reached, *routed], facts))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_touches_heard_only_after_their_deadlines_have_fired_end_in_the_same_states(
    data: st.DataObject, playbook: Playbook, facts: Any
) -> None:
    intake, routing, scoring = data.draw(logs(facts))
    in_time = run(playbook, [*intake, *routing, *scoring], facts, ticks=[facts.at(END)])
    late = fire(run(playbook, [*routing, *scoring], facts), playbook, facts.at(END), facts.lead)
    for number, fact in enumerate(intake, start=1):
        late = decide(late, heard(fact, number, facts.lead), playbook, facts.at(END)).state
    late = fire(late, playbook, facts.at(END), facts.lead)
    assert {k: c.state for k, c in picture(late).items()} == {k: c.state for k, c in picture(in_time).items()}


@pytest.mark.parametrize("seed", range(5))
async def test_the_store_tells_the_same_as_memory(monitor: Any, bench: Any, facts: Any, seed: int) -> None:
    chance = random.Random(seed)
    intake = [facts.touched(chance.uniform(-2, 40), chance.choice(["call", "email"])) for _ in range(4)]
    routing = [facts.routed(0), facts.reassigned(20)]
    order = sorted([(chance.random(), fact) for fact in intake + routing], key=lambda pair: pair[0])
    turns = iter(routing)
    told: Told = []
    for _, fact in order:
        body = next(turns) if fact in routing else fact
        told.append(("routing" if fact in routing else "intake", body, facts.at(0)))
        await bench.hear(body, subject=facts.lead, at=facts.at(0))
    stored = (await bench.engine.read(lambda tx: monitor.load(tx, [facts.lead])))[facts.lead]
    assert picture(stored) == picture(run(monitor.playbook, told, facts))


def test_the_timers_are_those_of_the_running_clocks_and_none_fires_for_ever(playbook: Playbook, facts: Any) -> None:
    state = run(playbook, [("routing", facts.routed(), facts.at(0))], facts)
    for moment in (facts.at(0) + timedelta(hours=step) for step in range(0, END, 12)):
        state = fire(state, playbook, moment, facts.lead)
        assert all(at > moment for at in timers(state.obligations.values()).values())
    assert timers(state.obligations.values()) == {}
    breaks = [clock.closed_at or clock.due_at for clock in state.obligations.values()]
    assert all(isinstance(at, datetime) for at in breaks)
    assert all(first <= last for first, last in pairwise(sorted(breaks)))
