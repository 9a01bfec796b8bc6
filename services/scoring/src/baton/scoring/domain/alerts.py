"""What people should look at while sales works a lead: flags with their words. They propose, and never decide (D1, D3).

Computed from what is known at one moment, so the order in which facts came does not matter.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from baton.playbook import Playbook
from baton.playbook.leadpath import read
from baton.playbook.moments import moment
from baton.playbook.pipeline import ExitCriterion
from baton.scoring.domain.moments import time_of
from baton.scoring.domain.person import Person
from baton.scoring.domain.pipeline import Step, evidence_between, silent_since, steps_of, tested_at

FILLERS: Final = frozenset(
    {"", "-", "--", ".", "..", "?", "0", "1", "x", "xx", "xxx", "n/a", "na", "tbd", "none", "test"}
)
SUSPICIOUS: Final = 3
"""So many details with one text, or all set within a minute, look like a form that was only filled."""
BEFORE_STAGES: Final = "before_stages"
HOMEWORK_REASON: Final = "homework_not_returned"


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to look at. `flag` is what `lead.scored` carries; `says` tells people what it is about."""

    flag: str
    says: str


@dataclass(frozen=True, slots=True)
class Watched:
    """All alerts of a moment, and when there may be another without a new fact."""

    alerts: tuple[Alert, ...] = ()
    next_at: datetime | None = None
    questions: tuple[tuple[str, str, Any], ...] = ()
    """Id, label and answer of each question sales should be able to answer (D8)."""

    @property
    def flags(self) -> tuple[str, ...]:
        """What is published of them."""
        return tuple(alert.flag for alert in self.alerts)

    @property
    def as_dict(self) -> dict[str, Any]:
        """What people and API clients see of it."""
        known = sum(answer is not None for _, _, answer in self.questions)
        told = [{"id": one, "label": label, "answer": answer} for one, label, answer in self.questions]
        return {
            "alerts": [{"flag": alert.flag, "says": alert.says} for alert in self.alerts],
            "questions": {"known": known, "of": len(told), "each": told},
            "next_look_at": self.next_at,
        }


NOTHING: Final = Watched()


def watched(playbook: Playbook, person: Person, now: datetime) -> Watched:
    """Look at a lead. Empty unless sales works it."""
    if not person.round.is_open or person.merged_into is not None:
        return NOTHING
    if not playbook.disqualify.is_watched and "homework" not in person.all_answers:
        return NOTHING
    look = _Look(playbook, person, now)
    timed = (look.gone_dark(), look.untested(), *look.homework())
    alerts = [alert for alert, _ in timed if alert is not None]
    alerts += [*look.missing(), *look.fillers(), *look.open_questions(), *look.without_evidence()]
    later = [at for _, at in timed if at is not None and at > now]
    return Watched(tuple(alerts), min(later, default=None), tuple(look.questions()))


Timed = tuple[Alert | None, datetime | None]
"""An alert if its time has come, and when it comes."""


class _Look:
    """One lead at one moment."""

    def __init__(self, playbook: Playbook, person: Person, now: datetime) -> None:
        self.playbook, self.person, self.now = playbook, person, now
        self.pipeline = playbook.disqualify
        self.steps: Sequence[Step] = steps_of(person, self.pipeline) if self.pipeline.stages else ()

    @cached_property
    def lead(self) -> dict[str, Any]:
        """What paths lead into."""
        return self.person.as_lead()

    @property
    def place(self) -> int:
        """The place of the stage it is in; -1 before the first."""
        return self.steps[-1].place if self.steps else -1

    def gone_dark(self) -> Timed:
        """Silence after contact, with what may make the flag misleading (D1)."""
        stage = self.pipeline.stages[self.place] if self.steps else None
        after = (stage.gone_dark_after if stage else None) or self.pipeline.gone_dark_after
        since = silent_since(self.person) if after else None
        if after is None or since is None:
            return None, None
        due = time_of(since) + timedelta(seconds=after)
        if self.now < due:
            return None, due
        tried = sum(touch["occurred_at"] > since for touch in self.person.touches)
        says = f"Silent {(self.now - time_of(since)).days} days, {tried} touches since. {self._caution(tried)}"
        return Alert(f"gone_dark:{stage.id if stage else BEFORE_STAGES}", says), None

    def _caution(self, tried: int) -> str:
        if not any(touch.get("authority") == "confirmed" for touch in self.person.touches):
            return "May mislead: that the contact decides was never confirmed."
        if tried == 0:
            return "May mislead: nobody has tried since."
        return "An underlying reason is asked for; gone dark is none."

    def untested(self) -> Timed:
        """Nothing new was learned for long (D9)."""
        after, since = self.pipeline.retest_after, tested_at(self.person) or self.person.first_seen_at
        if after is None or since is None:
            return None, None
        due = time_of(since) + timedelta(seconds=after)
        if self.now < due:
            return None, due
        return Alert("untested", f"Nothing new was learned for {(self.now - time_of(since)).days} days."), None

    def homework(self) -> Iterator[Timed]:
        """Late, then not there by the meeting, which is a proposal to let go (Q4)."""
        value = self.person.all_answers.get("homework", {}).get("value")
        if not isinstance(value, dict) or value.get("state") != "set":
            return
        due, meeting = moment(value.get("due_at")), moment(value.get("meeting_at"))
        if due is not None:
            late = self.now >= due and (meeting is None or self.now < meeting)
            yield (Alert("homework_late", f"Homework was due {due:%Y-%m-%d %H:%M} UTC.") if late else None), due
        if meeting is not None:
            flag = f"disqualify_proposed:{HOMEWORK_REASON}"
            known = HOMEWORK_REASON in self.pipeline.codes("disqualify")
            over = self.now >= meeting and known
            yield (Alert(flag, "Homework was not returned by the meeting.") if over else None), meeting

    def missing(self) -> Iterator[Alert]:
        """Details that stages already left should have brought (D3); a written justification answers for one."""
        for item in self._asked():
            if self._value(item.path) is None and not self._is_justified(item):
                stage = next(stage for stage in self.pipeline.stages if item in stage.exit)
                yield Alert(f"missing_at_stage:{item.id}", f"{stage.label} was left without: {item.label}.")

    def fillers(self) -> Iterator[Alert]:
        """Values that say nothing, one text everywhere, or all set within a minute (D3)."""
        known = {item.id: value for item in self._asked() if (value := self._value(item.path)) is not None}
        words = {key: " ".join(str(value).split()).casefold() for key, value in known.items()}
        for item in self._asked():
            word = words.get(item.id)
            if word is not None and (word in FILLERS or list(words.values()).count(word) >= SUSPICIOUS):
                yield Alert(f"filler:{item.id}", f"{item.label}: “{str(known[item.id])[:40]}” says nothing.")
        times = sorted(time_of(at) for item in self._asked() if (at := self._told_at(item.path)) is not None)
        if len(times) >= SUSPICIOUS and times[-1] - times[0] < timedelta(minutes=1):
            yield Alert("filler:all_at_once", f"All {len(times)} details of the stages were set within a minute.")

    def questions(self) -> Iterator[tuple[str, str, Any]]:
        """Every question with its answer, None where nobody knows (D8)."""
        for question in self.pipeline.questions:
            yield question.id, question.label, self._value(question.path)

    def open_questions(self) -> Iterator[Alert]:
        """Those that should be known by the stage it is in."""
        for question in self.pipeline.questions:
            by = self.pipeline.place_of(question.by)
            if by is not None and by <= self.place and self._value(question.path) is None:
                stage = self.pipeline.stages[by].label
                yield Alert(
                    f"question_open:{question.id}", f"Not known, though it should be by {stage}: {question.label}"
                )

    def without_evidence(self) -> Iterator[Alert]:
        """The last raise, if nothing the buyer did speaks for it (F7)."""
        if not self.steps:
            return
        last = self.steps[-1]
        before = self.steps[-2] if len(self.steps) > 1 else None
        if before is not None and before.place > last.place:
            return
        if not evidence_between(self.person, self.playbook.scoring, before.at if before else "", last.at):
            stage = self.pipeline.stages[last.place]
            since = f" since {before.at[:10]}" if before else ""
            says = f"Raised to {stage.label} on {last.at[:10]}; nothing came from the buyer{since}."
            yield Alert(f"stage_without_evidence:{stage.id}", says)

    def _asked(self) -> list[ExitCriterion]:
        return [item for stage in self.pipeline.stages[: max(self.place, 0)] for item in stage.exit]

    def _value(self, path: str) -> Any:
        return read(path, self.playbook.definition, self.lead, self.now)

    def _told_at(self, path: str) -> str | None:
        group, _, key = path.partition(".")
        told = {"details": self.person.details, "answers": self.person.all_answers}.get(group, {})
        return told[key]["occurred_at"] if key in told else None

    def _is_justified(self, item: ExitCriterion) -> bool:
        written = self.person.all_answers.get(f"justification.{item.id}", {}).get("value")
        return isinstance(written, str) and " ".join(written.split()).casefold() not in FILLERS
