"""What is told: a fact with its envelope, as a webhook's body, and as the names of templates. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from baton.routing.domain.briefing import crm_names


@dataclass(frozen=True, slots=True)
class Letter:
    """A fact about a lead, on its way to somebody."""

    id: str
    type: str
    lead_id: str
    time: str
    """When it happened, ISO 8601 with Z."""
    sequence: int
    """Per lead and publisher: 1, 2, 3 …"""
    source: str
    """Who published it: routing, scoring or intake."""
    data: Mapping[str, Any]
    trace: str | None = None
    """Where its trace began, as `traceparent` writes it."""


def letter_of(lead_id: str, headers: Mapping[str, str], value: bytes) -> Letter:
    """Return the fact that a record holds."""
    return Letter(
        id=headers["ce_id"],
        type=headers["ce_type"],
        lead_id=lead_id,
        time=datetime.fromisoformat(headers["ce_time"]).isoformat().replace("+00:00", "Z"),
        sequence=int(headers["ce_sequence"]),
        source=headers["ce_source"].rpartition(":")[2],
        data=orjson.loads(value),
        trace=headers.get("ce_traceparent"),
    )


def webhook_body(letter: Letter) -> bytes:
    """Return the body of a Standard Webhook: type, timestamp, and the fact's data with whom it is about."""
    about = {"lead_id": letter.lead_id, "event_id": letter.id, "sequence": letter.sequence}
    return orjson.dumps({"type": letter.type, "timestamp": letter.time, "data": {**about, **letter.data}})


def names_of(letter: Letter, record: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the texts of an endpoint may name."""
    envelope = {name: getattr(letter, name) for name in ("id", "type", "lead_id", "time", "sequence", "source")}
    return {"fact": envelope, "data": letter.data, "crm": crm_names(letter.data), "record": dict(record)}
