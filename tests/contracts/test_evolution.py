"""What was told once stays readable: fields keep their name, their type, and whether they are always there."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path

import pytest

import baton.contracts.fact
from baton.cli.schemas import PROMISED, Promises, broken, promised_with, promises_of, schema_of
from baton.contracts import FACTS

PROMISES: Promises = json.loads((Path(baton.contracts.fact.__file__).parent / PROMISED).read_text())


@pytest.fixture
def now() -> Promises:
    return {name: promises_of(schema_of(fact)) for name, fact in FACTS.items()}


def test_nothing_that_was_promised_has_changed(now: Promises) -> None:
    """Until contracts-1.0 one may be taken back: by hand, in promised.json, with a line in CHANGELOG.md."""
    assert broken(PROMISES, now) == []


def test_whatever_is_told_is_promised(now: Promises) -> None:
    assert promised_with(PROMISES, now) == PROMISES, "run `make docs`: new fields become promises"


Change = Callable[[dict[str, str]], None]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda routed: routed.pop("respond_by"), "respond_by was 'date-time, always', is 'gone'"),
        (lambda routed: routed.pop("history[].at"), "history[].at was"),
        (lambda routed: routed.update({"round": "string, always"}), "round was 'integer, always'"),
        (lambda routed: routed.update({"owner.email": "string, may be absent"}), "owner.email was"),
        (lambda routed: routed.update({"respond_by": "date-time, may be absent"}), "respond_by was"),
        (lambda routed: routed.update({"source": "null or string, always"}), "source was"),
        (lambda routed: routed.update({"mood": "string, always"}), "mood is new, and always there"),
        (lambda routed: routed.update({"owner.mood": "string, always"}), "owner.mood is new"),
        (lambda routed: routed.update({"history[].mood": "string, always"}), "history[].mood is new"),
        (lambda routed: routed.update({"temperature": "one of hot warm, always"}), "temperature was"),
        (lambda routed: routed.update({"owner.external_ids{}": "integer"}), "owner.external_ids{} was"),
    ],
)
def test_a_change_that_breaks_readers_is_refused(now: Promises, change: Change, complaint: str) -> None:
    changed = copy.deepcopy(now)
    change(changed["lead.routed"])
    (said,) = broken(PROMISES, changed)
    assert said.startswith(f"lead.routed: {complaint}")
    # Nor does `make docs` overwrite what was promised.
    assert broken(promised_with(PROMISES, changed), now) == [] or "is new" in said


@pytest.mark.parametrize(
    "change",
    [
        lambda routed: routed.update({"mood": "string, may be absent"}),
        lambda routed: routed.update({"mood": "object, may be absent", "mood.word": "string, always"}),
        lambda routed: routed.update({"temperature": "one of hot warm cold unknown boiling, always"}),
    ],
)
def test_growing_is_allowed_and_becomes_a_promise(now: Promises, change: Change) -> None:
    grown = copy.deepcopy(now)
    change(grown["lead.routed"])
    assert broken(PROMISES, grown) == []
    assert broken(promised_with(PROMISES, grown), now) != []


def test_a_fact_that_is_gone_is_a_broken_promise(now: Promises) -> None:
    del now["lead.held"]
    assert broken(PROMISES, now) == ["lead.held is gone"]


def test_what_is_within_parts_lists_and_maps_is_promised_too() -> None:
    routed = PROMISES["lead.routed"]
    assert routed["trace.near_misses[].because"] == "string, always"
    assert routed["owner.external_ids{}"] == "string"
    assert PROMISES["lead.held"]["rule.playbook"] == "string, always"
