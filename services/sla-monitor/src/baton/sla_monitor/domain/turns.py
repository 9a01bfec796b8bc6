"""Whose turn it is: every lead says who must act next, why, and until when (F9). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from baton.playbook.manners import Manners
from baton.sla_monitor.domain.course import CLOSING, Course
from baton.sla_monitor.domain.evidence import Evidence
from baton.sla_monitor.domain.homework import homework_of
from baton.sla_monitor.domain.manners import offered_at
from baton.sla_monitor.domain.obligation import Obligation

Who = Literal["sales", "prospect", "marketing", "nobody"]


@dataclass(frozen=True, slots=True)
class Turn:
    """Who must act next. `until`: until then, for the person; by then, for sales."""

    who: Who
    because: str
    until: datetime | None = None
    rep: str | None = None


def whose_turn(evidence: Evidence, clocks: Iterable[Obligation], manners: Manners, now: datetime) -> Turn:
    """Return who must act next on the lead as it stands `now`."""
    if not evidence.hand_offs:
        return Turn("marketing", "not handed to sales yet")
    last = evidence.hand_offs[-1]
    ended = Course(evidence, last).ends()
    reasons = [end.reason for end in ended if end.at <= now]
    if "wish" in reasons:
        return Turn("nobody", "the person wishes no contact")
    if "held" in reasons:
        return Turn("sales", "held: the manager decides who has it")
    if "recycled" in reasons or "disqualified" in reasons:
        return Turn("marketing", reasons[-1])
    if closed := [reason for reason in reasons if reason in set(CLOSING.values()) - {"opportunity"} | {"merged"}]:
        return Turn("nobody", closed[-1])
    return _waiting(evidence, manners, now) or _owed(evidence, clocks, last.owner)


def _waiting(evidence: Evidence, manners: Manners, now: datetime) -> Turn | None:
    """It is the person's turn: a date was agreed, homework is out, or an offer."""
    last_word = max((*evidence.answers, *(t.at for t in evidence.touches if not t.outgoing)), default=None)

    def is_open(since: datetime, until: datetime) -> bool:
        return since <= now < until and (last_word is None or last_word <= since)

    work = homework_of(evidence)
    if work is not None and not work.is_returned and (until := work.due_at or work.meeting_at) and now < until:
        return Turn("prospect", "homework is out", until)
    for agreed in reversed(evidence.agreements):
        if is_open(agreed.at, agreed.until):
            return Turn("prospect", "a date was agreed", agreed.until)
    offered = offered_at(evidence, manners)
    if offered is not None and is_open(offered, until := offered + timedelta(seconds=manners.answer_within)):
        return Turn("prospect", "an offer is out", until)
    return None


def _owed(evidence: Evidence, clocks: Iterable[Obligation], owner: str) -> Turn:
    runs = sorted((clock for clock in clocks if clock.runs and clock.promise != "work_time"), key=lambda ob: ob.due_at)
    touches = evidence.touches
    if touches and not touches[-1].outgoing:
        because = "the person has written or called"
    elif runs:
        because = f"promised: {runs[0].promise.replace('_', ' ')}"
    else:
        because = "no promise is open, and nothing keeps it from the next step"
    return Turn("sales", because, runs[0].due_at if runs else None, owner)
