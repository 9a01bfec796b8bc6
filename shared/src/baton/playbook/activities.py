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
        (pattern.kind is None or _fits(pattern.kind.casefold(), activity.get("kind")))
        and (pattern.what is None or _fits(pattern.what.casefold(), activity.get("what")))
        and (pattern.within is None or _recent(pattern.within, activity.get("occurred_at"), now))
    )


def _fits(wanted: str, given: object) -> bool:
    have = str(given or "").casefold()
    return have.startswith(wanted[:-1]) if wanted.endswith("*") else have == wanted


def _recent(within: int, occurred_at: object, now: dt.datetime) -> bool:
    at = moment(occurred_at)
    return at is not None and now - at <= dt.timedelta(seconds=within)
