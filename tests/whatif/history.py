"""An invented history of the lender of bench/bpi2012, as plain lead events: the same for the same number of leads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
LENDER = ROOT / "bench/bpi2012/playbook"
MONDAY = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)


def events(leads: int) -> Iterator[dict[str, Any]]:
    """Each lead is touched early, late or never, and won, lost or left."""
    for number in range(leads):
        at = MONDAY + timedelta(minutes=37 * number)
        lead = f"a{number}"
        yield {"t": "received", "lead": lead, "at": at.isoformat(), "amount": 4000.0 + 1000 * (number * 7 % 23)}
        if number % 4:
            later = at + timedelta(hours=number % 4 * 3 - 2)
            yield {"t": "touch_start", "lead": lead, "at": later.isoformat(), "rep": "10862", "task": "call"}
        if number % 5 == 0:
            end = at + timedelta(days=2)
            yield {"t": "won" if number % 2 else "lost", "lead": lead, "at": end.isoformat(), "rep": "10862"}
        yield {"t": "queued", "lead": lead, "at": at.isoformat(), "rep": None}


def write_history(path: Path, leads: int = 120) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in events(leads)))
    return path


def write_draft(folder: Path, *changes: tuple[str, str, str]) -> Path:
    """The lender's playbook with these changes: file, what stands there, what shall."""
    folder.mkdir(parents=True)
    for file in LENDER.glob("*.yaml"):
        text = file.read_text()
        for name, before, after in changes:
            if file.name == name:
                assert before in text, f"{name} has no {before!r}"
                text = text.replace(before, after)
        (folder / file.name).write_text(text)
    return folder


WIDER = ("routing.yaml", "when: lead.amount >= 20000.0, pool", "when: lead.amount >= 12000.0, pool")
"""The seniors take smaller leads, too."""
