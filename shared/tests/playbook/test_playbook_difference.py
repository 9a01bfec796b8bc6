"""What changed between two playbooks is said in words, and nothing that changes a decision goes unsaid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from shared.tests.playbook.conftest import write_playbook

from baton.playbook import differences, documents_differ, load
from baton.playbook.difference import _longest_rise

Writer = Callable[..., Path]

SAID = {
    "a weight": ("scoring", "weight: 20", "weight: 5", ["signal “Demo”: weight 20 → 5"]),
    "a criterion that gates no longer": (
        "definition",
        "required: true",
        "points: 5",
        ["criterion “Big enough”: no longer required; points 0 → 5"],
    ),
    "a condition": (
        "definition",
        "lead.employees >= 50",
        "lead.employees >= 60",
        ["criterion “Big enough”: applies when lead.employees >= 50 → lead.employees >= 60"],
    ),
    "a criterion more": (
        "definition",
        "must_know:",
        "  - {id: tagged, label: Tagged, when: \"'x' in lead.tags\", points: 3}\nmust_know:",
        ["criterion “Tagged” added: applies when 'x' in lead.tags, points 3"],
    ),
    "a rule less": (
        "disqualify",
        "rules:\n  - {id: tiny, label: Tiny, when: lead.employees < 5, reason: never_fits, closes: junk}\n",
        "",
        ["disqualify rule “Tiny” removed"],
    ),
    "another name": ("nurture", "label: Soon", "label: Shortly", ["track “Shortly”: called Soon → Shortly"]),
    "the order of tracks": (
        "nurture",
        "  - {id: soon, label: Soon, horizon: [3_months], look_again_days: 30}\n"
        "  - {id: later, label: Later, look_again_days: 120}\n",
        "  - {id: later, label: Later, look_again_days: 120}\n"
        "  - {id: soon, label: Soon, horizon: [3_months], look_again_days: 30}\n",
        ["track “Later” now stands first"],
    ),
    "a territory": (
        "routing",
        "country: [DE]",
        "country: [AT, CH]",
        ["routing rule “Germany”: match country without DE; match country with AT, CH"],
    ),
    "a promise": ("sla", "first_attempt: 4h", "first_attempt: 2h", ["policy “Standard”: first attempt 4 h → 2 h"]),
    "a threshold": ("scoring", "hot: 9", "hot: 8", ["temperature: hot 9 → 8"]),
    "a formula": (
        "scoring",
        "score: fit + interest + energy",
        "score: fit + energy",
        ["score: fit + interest + energy → fit + energy"],
    ),
    "an answer's worth": ("scoring", "{event: 3", "{event: 4", ["energy part “Cause”: values event 3 → 4"]),
    "a target": ("targets", "at_least: 0.6", "at_least: 0.7", ["target “Accepted”: at least 0.6 → 0.7"]),
    "a rep": ("roster", "name: Bo", "name: Bodil", ["rep “bo”: name Bo → Bodil"]),
}  # fmt: skip


@pytest.mark.parametrize(("file", "was", "becomes", "said"), SAID.values(), ids=SAID.keys())
def test_each_change_is_a_sentence(tmp_path: Path, file: str, was: str, becomes: str, said: list[str]) -> None:
    before, after = load(write_playbook(tmp_path / "a")), load(write_playbook(tmp_path / "b", {file: (was, becomes)}))
    assert [str(change) for change in differences(before, after)] == said
    assert differences(before, before) == []


def test_back_again_is_as_many_changes(tmp_path: Path) -> None:
    for number, (file, was, becomes, _) in enumerate(SAID.values()):
        before = load(write_playbook(tmp_path / f"{number}a"))
        after = load(write_playbook(tmp_path / f"{number}b", {file: (was, becomes)}))
        assert differences(after, before), file
        if file != "roster":
            assert documents_differ(before.document(), after.document()), file


@given(st.permutations(range(12)))
def test_what_stays_in_order_is_as_much_as_can_stay(order: list[int]) -> None:
    kept = [order[index] for index in _longest_rise(order)]
    assert kept == sorted(kept)
    longest = [1] * len(order)
    for index, number in enumerate(order):
        longest[index] += max((longest[before] for before in range(index) if order[before] < number), default=0)
    assert len(kept) == max(longest)
