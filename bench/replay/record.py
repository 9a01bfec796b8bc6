"""What the services said, as far as it tells of hand-offs, calls and promises; read from the bus."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson

from baton.contracts import (
    LeadRouted,
    LeadTouched,
    SlaBreached,
    SlaMet,
    SlaStarted,
    SlaStopped,
    SlaWaived,
)
from baton.runtime.bus.port import TopicLane
from tests.simulation.bus import SimBus

Key = tuple[str, int, int, str]
"""Lead, round, attempt, promise."""


@dataclass
class Promised:
    """One promise: to whom and by when, and what became of it by the last fact about it."""

    lead: str
    promise: str
    policy: str
    owner: str
    started_at: datetime
    due_at: datetime
    state: str = "open"
    at: datetime | None = None
    """When it was met."""
    seconds: float = 0.0
    business_seconds: float = 0.0
    reason: str = ""
    was_breached: bool = False
    """Also where a later `sla.met` has corrected it."""


@dataclass
class Record:
    """Everything said, kept as far as it is counted."""

    said: Counter[str] = field(default_factory=Counter)
    """Facts by type."""
    promises: dict[Key, Promised] = field(default_factory=dict)
    routed: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    """Lead to when it was handed over, and to whom."""
    calls: dict[str, list[tuple[datetime, str]]] = field(default_factory=dict)
    """Lead to when it was called, and by whom, as `lead.touched` says."""
    _places: dict[TopicLane, int] = field(default_factory=dict)

    def take(self, bus: SimBus) -> None:
        """Take in what has come since."""
        for place, records in bus.log.items():
            first = self._places.get(place, 0)
            for record in records[first:]:
                headers = dict(record.headers)
                self._hear(headers["ce_type"].decode(), record.key, record.value)
            self._places[place] = len(records)

    def _hear(self, type_: str, lead: str, value: bytes) -> None:
        self.said[type_] += 1
        if type_ == LeadRouted.type:
            body = orjson.loads(value)
            self.routed.setdefault(lead, (_at(body["decided_at"]), body["owner"]["id"]))
        elif type_ == LeadTouched.type:
            body = orjson.loads(value)
            self.calls.setdefault(lead, []).append((_at(body["occurred_at"]), body["rep"]))
        elif type_ in _ENDINGS or type_ == SlaStarted.type:
            self._promise(type_, lead, orjson.loads(value))

    def _promise(self, type_: str, lead: str, body: dict[str, Any]) -> None:
        key = (lead, body["round"], body["attempt"], body["promise"])
        if type_ == SlaStarted.type:
            times = (_at(body["started_at"]), _at(body["due_at"]))
            self.promises[key] = Promised(lead, body["promise"], body["policy"], body["owner"], *times)
            return
        promise = self.promises[key]
        promise.state = _ENDINGS[type_]
        promise.was_breached |= type_ == SlaBreached.type
        promise.reason = body.get("reason") or ""
        if type_ == SlaMet.type:
            promise.at = _at(body["met_at"])
            promise.seconds, promise.business_seconds = body["seconds"], body["business_seconds"]


_ENDINGS = {SlaMet.type: "met", SlaBreached.type: "breached", SlaWaived.type: "waived", SlaStopped.type: "stopped"}


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text)
