"""Facts only grow: each has a committed schema and an example, and what was readable stays readable."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import baton.contracts.fact
from baton.cli.schemas import written
from baton.contracts import FACTS, TOPICS, Fact
from baton.runtime.envelope import data_of

CONTRACTS = Path(baton.contracts.fact.__file__).parent
every_fact = pytest.mark.parametrize("name", sorted(FACTS))


def example_of(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((CONTRACTS / "examples" / f"{name}.json").read_text())
    return found


@every_fact
def test_the_committed_schema_is_the_one_of_the_code(name: str) -> None:
    """`make docs` writes it. A difference is a change of the contract: look at it before committing."""
    assert (CONTRACTS / "schemas" / f"{name}.json").read_text() == written(FACTS[name])


@every_fact
def test_the_example_is_read_and_written_back_the_same(name: str) -> None:
    fact = FACTS[name].model_validate(example_of(name))
    assert json.loads(data_of(fact)) == json.loads(data_of(FACTS[name].model_validate_json(data_of(fact))))
    lost = set(example_of(name)) - set(json.loads(data_of(fact)))
    assert lost == set()


@every_fact
def test_a_field_nobody_knows_yet_is_ignored(name: str) -> None:
    FACTS[name].model_validate({**example_of(name), "from_the_future": {"a": 1}})


@every_fact
def test_every_field_is_said_to_be_what_it_is(name: str) -> None:
    """A docstring for the fact; a fact that was decided says in which round."""
    assert FACTS[name].__doc__
    if FACTS[name].topic not in ("leads.intake", "leads.roster"):
        assert "round" in FACTS[name].model_fields


def test_nothing_lies_about_that_no_fact_is_called() -> None:
    for folder in ("schemas", "examples"):
        assert {path.stem for path in (CONTRACTS / folder).iterdir()} == set(FACTS)


def test_each_type_stands_on_one_topic_only() -> None:
    names = [name for types in TOPICS.values() for name in types]
    assert sorted(names) == sorted(set(names)) == sorted(FACTS)


def test_facts_cannot_be_changed_once_made() -> None:
    fact: Fact = FACTS["lead.recycled"].model_validate(example_of("lead.recycled"))
    with pytest.raises(ValueError, match="frozen"):
        fact.round = 7  # type: ignore[attr-defined]


def test_no_example_names_a_person_at_a_real_address() -> None:
    for name in FACTS:
        text = (CONTRACTS / "examples" / f"{name}.json").read_text()
        for word in text.replace('"', " ").split():
            assert "@" not in word or word.endswith((".example", ".example,")), word


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_beyond_the_calendar_is_a_fault_of_the_data_and_no_crash(at: str) -> None:
    """`beyond the calendar`: representable where it was written, and no longer once it is UTC."""
    with pytest.raises(ValueError, match="out of range"):
        FACTS["lead.recycled"].model_validate({**example_of("lead.recycled"), "look_again_at": at})
