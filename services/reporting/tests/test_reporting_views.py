"""What reporting reads of a fact is all that it tells and counts of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from services.reporting.tests.stories import NOON

import baton.contracts.fact
from baton.contracts import FACTS, TOPICS, AccountAssigned
from baton.reporting.domain.hearing import heard
from baton.reporting.domain.lead import Lead
from baton.reporting.domain.words import line_of
from baton.reporting.views import HEARS

EXAMPLES = Path(baton.contracts.fact.__file__).parent / "examples"
NO_LEADS = {AccountAssigned.type}
"""Of a company, which has a page of its own: reporting tells of leads."""


def test_every_fact_about_a_lead_or_a_rep_is_heard() -> None:
    assert {topic: set(facts) for topic, facts in HEARS.items()} == {
        topic: set(facts) - NO_LEADS for topic, facts in TOPICS.items()
    }


@pytest.mark.parametrize("name", sorted(set(FACTS) - NO_LEADS))
def test_the_parts_that_are_read_tell_as_much_as_the_whole_fact(name: str) -> None:
    example = (EXAMPLES / f"{name}.json").read_text()
    whole = FACTS[name].model_validate_json(example)
    view = HEARS[whole.topic][name].model_validate_json(example)
    assert line_of(view) == line_of(whole)
    assert heard(Lead("a"), view, NOON, 1) == heard(Lead("a"), whole, NOON, 1)
