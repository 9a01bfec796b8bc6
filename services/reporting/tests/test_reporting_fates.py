"""A lead has one fate, by docs/lifecycle.md, whatever the order its publishers were heard in."""

from __future__ import annotations

from itertools import count

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from services.reporting.tests.stories import (
    Told,
    breached,
    disqualified,
    held,
    merged,
    met,
    nurtured,
    qualified,
    reassigned,
    received,
    recycled,
    restored,
    routed,
    scored,
    started,
    status,
    stopped,
    touched,
    waived,
)

from baton.contracts import INTAKE, ROUTING, SCORING, SLA
from baton.reporting.domain.counting import Counts, counts_of, recount
from baton.reporting.domain.fate import fate_of
from baton.reporting.domain.hearing import heard
from baton.reporting.domain.lead import Lead, lead_of

OPENED = [received(), scored(1), qualified(2), routed(3), started(3)]
STORIES: dict[str, tuple[list[Told], str]] = {
    "just received": ([received()], "in_flight"),
    "nurtured": ([received(), nurtured(1)], "nurtured"),
    "disqualified": ([received(), disqualified(1)], "disqualified"),
    "qualified, not routed yet": ([received(), qualified(1)], "in_flight"),
    "held": ([received(), qualified(1), held(2)], "held"),
    "held, then routed": ([received(), qualified(1), held(2), routed(9)], "routed"),
    "routed, breached, reassigned": ([*OPENED, breached(3), reassigned(64), started(64, 1, "bo")], "routed"),
    "accepted": ([*OPENED, status(9, "accepted")], "accepted"),
    "an opportunity, and a recycle of earlier heard later": (
        [*OPENED, status(20, "opportunity"), status(10, "recycle"), recycled(21), nurtured(22, 1)],
        "opportunity",
    ),
    "won": ([*OPENED, touched(5), met(3, 5), status(20, "accepted"), status(40, "won")], "won"),
    "lost, said before the won that came first": ([*OPENED, status(40, "lost"), status(30, "won")], "lost"),
    "junk beats what is later": ([*OPENED, status(9, "junk"), status(20, "accepted")], "junk"),
    "recycled, scoring has answered": (
        [*OPENED, status(9, "recycle"), recycled(10), nurtured(11, 1), waived(3, 10)],
        "nurtured",
    ),
    "recycled, scoring has not answered": ([*OPENED, status(9, "recycle"), recycled(10)], "in_flight"),
    "stopped by rule": ([*OPENED, stopped(3, 900), recycled(901), nurtured(902, 1)], "nurtured"),
    "disqualified while routed": ([*OPENED, disqualified(9, 1)], "disqualified"),
    "claimed by hand after junk": (
        [*OPENED, status(9, "junk"), reassigned(30, reason="claim", since=status(29, "junk").at)],
        "routed",
    ),
    "given away by hand after it was lost, and nobody can have it": (
        [*OPENED, status(9, "lost"), held(30, since=status(29, "lost").at)],
        "held",
    ),
    "back in a second round": (
        [
            *OPENED,
            status(9, "recycle"),
            recycled(10),
            nurtured(11, 1),
            qualified(90, 2, heard=2, statuses_from=status(9, "recycle").at),
            routed(91, "bo", 2, heard=2, since=status(9, "recycle").at),
            status(95, "accepted"),
        ],
        "accepted",
    ),
    "a status of the first round heard in the second": (
        [
            *OPENED,
            status(20, "recycle"),
            recycled(21),
            nurtured(22, 1),
            qualified(90, 2, heard=2, statuses_from=status(20, "recycle").at),
            routed(91, "bo", 2, heard=2, since=status(20, "recycle").at),
            status(15, "won"),
        ],
        "routed",
    ),
    "merged while sales had it": ([*OPENED, merged(9), waived(3, 9)], "merged"),
    "merged, and restored": (
        [*OPENED, merged(9), waived(3, 9), restored(20), reassigned(21, "anna", reason="restored")],
        "routed",
    ),
    "restored, but not from where it went": ([*OPENED, merged(9), restored(20, "somebody else")], "merged"),
    "a test lead": ([received(is_test=True), qualified(1)], "test"),
}


def hear(told: list[tuple[Told, int]]) -> Lead:
    lead = Lead("lead")
    for one, sequence in told:
        lead = heard(lead, one.fact, one.at, sequence)
    return lead


def in_sequence(story: list[Told]) -> list[tuple[Told, int]]:
    """Number each publisher's facts, as they come on its topic."""
    numbers = {topic: count(1) for topic in (INTAKE, SCORING, ROUTING, SLA)}
    return [(one, next(numbers[one.fact.topic])) for one in story]


@pytest.mark.parametrize("name", STORIES)
def test_the_fate_is_the_one_of_the_lifecycle(name: str) -> None:
    story, fate = STORIES[name]
    assert fate_of(hear(in_sequence(story))) == fate


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_publishers_heard_in_any_order_leave_the_same_lead_and_the_same_counts(data: st.DataObject) -> None:
    story, fate = STORIES[data.draw(st.sampled_from(sorted(STORIES)))]
    numbered = in_sequence(story)
    queues = {topic: [t for t in numbered if t[0].fact.topic == topic] for topic in (INTAKE, SCORING, ROUTING, SLA)}
    order: list[tuple[Told, int]] = []
    while waiting := [topic for topic, queue in queues.items() if queue]:
        order.append(queues[data.draw(st.sampled_from(waiting))].pop(0))
    lead = hear(order)
    assert lead == hear(numbered)
    assert fate_of(lead) == fate
    assert counts_of(lead) == counts_of(hear(numbered))


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_what_is_added_fact_by_fact_sums_up_to_what_the_whole_story_counts(data: st.DataObject) -> None:
    story, _ = STORIES[data.draw(st.sampled_from(sorted(STORIES)))]
    order = data.draw(st.permutations(in_sequence(story)))
    kept: Counts = Counts()
    lead = Lead("lead")
    for told, sequence in order:
        after = heard(lead, told.fact, told.at, sequence)
        recount(lead, after, kept)
        lead = after
    assert {cell: n for cell, n in kept.items() if n} == {cell: n for cell, n in counts_of(lead).items() if n}


def test_a_lead_is_kept_and_read_back_unchanged() -> None:
    for story, _ in STORIES.values():
        lead = hear(in_sequence(story))
        assert lead_of(orjson.loads(orjson.dumps(lead, option=orjson.OPT_NON_STR_KEYS))) == lead


def test_a_merged_lead_is_counted_as_merged_and_as_nobody_else() -> None:
    story = [*OPENED, status(5, "won"), merged(9)]
    counts = {(type(cell).__name__, what): n for (cell, what), n in counts_of(hear(in_sequence(story))).items() if n}
    funnel = {what: n for (kind, what), n in counts.items() if kind == "FunnelCell"}
    assert funnel == {"now_merged": 1}
    assert counts["PromiseCell", "started"] == 1  # it was promised all the same
