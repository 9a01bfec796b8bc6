"""Clocks taken over from what was said of them are those that were judged: a lost store comes back by this."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from baton.playbook import Playbook
from baton.runtime.handler import Decision, Due, Heard
from baton.sla_monitor.adopt import adopt
from baton.sla_monitor.decide import Watched, decide
from baton.sla_monitor.domain.ticking import timers

LEAD = "0190aaaa-0000-7000-8000-000000000001"


def heard(source: str, body: Any, number: int, at: datetime) -> Heard:
    return Heard(f"{source}-{number}", body.type, LEAD, source, number, at, at, body)


def said(decision: Decision[Watched], now: datetime) -> list[Heard]:
    drafts = enumerate(decision.facts, start=1)
    return [Heard(str(n), d.body.type, LEAD, "sla-monitor", n, d.at or now, now, d.body) for n, d in drafts]


def life(playbook: Playbook, told: list[tuple[str, Any, datetime]]) -> Iterator[tuple[Watched, Any, datetime]]:
    """Every cause with the state it met: the facts, and each timer as it comes due between them."""
    state = Watched()
    for number, (source, body, at) in enumerate([*told, ("", None, told[-1][2] + timedelta(days=40))], start=1):
        while due := sorted((when, kind) for kind, when in timers(state.obligations.values()).items() if when < at):
            when, kind = due[0]
            yield state, (cause := Due("due", LEAD, kind, when, 1)), when
            state = decide(state, cause, playbook, when).state
        if body is not None:
            yield state, (fact := heard(source, body, number, at)), at
            state = decide(state, fact, playbook, at).state


@pytest.mark.parametrize("policy", ["full", "chained"])
@pytest.mark.parametrize("story", ["called", "reached", "silence", "moved", "answered", "later"])
def test_what_was_said_gives_the_clocks_that_were_judged(
    playbook: Playbook, facts: Any, story: str, policy: str
) -> None:
    touches = {
        "called": [("intake", facts.touched(1), facts.at(1)), ("intake", facts.touched(90, "email"), facts.at(90))],
        "reached": [("intake", facts.touched(2, outcome="reached"), facts.at(2))],
        "silence": [],
        "moved": [("routing", facts.reassigned(5), facts.at(5)), ("intake", facts.touched(6), facts.at(6))],
        "later": [("intake", facts.not_before(1, 60), facts.at(1)), ("intake", facts.touched(70), facts.at(70))],
        "answered": [("intake", facts.touched(1, "email", None, "in"), facts.at(1))],
    }[story]
    looked_at = 0
    for state, cause, now in life(playbook, [("routing", facts.routed(0, policy), facts.at(0)), *touches]):
        decided = decide(state, cause, playbook, now)
        words = said(decided, now)
        if isinstance(cause, Heard) or words:
            adopted = adopt(state, cause if isinstance(cause, Heard) else None, words, playbook, now).state
            assert adopted.obligations == decided.state.obligations, (cause, [word.type for word in words])
            assert adopted.evidence == decided.state.evidence
            looked_at += len(words)
    assert looked_at >= 4


def test_what_was_said_stands_where_it_would_be_judged_otherwise(playbook: Playbook, facts: Any) -> None:
    handed = heard("routing", facts.routed(0), 1, facts.at(0))
    state = decide(Watched(), handed, playbook, facts.at(0)).state
    call = heard("intake", facts.touched(1), 2, facts.at(1))
    silent = adopt(state, call, [], playbook, facts.at(1)).state
    assert silent.obligations == state.obligations, "nothing was said of the call, so it ended nothing"
    assert silent.evidence.touches
