"""How the person wishes to be approached (F1): the reserved answer `wish.channel`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from baton.sla_monitor.domain.evidence import Wish

QUESTION = "wish.channel"
CALLS = frozenset({"call", "calls", "phone", "any", "all"})
NOTHING = frozenset({"none", "nothing", "no_contact"})


def wish_of(question: str, value: Any, at: datetime) -> Wish | None:
    """Return the wish an answer expresses; None if it is none or leaves every channel open.

    The value is a channel, a list of channels, `no_calls`, or `none`: whatever is not named is not wished.
    """
    if question != QUESTION:
        return None
    words = {str(word).strip().lower() for word in ([value] if not _is_list(value) else value) if word}
    if not words:
        return None
    contact = not words <= NOTHING
    wish = Wish(at, calls=contact and bool(words & CALLS), contact=contact)
    return None if wish.calls else wish


def _is_list(value: Any) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | dict)
