"""Times in lead records: aware datetimes or ISO 8601 text."""

from __future__ import annotations

import datetime as dt


def moment(value: object) -> dt.datetime | None:
    """The instant in UTC, or None for what is no time. A time without a zone is taken as UTC."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value.strip())
        except ValueError:
            return None
    if not isinstance(value, dt.datetime):
        return None
    return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).astimezone(dt.UTC)


def days_between(then: object, now: dt.datetime) -> int | None:
    """Whole days gone by, or None for what is no time; the future counts as today."""
    at = moment(then)
    return None if at is None else max(0, (now - at).days)
