"""What is said of follow-up beside the promises: a touch too many, homework that is out."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from baton.contracts import FollowUpExcessive, HomeworkOverdue, HomeworkReminded
from baton.playbook.manners import Manners
from baton.runtime.handler import Draft
from baton.sla_monitor.domain.evidence import Evidence
from baton.sla_monitor.domain.homework import DUE, REMIND, Task, homework_of
from baton.sla_monitor.domain.manners import excesses
from baton.sla_monitor.domain.obligation import Obligation
from baton.sla_monitor.domain.turns import whose_turn
from baton.values import changed


def too_much(before: Evidence, after: Evidence, manners: Manners) -> list[Draft]:
    """Return what is said of touches that were not known before and were too many. Each is judged when it is heard."""
    if after.touches is before.touches:
        return []
    known = set(before.touches)
    found = (excess for excess in excesses(after, manners) if excess.touch not in known)
    return [
        Draft(
            FollowUpExcessive(
                **_of_turn(after, excess.turn.round, excess.turn.attempt),
                reason=excess.reason,
                rep=excess.touch.rep,
                channel=excess.touch.channel,
                touched_at=excess.touch.at,
                unanswered=excess.unanswered,
            ),
            at=excess.touch.at,
        )
        for excess in found
    ]


def homework_told(
    evidence: Evidence, clocks: Iterable[Obligation], manners: Manners, kind: str, due_at: datetime, now: datetime
) -> tuple[Evidence, list[Draft]]:
    """Return the evidence with the timer marked as told, and what is said: nothing of what is back or unwanted."""
    task = homework_of(evidence)
    if task is None:
        return evidence, []
    told = changed(evidence, told=tuple(sorted({*evidence.told, (task.set.at, kind)})))
    if task.is_returned or whose_turn(evidence, clocks, manners, now).who == "nobody":
        return told, []
    return told, [Draft(_homework(evidence, task, kind), at=due_at)]


def _homework(evidence: Evidence, task: Task, kind: str) -> HomeworkReminded | HomeworkOverdue:
    last = evidence.hand_offs[-1] if evidence.hand_offs else None
    common = _of_turn(evidence, last.round if last else 0, last.attempt if last else 0)
    common |= {
        "set_at": task.set.at,
        "due_at": task.due_at,
        "meeting_at": task.meeting_at,
        "task": task.set.task or None,
    }
    if kind == REMIND:
        return HomeworkReminded(**common)
    return HomeworkOverdue(**common, state="late" if kind == DUE else "not_returned")


def _of_turn(evidence: Evidence, round_: int, attempt: int) -> dict[str, Any]:
    turn = next((turn for turn in evidence.hand_offs if (turn.round, turn.attempt) == (round_, attempt)), None)
    return {
        "round": round_,
        "attempt": attempt,
        "caused_at": turn.caused_at if turn else None,
        "owner": turn.owner if turn else None,
        "team": turn.team if turn else None,
    }
