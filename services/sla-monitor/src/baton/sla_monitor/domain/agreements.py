"""Dates that both sides agreed on: with a touch, as an answer, or as the meeting that homework is for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from baton.playbook.moments import moment
from baton.sla_monitor.domain.evidence import Agreement

QUESTION = "wish.not_before"


def agreement_of(question: str, value: Any, at: datetime) -> Agreement | None:
    """Return the later date an answer agrees on; None if it agrees on none.

    `wish.not_before` is a date or a time, without a zone in UTC; of homework it is `meeting_at`.
    """
    if question == "homework":
        value = value.get("meeting_at") if isinstance(value, dict) else None
    elif question != QUESTION:
        return None
    try:
        until = moment(value)
    except OverflowError:  # a day that is another year in UTC, beyond what dates can say
        return None
    return None if until is None else Agreement(at, until)
