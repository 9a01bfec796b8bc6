"""Genuine requests to begin with: one of each platform, those with other kinds of events, and recorded ones."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from services.intake.tests.platforms import BASE, PLATFORMS, request_of, signed

from tests.fuzz.mutating import Odd

NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
TIME = "2026-09-21T14:13:15+00:00"
LEAD = {"id": "2", "fields": {"core": []}}
SENT = {"submission": {"id": 1, "lead": LEAD, "results": {"email": "a@b.example", "message": "x"}}, "timestamp": TIME}
TRAITS = {"email": "a@b.example", "address": {"city": "C"}}
ASKED = {"uri": "x/1", "questions_and_answers": [{"question": "Email", "answer": "a@b.example"}], "tracking": {}}
OTHERS = {
    "mautic": {"mautic.form_on_submit": [SENT], "mautic.email_on_send": [{}]},
    "segment": [
        {"type": "identify", "userId": "u", "messageId": "m", "traits": TRAITS},
        {"type": "track", "userId": "u", "event": "e"},
        {"type": "page"},
    ],
    "calendly": {"event": "routing_form_submission.created", "created_at": TIME, "payload": ASKED},
    "zapier": {"contact": {"email": "a@b.example", "name": {"first": "A"}}, "items": [{"a": 1}], "tags": ["x", "y"]},
}


def genuine() -> list[Odd]:
    """All of them."""
    mine = [request_of(source, 7, NOW) for source in PLATFORMS]
    mine += [signed(source, json.dumps(body).encode(), "application/json", NOW) for source, body in OTHERS.items()]
    found = [
        Odd(sent.source, "POST", sent.url, _lower({**sent.headers, "content-type": sent.content_type}), sent.body)
        for sent in mine
    ]
    return found + list(_recorded(os.environ.get("BATON_FIXTURES")))


def _recorded(folder: str | None) -> Iterator[Odd]:
    for file in sorted(Path(folder, "inbound").glob("*.meta.json")) if folder else ():
        meta = json.loads(file.read_bytes())
        source = file.name.removesuffix(".meta.json").rpartition("-")[0]
        body = (file.parent / meta["body_file"]).read_bytes()
        yield Odd(source, meta["method"], f"{BASE}{source}", _lower(meta["headers"]), body)


def _lower(headers: dict[str, str]) -> dict[str, str]:
    return {name.lower(): text for name, text in headers.items()}
