"""A lead's journey: one line a fact, in the order in which things happened."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

Place = tuple[datetime, str, int]
"""By time, then by publisher and sequence."""


class Entry(NamedTuple):
    """A line of the journey: where it stands, which fact it tells, and the words of `phrases.Line`."""

    at: datetime
    publisher: str
    sequence: int
    event_id: str
    type: str
    recorded_at: datetime
    round: int | None
    what: str
    why: str | None
    tone: str
    who: str | None
    detail: Mapping[str, Any]

    @property
    def place(self) -> Place:
        """Where it stands in the journey."""
        return self.at, self.publisher, self.sequence


def kept_of(entry: Entry) -> list[Any]:
    """Return what is kept of an entry, as JSON: by position, for names would take more room than what they name."""
    *told, detail = entry
    return [*told, {name: value for name, value in detail.items() if value not in (None, [], {})}]


def entry_of(kept: Sequence[Any]) -> Entry:
    """Return the entry that was kept as JSON."""
    at, publisher, sequence, event_id, kind, recorded_at, *told = kept
    times = datetime.fromisoformat(at), datetime.fromisoformat(recorded_at)
    return Entry(times[0], publisher, sequence, event_id, kind, times[1], *told)


def without_detail(entry: Entry) -> Entry:
    """Return the line with what happened, and nothing of why and of whom."""
    return entry._replace(what=entry.type, why=None, detail={})


def page_of(entries: Iterable[Entry], after: Place | None, limit: int) -> list[Entry]:
    """Return the first `limit` entries, or those behind a place, in order."""
    beyond = [entry for entry in entries if after is None or entry.place > after]
    return sorted(beyond, key=lambda entry: entry.place)[:limit]
