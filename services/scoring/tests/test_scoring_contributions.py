"""The score: decay in closed form, caps, the order of facts, and what each part brings to the total."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.scoring.tests.conftest import PLAYBOOK, START

from baton.playbook import ActivityMatch, Scoring, Signal, interest_of, load, signals_of
from baton.scoring.domain.contributions import contributions_of
from baton.scoring.domain.judge import judge
from baton.scoring.domain.moments import text_of
from baton.scoring.domain.person import Person, with_activity, with_answers

BOOK = load(PLAYBOOK)
NOW = START
SECONDS = st.integers(0, 400 * 86_400)


def only(signal: Signal) -> Scoring:
    return BOOK.scoring.model_copy(update={"signals": (signal,), "interest_at_most": 1e6})


def acts(*seconds_ago: int, kind: str = "form", what: str = "demo") -> list[dict[str, Any]]:
    return [{"kind": kind, "what": what, "occurred_at": text_of(NOW - timedelta(seconds=ago))} for ago in seconds_ago]


@settings(max_examples=200, deadline=None)
@given(st.lists(SECONDS, min_size=1, max_size=12), st.floats(-50, 50), st.sampled_from([0.5, 7.0, 30.0]))
def test_decay_in_closed_form_is_what_a_nightly_sweep_would_have_come_to(
    ago: list[int], weight: float, half_life: float
) -> None:
    """Step by step: from event to event the sum so far is worn down by the time between."""
    event = ActivityMatch(kind="form")
    signal = Signal(id="s", label="S", event=event, meaning="buying", weight=weight, half_life_days=half_life)
    swept, last = 0.0, max(ago)
    for at in [*sorted(ago, reverse=True), 0]:
        for _ in range(4):  # a sweep may come as often as it likes
            swept *= 0.5 ** ((last - at) / 4 / 86_400 / half_life)
        last = at
        swept += weight
    swept -= weight  # the last step was only the time up to now
    (reading,) = signals_of(only(signal), acts(*ago), NOW)
    assert reading.value == pytest.approx(swept, abs=2e-4)


@settings(max_examples=100, deadline=None)
@given(st.lists(SECONDS, max_size=10), st.randoms(use_true_random=False))
def test_the_order_of_what_somebody_did_changes_not_the_last_digit(ago: list[int], chance: random.Random) -> None:
    done = [
        *acts(*ago),
        *acts(*ago[:4], kind="download", what="case study"),
        *acts(*ago[2:], kind="page_view", what="careers"),
    ]
    other = list(done)
    chance.shuffle(other)
    one, two = (signals_of(BOOK.scoring, items, NOW) for items in (done, other))
    assert (one, interest_of(BOOK.scoring, one)) == (two, interest_of(BOOK.scoring, two))


@settings(max_examples=100, deadline=None)
@given(st.lists(SECONDS, max_size=40))
def test_caps_hold_on_both_sides_whatever_is_done(ago: list[int]) -> None:
    readings = signals_of(
        BOOK.scoring,
        [*acts(*ago, kind="page_view", what="pricing"), *acts(*ago, kind="page_view", what="careers")],
        NOW,
    )
    for reading in readings:
        assert reading.signal.at_most is not None
        assert abs(reading.value) <= reading.signal.at_most
    assert 0 <= interest_of(BOOK.scoring, [*readings, *readings]) <= BOOK.scoring.interest_at_most


def ada(answers: dict[str, Any], *activity: dict[str, Any], **properties: Any) -> Person:
    person = Person("ada", source="web", first_seen_at=text_of(NOW), properties={"employees": 300, **properties})
    person = with_activity(person, activity)
    at = text_of(NOW)
    return with_answers(person, [{"question": q, "value": v, "occurred_at": at} for q, v in answers.items()])


def test_contributions_come_strongest_first_and_in_words() -> None:
    person = ada({"cause": "event", "problem": "known", "horizon": "now"}, *acts(0), technology=["sap"])
    judgement = judge(BOOK, person, NOW)
    parts = contributions_of(BOOK, person, judgement, NOW)
    assert [(part.kind, part.id, part.brings) for part in parts] == [
        ("energy", "cause", 27.0),
        ("interest", "demo_request", 25.0),
        ("energy", "problem", 18.0),
        ("fit", "mid_market", 15.0),
        ("points", "fits_customer", 10.0),
        ("points", "runs_our_systems", 10.0),
        ("energy", "horizon", 9.0),
    ]
    words = {part.id: part.says for part in parts}
    assert (
        words["demo_request"] == "Asked for a demo, once: +25 interest now (+25 each when fresh, halves every 21 days)"
    )
    assert words["problem"] == "A goal that is not going well: 1, without which energy would be 6 in place of 12"
    assert words["mid_market"] == "200 employees or more: +15 fit"


@settings(max_examples=60, deadline=None)
@given(st.lists(SECONDS, max_size=6), st.sampled_from([{}, {"cause": "event"}, {"cause": "told", "problem": "known"}]))
def test_what_fit_criteria_and_interest_bring_adds_up_to_the_total_where_no_cap_cuts(
    ago: list[int], answers: dict[str, Any]
) -> None:
    person = ada(answers, *acts(*(second + 86_400 * 60 for second in ago)), warehouses=4)
    judgement = judge(BOOK, person, NOW)
    parts = contributions_of(BOOK, person, judgement, NOW)
    added = sum(part.brings for part in parts if part.kind != "energy") + 3 * (judgement.score.energy or 0.0)
    assert added == pytest.approx(judgement.score.total, abs=0.05)
    assert [abs(part.brings) for part in parts] == sorted((abs(part.brings) for part in parts), reverse=True)


def test_behaviour_alone_sets_no_energy_and_no_temperature() -> None:
    judgement = judge(BOOK, ada({}, *acts(*range(40))), NOW)
    assert (judgement.score.energy, judgement.temperature, judgement.needs_short_call) == (None, "unknown", True)
