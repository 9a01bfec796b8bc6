"""The services as one program: history is lived through by one playbook, without a store and without a bus."""

from __future__ import annotations

import gc
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from itertools import islice
from typing import IO, Any, Final

import orjson
from pydantic import TypeAdapter

from baton.cli.faults import Exit, Fault
from baton.cli.simulate.history import Entry, History
from baton.cli.simulate.tally import Tally
from baton.playbook import Playbook
from baton.runtime.handler import Heard
from baton.runtime.replay import Part, Replay

PARTS: Final = ("scoring", "routing", "sla-monitor")
"""In this order each hears what was said."""
BATCH: Final = 1000
"""Entries between two looks at the progress bar."""
_ANY: Final[TypeAdapter[Any]] = TypeAdapter(Any)


def make_parts(playbook: Playbook, history: History) -> list[Part]:
    """The parts of the playbook. Raises Fault where a service is not installed here."""
    found = {point.name: point for point in entry_points(group="baton.replays")}
    missing = [name for name in PARTS if name not in found]
    if missing:
        hint = f"Install {', '.join(f'baton-{name}' for name in missing)} beside the command."
        raise Fault(f"{missing[0]} is not installed here", hint, Exit.USAGE)
    return [found[name].load()(playbook, history.given) for name in PARTS]


@dataclass(frozen=True)
class Course:
    """What is left of a history once it was lived through by one playbook."""

    version: str
    tally: Tally
    refused: int
    """What people did in the history that was not possible by this playbook."""
    names: dict[str, str]
    """What the reps are called."""
    load: dict[str, int]
    """Open leads by rep."""
    books_digest: str
    """SHA-256 of the books at the end."""


class World:
    """One playbook's course of the history."""

    def __init__(self, playbook: Playbook, history: History, since: datetime, decisions: IO[bytes] | None) -> None:
        self.playbook = playbook
        self.tally = Tally(since)
        self.parts = make_parts(playbook, history)
        self._decisions = decisions
        self._replay = Replay(self.parts, self._said if decisions else self.tally.hear)

    def _said(self, source: str, fact: Heard) -> None:
        self.tally.hear(source, fact)
        assert self._decisions is not None  # or the tally is told alone
        told = {
            "source": source,
            "type": fact.type,
            "subject": fact.subject,
            "sequence": fact.sequence,
            "time": fact.at.isoformat(),
            "recordedtime": fact.recorded_at.isoformat(),
            "data": orjson.Fragment(fact.body.model_dump_json()),
        }
        self._decisions.write(orjson.dumps(told) + b"\n")

    def course(self) -> Course:
        """What has come of it."""
        routing: Any = next(part for part in self.parts if part.answers)
        names, load = dict(routing.names), dict(routing.load)
        return Course(self.playbook.version, self.tally, self._replay.refused, names, load, self._books_digest())

    def live_through(self, entries: Sequence[tuple[datetime, Any]]) -> None:
        """Live through some of it."""
        for at, cause in entries:
            self._replay.until(at)
            self._replay.feed((cause,), lambda _, at=at: at)  # type: ignore[misc]  # mypy infers no default

    def finish(self, history: History) -> None:
        """Do what fell due up to the end of the history, and write the books down."""
        self._replay.until(history.ends)
        if self._decisions is not None:
            books = {part.name: part.document() for part in self.parts}
            self._decisions.write(orjson.dumps({"books": books}, option=orjson.OPT_SORT_KEYS) + b"\n")

    def _books_digest(self) -> str:
        books = {part.name: part.document() for part in self.parts}
        return hashlib.sha256(orjson.dumps(books, option=orjson.OPT_SORT_KEYS)).hexdigest()


def live_through(
    worlds: Sequence[World], history: History, batch: int = BATCH, told: Callable[[int], None] = lambda _: None
) -> None:
    """Live through the whole history in every world; `told` hears how many entries are done.

    Decisions are values without cycles: looking for garbage among millions of them takes a sixth of the time, so it is
    left off meanwhile.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        _live_through(worlds, history, batch, told)
    finally:
        if was_on:
            gc.enable()


def _live_through(worlds: Sequence[World], history: History, batch: int, told: Callable[[int], None]) -> None:
    entries = iter(history.entries)
    while some := list(islice(entries, batch)):
        decoded = [(entry.at, entry.cause()) for entry in some]
        for world in worlds:
            world.live_through(decoded)
        told(len(some))
    for world in worlds:
        world.finish(history)


def received(entries: Sequence[Entry]) -> int:
    """How many leads the history tells of."""
    return sum(_is_first(entry) for entry in entries)


def _is_first(entry: Entry) -> bool:
    if isinstance(entry.raw, bytes):
        return b'"lead.received"' in entry.raw[:2000]
    return isinstance(entry.raw, Heard) and entry.raw.type == "lead.received"
