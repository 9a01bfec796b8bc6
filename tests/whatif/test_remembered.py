"""What is remembered while history is lived through saves time and decides nothing."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from baton.cli.simulate.history import from_file
from baton.cli.simulate.world import World, live_through
from baton.playbook import Playbook, load
from baton.scoring.domain import memory
from tests.whatif.history import LENDER, MONDAY, ROOT, write_draft

COUNTED = (
    "definition.yaml",
    "  - {name: source, type: string, from: source}",
    "  - {name: source, type: string, from: source}\n"
    "  - {name: calls, type: int, from: touches.count}\n"
    "  - {name: stage, type: string, from: deal.stage}",
)
"""A definition that looks at what sales does."""
JUDGED = ("definition.yaml", "when: lead.amount >= 5000.0, ", "when: lead.amount >= 5000.0 && lead.calls < 3, ")


def events(leads: int) -> Iterator[dict[str, Any]]:
    """Everything that plain events can tell of somebody, in an order that chance decides: the same every time."""
    chance = random.Random(7)
    for number in range(leads):
        at = MONDAY + timedelta(minutes=11 * number)
        answers = {"cause": "event", "problem": "known"} if number % 3 else {}
        told = {"amount": 4500.0 + 500 * (number % 9), "employees": 300, "answers": answers}
        yield {"t": "received", "lead": str(number), "at": at.isoformat(), **told, "contact": {"country": "DE"}}
        for _ in range(chance.randrange(9)):
            at += timedelta(minutes=chance.randrange(3000))
            yield {"lead": str(number), "at": at.isoformat(), **chance.choice(SAID)}


SAID: tuple[dict[str, Any], ...] = (
    {"t": "touch_start", "rep": "s1", "channel": "call"},
    {"t": "touch_start", "rep": "s1", "channel": "email", "outcome": "reached"},
    {"t": "touch_start", "rep": "s2", "channel": "call", "outcome": "no_answer"},
    {"t": "answer", "question": "cause", "value": "told"},
    {"t": "answer", "question": "will_talk", "value": True},
    {"t": "activity", "kind": "form", "what": "demo"},
    {"t": "status", "status": "accepted", "rep": "s1"},
    {"t": "status", "status": "recycle", "reason": "no_answer", "rep": "s1"},
    {"t": "received", "amount": 25000.0},
    {"t": "lost", "rep": "s1", "reason": "no_answer"},
)


@pytest.mark.parametrize("house", ["lender", "counting", "example"])
def test_every_decision_is_the_same_to_the_byte_as_if_nothing_were_remembered(
    house: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in events(60)))
    folders = {"lender": LENDER, "example": ROOT / "deploy/playbook"}
    folder = folders.get(house) or write_draft(tmp_path / "draft", COUNTED, JUDGED)
    remembered, judged_anew = said(load(folder), path), 0

    def forget(self: memory.Memory, person: Any, now: Any) -> Any:
        nonlocal judged_anew
        judged_anew += 1
        return memory.judge(self._playbook, person, now)

    monkeypatch.setattr(memory.Memory, "judge", forget)
    assert said(load(folder), path) == remembered
    assert judged_anew > 60


def said(playbook: Playbook, path: Path) -> bytes:
    history, decisions = from_file(path), io.BytesIO()
    live_through([World(playbook, history, history.begins, decisions)], history)
    return decisions.getvalue()
