"""Plain lead events, as exported from another system, told as Baton's facts.

One JSON object a line: `t` (received, touch_start, status, won, lost, answer, activity), `lead`, `at` (ISO 8601 with
offset, or a date with `tz`). `received` becomes a lead with every other key as a property (`contact` and `answers` as
they are), `touch_start` an outgoing attempt of `rep` by `channel` (a call where none is named), `status` one of the
CRM's where it is one of ours. What is done by a system (`rep` null) is no touch. Everything else is counted as unused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, get_args
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from baton.cli.faults import Exit, Fault
from baton.contracts import (
    Activity,
    Answer,
    Contact,
    LeadAnswered,
    LeadEngaged,
    LeadReceived,
    LeadStatusReported,
    LeadTouched,
)
from baton.contracts.intake import CrmStatus
from baton.runtime.handler import Heard
from baton.runtime.ids import event_id

if TYPE_CHECKING:
    from baton.cli.simulate.history import Entry

STATUSES = frozenset(get_args(CrmStatus))
_OURS = frozenset({"t", "lead", "at", "tz", "precision", "contact", "answers", "source"})
Event = Mapping[str, Any]


class Teller:
    """Turns plain events into facts, and counts those no service would hear."""

    def __init__(self) -> None:
        self.unused: Counter[str] = Counter()
        self._ids: dict[str, str] = {}

    def told(self, event: Event, place: str) -> tuple[datetime, Heard] | None:
        """When it happened and the fact; None for what nobody hears. Raises Fault where it cannot be read."""
        try:
            kind, lead, at = event["t"], str(event["lead"]), moment_of(event)
            body = _body(event, kind, at)
        except (KeyError, TypeError, ValueError, ValidationError) as fault:
            why = f"{fault} is missing" if isinstance(fault, KeyError) else str(fault)
            raise Fault(f"{place}: not a lead event: {why}", code=Exit.USAGE) from fault
        if body is None:
            self.unused[f"{kind} {event['status']}" if kind == "status" else str(kind)] += 1
            return None
        subject = self._ids.setdefault(lead, event_id("history", lead))
        return at, Heard("", body.type, subject, "intake", 0, at, at, body)  # type: ignore[attr-defined]

    def numbered(self, entries: list[Entry]) -> list[Entry]:
        """The entries in order, each fact with its number among those of its lead."""
        counts: Counter[str] = Counter()
        numbered = []
        for entry in entries:
            fact = entry.raw
            assert isinstance(fact, Heard)  # it was made here
            counts[fact.subject] += 1
            again = (fact.id, fact.type, fact.subject, fact.source, counts[fact.subject])
            numbered.append(type(entry)(entry.at, Heard(*again, fact.at, fact.recorded_at, fact.body), entry.place))
        return numbered


def moment_of(event: Event) -> datetime:
    """When it happened, in UTC. Raises KeyError or ValueError."""
    at = datetime.fromisoformat(str(event["at"]))
    if at.tzinfo is None:
        if "tz" not in event:
            raise ValueError(f"`at` {event['at']} has no offset, and there is no `tz`")
        at = at.replace(tzinfo=ZoneInfo(event["tz"]))
    return at.astimezone(UTC)


def _body(event: Event, kind: Any, at: datetime) -> BaseModel | None:
    match kind:
        case "received":
            return _received(event, at)
        case "touch_start" | "touch":
            if event.get("rep") is None:
                return None
            return LeadTouched(
                rep=str(event["rep"]),
                channel=event.get("channel", "call"),
                direction=event.get("direction", "out"),
                purpose=event.get("task"),
                outcome=event.get("outcome"),
                occurred_at=at,
            )
        case "won" | "lost":
            return _status(event, kind, at)
        case "status" if event["status"] in STATUSES:
            return _status(event, event["status"], at)
        case "answer":
            return LeadAnswered(answer=Answer(question=event["question"], value=event["value"], occurred_at=at))
        case "activity":
            return LeadEngaged(activity=Activity(kind=event["kind"], what=event.get("what"), occurred_at=at))
        case _:
            return None


def _received(event: Event, at: datetime) -> LeadReceived:
    answers = [Answer(question=q, value=value, occurred_at=at) for q, value in (event.get("answers") or {}).items()]
    return LeadReceived(
        source=str(event.get("source") or event.get("channel") or "history"),
        external_id=str(event["lead"]),
        occurred_at=at,
        contact=Contact.model_validate(event.get("contact") or {}),
        properties={name: value for name, value in event.items() if name not in _OURS and value is not None},
        answers=answers,
    )


def _status(event: Event, status: Any, at: datetime) -> LeadStatusReported:
    return LeadStatusReported(
        status=status,
        raw=event.get("status"),
        reason=event.get("reason"),
        value=event.get("value"),
        owner=None if event.get("rep") is None else str(event["rep"]),
        occurred_at=at,
    )
