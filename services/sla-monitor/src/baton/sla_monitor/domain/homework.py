"""Homework: a small task for the person before the meeting, and what became of it (Q4). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from baton.playbook.manners import Manners
from baton.sla_monitor.domain.evidence import Evidence, Homework

State = Literal["set", "reminded", "returned", "late", "returned_with_colleague", "not_returned"]
REMIND, DUE, MEETING = "homework.remind", "homework.due", "homework.meeting"
KINDS = (REMIND, DUE, MEETING)
"""Timers of a lead whose homework is out."""


@dataclass(frozen=True, slots=True)
class Task:
    """The newest homework, with what came of it."""

    set: Homework
    returned: Homework | None = None

    @property
    def is_returned(self) -> bool:
        """True if something came back, in time or not."""
        return self.returned is not None

    @property
    def due_at(self) -> datetime | None:
        """By when it was asked for."""
        return self.set.due_at

    @property
    def meeting_at(self) -> datetime | None:
        """When both sides meet over it."""
        return self.set.meeting_at

    def state(self, now: datetime, told: Iterable[tuple[datetime, str]] = ()) -> State:
        """Return how it stands. Late is what may still come; past the meeting it does not count."""
        if self.returned is not None:
            return "returned_with_colleague" if self.returned.state == "returned_with_colleague" else "returned"
        if self.meeting_at is not None and now >= self.meeting_at:
            return "not_returned"
        if self.due_at is not None and now >= self.due_at:
            return "late"
        return "reminded" if (self.set.at, REMIND) in told else "set"


def homework_of(evidence: Evidence) -> Task | None:
    """Return the newest homework that was set; None if none was."""
    given = [work for work in evidence.homework if work.state == "set"]
    if not given:
        return None
    last = max(given)
    back = [work for work in evidence.homework if work.state != "set" and work.at >= last.at]
    return Task(last, max(back, default=None))


def remind_at(task: Task, manners: Manners) -> datetime | None:
    """Return when the person is to be reminded: before the meeting; never before it was set."""
    if task.meeting_at is None:
        return None
    return max(task.set.at, task.meeting_at - timedelta(seconds=manners.remind_homework))


def timers(evidence: Evidence, manners: Manners) -> dict[str, datetime]:
    """Return when somebody must be told of homework that is still out."""
    return dict(_timers(evidence, manners))


def _timers(evidence: Evidence, manners: Manners) -> Iterator[tuple[str, datetime]]:
    task = homework_of(evidence)
    if task is None or task.is_returned:
        return
    times = {REMIND: remind_at(task, manners), DUE: task.due_at, MEETING: task.meeting_at}
    for kind, at in times.items():
        if at is not None and (task.set.at, kind) not in evidence.told:
            yield kind, at


def homework_from(value: Any, at: datetime, moment: Callable[[object], datetime | None]) -> Homework | None:
    """Return what an answer to `homework` says; `moment` reads a time or gives None."""
    if not isinstance(value, dict) or value.get("state") not in {"set", "returned", "returned_with_colleague"}:
        return None
    due_at, meeting_at = moment(value.get("due_at")), moment(value.get("meeting_at"))
    return Homework(at, str(value["state"]), str(value.get("task") or ""), due_at, meeting_at)
