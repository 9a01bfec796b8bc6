"""The history that is lived through again: facts and people's commands in the order in which they were recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from baton.cli.client import Client
from baton.cli.events import PAGE, page
from baton.cli.faults import Exit, Fault
from baton.cli.import_rows import Lines, open_rows
from baton.cli.simulate.plain import Teller
from baton.contracts import INTAKE, TOPICS, Rep
from baton.runtime.handler import Command, Heard

Cause = Heard | Command
BY_HAND = ("claim", "reassign", "reject")
_BODIES: dict[str, type[BaseModel]] = dict(TOPICS[INTAKE])
Event = dict[str, Any]
Key = tuple[datetime, int, str, int, int]


@dataclass(frozen=True, slots=True)
class Entry:
    """Something recorded, not decoded yet where it comes from a service."""

    at: datetime
    raw: bytes | Cause
    place: str
    """Where it stands, for what is said about it."""

    def cause(self) -> Cause:
        """What happened. Raises Fault where it cannot be read."""
        if isinstance(self.raw, bytes):
            return _cause_of(orjson.loads(self.raw), self.at, self.place)
        return self.raw


@dataclass
class History:
    """Everything in order. `given` are the reps it speaks of; `recorded` who had each lead first in each round."""

    title: str
    entries: list[Entry]
    given: Mapping[str, Any] = field(default_factory=dict)
    recorded: Mapping[str, str] = field(default_factory=dict)
    unused: Counter[str] = field(default_factory=Counter)
    """What it tells of that no service hears."""

    @property
    def begins(self) -> datetime:
        """When the first thing was recorded."""
        return self.entries[0].at

    @property
    def ends(self) -> datetime:
        """When the last thing was recorded."""
        return self.entries[-1].at


def from_services(client: Client) -> History:
    """What intake and routing have said so far, from their feeds. Raises Fault where there is nothing."""
    gathered = _Gathered()
    for service in ("intake", "routing"):
        for event in _all(client, service):
            gathered.take(event, f"{service}'s fact {event.get('id')}")
    if not gathered.keyed:
        hint = "It keeps what its journals hold; give a file of earlier facts with --file."
        raise Fault(f"{client.url} has no history yet", hint, Exit.USAGE)
    return gathered.history(client.url)


def from_file(path: Path) -> History:
    """A file of facts as the feeds give them, or of plain lead events. Raises Fault with the line that is wrong."""
    gathered, teller = _Gathered(), Teller()
    plain: list[tuple[datetime, int, Entry]] = []
    for number, event in lines_of(path):
        place = f"{path}:{number}"
        if "data" in event and "subject" in event:
            gathered.take(event, place)
            continue
        told = teller.told(event, place)
        if told is not None:
            plain.append((told[0], number, Entry(told[0], told[1], place)))
    if plain and gathered.keyed:
        raise Fault(f"{path}: facts and plain events in one file", code=Exit.USAGE)
    if plain:
        plain.sort(key=lambda one: one[:2])
        return History(path.name, teller.numbered([entry for *_, entry in plain]), unused=teller.unused)
    if not gathered.keyed:
        raise Fault(f"{path}: there is no history in it", code=Exit.USAGE)
    return gathered.history(path.name)


class _Gathered:
    """Facts as they come, lane by lane, until they can be put in order."""

    def __init__(self) -> None:
        self.keyed: list[tuple[Key, Entry]] = []
        self._given: dict[str, Any] = {}
        self._recorded: dict[str, str] = {}
        self._unused: Counter[str] = Counter()

    def take(self, event: Event, place: str) -> None:
        try:
            type_, at = event["type"], _instant(event["recordedtime"])
            key = (at, 0 if type_ in _BODIES else 1, event["subject"], int(event["sequence"]), len(self.keyed))
            wanted = type_ in _BODIES or self._is_by_hand(event)
            if type_ == "lead.routed" and event["data"].get("owner"):
                self._recorded[f"{event['subject']}:{event['data']['round']}"] = event["data"]["owner"]["id"]
        except (KeyError, TypeError, ValueError, AttributeError) as fault:
            raise Fault(f"{place}: not a fact of Baton ({type(fault).__name__}: {fault})", code=Exit.USAGE) from fault
        if wanted:
            self.keyed.append((key, Entry(at, orjson.dumps(event), place)))
        else:
            self._unused[type_] += 1

    def _is_by_hand(self, event: Event) -> bool:
        """True for what people told routing: reps, and owners they named."""
        data = event["data"]
        if event["type"] == "rep.changed":
            self._given[data["rep"]["id"]] = True
            return True
        if event["type"] == "account.assigned":
            return True
        if event["type"] == "lead.reassigned":
            return data["reason"] in BY_HAND
        return event["type"] == "lead.routed" and str(data.get("statuses_from") or "") >= str(data["decided_at"])

    def history(self, title: str) -> History:
        self.keyed.sort(key=lambda one: one[0])
        entries = [entry for _, entry in self.keyed]
        return History(title, entries, self._given, self._recorded, self._unused)


def _cause_of(event: Event, at: datetime, place: str) -> Cause:
    type_, subject, data = event["type"], event["subject"], event["data"]
    try:
        if type_ in _BODIES:
            body = _BODIES[type_].model_validate(data)
            happened = _instant(event["time"])
            return Heard(event["id"], type_, subject, "intake", int(event["sequence"]), happened, at, body)
        if type_ == "rep.changed":
            return Command(event["id"], subject, "put", Rep.model_validate(data["rep"]))
        if type_ == "account.assigned":
            owner = data.get("owner")
            return Command(event["id"], subject, "assign", {"rep": owner["id"] if owner else None})
        return _by_hand(event)
    except (ValidationError, KeyError, TypeError, ValueError) as fault:
        raise Fault(f"{place}: {type_} cannot be read: {fault}", code=Exit.USAGE) from fault


def _by_hand(event: Event) -> Command:
    """What somebody did then: he does it again, whoever has the lead; only the one who rejected it rejects it again."""
    data, why = event["data"], event["data"].get("reason")
    if why == "reject":
        return Command(event["id"], event["subject"], "reject", {"rep": data["previous_owner"]})
    if why == "reassign":
        return Command(event["id"], event["subject"], "reassign", {"to": data["owner"]["id"]})
    return Command(event["id"], event["subject"], "claim", {"rep": data["owner"]["id"]})


def _all(client: Client, service: str) -> Iterator[Event]:
    cursor = None
    while found := page(client, service, cursor, wait=0):
        yield from found
        cursor = found[-1]["cursor"]
        if len(found) < PAGE:
            return


def lines_of(path: Path) -> Iterator[tuple[int, Event]]:
    """Each object of a file of JSON lines, compressed or not, with its line. Raises Fault where a line is none."""
    with open_rows(path) as file:
        lines = Lines(path, file, 0, 1)
        while raw := lines.read():
            if not raw.strip():
                continue
            try:
                event = orjson.loads(raw)
            except orjson.JSONDecodeError as fault:
                why = lines.fault or f"not JSON: {fault}"
                raise Fault(f"{path}:{lines.line - 1}: {why}", code=Exit.USAGE) from fault
            if not isinstance(event, dict):
                raise Fault(f"{path}:{lines.line - 1}: not a JSON object", code=Exit.USAGE)
            yield lines.line - 1, event


def _instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text} has no offset")
    return at.astimezone(UTC)


def told_since(history: History, since: datetime | None) -> datetime:
    """From when on decisions are counted. Raises Fault where the history does not reach there."""
    if since is None:
        return history.begins
    if since > history.ends:
        raise Fault(f"nothing has happened since {since.isoformat()}: the history ends {history.ends.isoformat()}",
                    code=Exit.USAGE)  # fmt: skip
    if since < history.begins:
        hint = "Leave --since out, or give a file that reaches further back."
        why = f"the history begins {history.begins.isoformat()}: nothing older is kept"
        raise Fault(why, hint, Exit.USAGE)
    return since
