"""Times as text that sorts like time, for plain data that is kept as JSON."""

from __future__ import annotations

from datetime import UTC, datetime


def text_of(at: datetime) -> str:
    """Return RFC 3339 in UTC with all six decimals, so that texts compare as their times do."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def time_of(text: str) -> datetime:
    """Return the time that `text_of` wrote."""
    return datetime.fromisoformat(text)
