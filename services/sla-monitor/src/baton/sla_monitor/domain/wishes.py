"""How the person wishes to be approached (F1): the reserved answers `wish.channel` and `wish.interval`."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from baton.sla_monitor.domain.evidence import Wish

QUESTION = "wish.channel"
CALLS = frozenset({"call", "calls", "phone", "any", "all"})
INTERVAL = "wish.interval"
EVERY = frozenset({"any", "all"})
NOTHING = frozenset({"none", "nothing", "no_contact"})

NOT_CHANNELS = NOTHING | {"no_calls"}
DAY = 86_400
_CHANNELS = {"calls": "call", "phone": "call", "mail": "email", "emails": "email"}
_PACES = {"daily": 1, "weekly": 7, "monthly": 30, "quarterly": 91, "yearly": 365}
_UNITS = {"h": 3600, "d": DAY, "w": 7 * DAY}
_PART = re.compile(r"(\d{1,4})([hdw])")


def wish_of(question: str, value: Any, at: datetime) -> Wish | None:
    """Return the wish an answer expresses; None if it is none.

    The channel is one, a list of them, `no_calls`, or `none`: whatever is not named is not wished. The interval is a
    number of days, a span such as `2w`, or a word such as `monthly`.
    """
    if question == INTERVAL:
        pace = _seconds(value)
        return Wish(at, calls=True, contact=True, pace=pace) if pace else None
    if question != QUESTION:
        return None
    words = {str(word).strip().lower() for word in ([value] if not _is_list(value) else value) if word}
    if not words:
        return None
    contact = not words <= NOTHING
    said = words - NOT_CHANNELS
    named = () if words & EVERY else tuple(sorted(_CHANNELS.get(word, word) for word in said))
    return Wish(at, calls=contact and bool(words & CALLS), contact=contact, channels=named)


def channel_wish(wishes: Iterable[Wish], by: datetime) -> Wish | None:
    """Return the newest word on channels said by then."""
    return max((wish for wish in wishes if not wish.pace and wish.at <= by), default=None)


def pace_of(wishes: Iterable[Wish], by: datetime) -> timedelta | None:
    """Return the interval between two contacts that was agreed by then, if any."""
    said = max((wish for wish in wishes if wish.pace and wish.at <= by), default=None)
    return timedelta(seconds=said.pace) if said else None


def _seconds(value: Any) -> int:
    """Read an interval; 0 for what is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value * DAY) if 0 < value < 3660 else 0
    text = str(value or "").strip().lower()
    if text in _PACES:
        return _PACES[text] * DAY
    parts = _PART.findall(text)
    if not parts or "".join(count + unit for count, unit in parts) != text.replace(" ", ""):
        return 0
    return min(sum(int(count) * _UNITS[unit] for count, unit in parts), 3660 * DAY)


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | dict)
