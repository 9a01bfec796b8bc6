"""Which activities a pattern takes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from baton.playbook.definition import ActivityMatch
from baton.playbook.moments import moment


def matches(pattern: ActivityMatch, activity: Mapping[str, Any], now: dt.datetime) -> bool:
    """Whether kind and what fit (case aside, `*` at the end is "begins with") and it is recent enough."""
    return (
        _fits(pattern.kind, activity.get("kind"))
        and _fits(pattern.what, activity.get("what"))
        and _recent(pattern.within, activity.get("occurred_at"), now)
    )


def _fits(wanted: str | None, given: object) -> bool:
    if wanted is None:
        return True
    have, want = str(given or "").casefold(), wanted.casefold()
    return have.startswith(want[:-1]) if want.endswith("*") else have == want


def _recent(within: int | None, occurred_at: object, now: dt.datetime) -> bool:
    if within is None:
        return True
    at = moment(occurred_at)
    return at is not None and now - at <= dt.timedelta(seconds=within)
