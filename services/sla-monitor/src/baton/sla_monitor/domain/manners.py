"""Follow-up that is not a pest: which touches were too many, led nowhere or only reminded (F4, F5, F6, F10). Pure.

The person's wish wins over the plan, the plan over the warning of excess. Nothing here stops anybody: it is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Literal

from baton.playbook.manners import Manners
from baton.sla_monitor.domain.evidence import Evidence, HandOff, Touch, Wish
from baton.sla_monitor.domain.wishes import channel_wish, pace_of

Reason = Literal["no_contact", "channel", "agreed_date", "interval", "not_ready", "unanswered"]
TOLERANCE = 0.9
"""A month has 28 to 31 days, and a week its holidays: nobody who comes a little early has broken his word."""
BY_VOICE = frozenset({"call", "meeting", "visit"})
LEARNED = frozenset({"learned", "moved"})


@dataclass(frozen=True, slots=True)
class Excess:
    """One touch too many, with the reason that weighs most."""

    touch: Touch
    turn: HandOff
    reason: Reason
    unanswered: int
    """Attempts in a row without an answer, this one included."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Something to look at, in words; `code` is stable."""

    code: str
    says: str
    since: datetime | None = None


@dataclass(frozen=True)
class Habits:
    """The touches of one round, and what the person made of them."""

    evidence: Evidence
    round: int
    manners: Manners

    @cached_property
    def turns(self) -> list[HandOff]:
        """The owners of the round, in order."""
        return [turn for turn in self.evidence.hand_offs if turn.round == self.round]

    @cached_property
    def touches(self) -> list[Touch]:
        """From the hand-off of the round until the next round, by event time."""
        start = min(turn.started_at for turn in self.turns).replace(microsecond=0)
        later = [turn.started_at for turn in self.evidence.hand_offs if turn.round > self.round]
        end = min(later, default=None)
        return [t for t in self.evidence.touches if start <= t.at and (end is None or t.at < end)]

    @cached_property
    def attempts(self) -> list[Touch]:
        """Those that sales made."""
        return [touch for touch in self.touches if touch.outgoing]

    def turn_at(self, at: datetime) -> HandOff:
        """Return whose turn with the lead it was."""
        begun = [turn for turn in self.turns if turn.started_at.replace(microsecond=0) <= at]
        return max(begun or self.turns[:1], key=lambda turn: turn.attempt)

    def heard_by(self, until: datetime, after: datetime | None = None) -> datetime | None:
        """Return when the person was last heard before `until` and after `after`: reached, or with an answer."""
        words = [*self.evidence.answers, *(touch.at for touch in self.touches if touch.reached)]
        return max((at for at in words if at < until and (after is None or at > after)), default=None)

    def run_until(self, touch: Touch) -> list[Touch]:
        """Return the attempts in a row without an answer that end with `touch`; empty if it was answered."""
        if touch.reached:
            return []
        heard = self.heard_by(touch.at)
        return [t for t in self.attempts if not t.reached and t <= touch and (heard is None or t.at > heard)]

    @cached_property
    def run(self) -> list[Touch]:
        """The attempts in a row without an answer up to now."""
        if not self.attempts:
            return []
        last = self.attempts[-1]
        return [] if self.heard_after(last.at) else self.run_until(last)

    def heard_after(self, at: datetime) -> bool:
        """True if the person was heard at that time or later."""
        words = [*self.evidence.answers, *(touch.at for touch in self.touches if touch.reached)]
        return any(word >= at for word in words)


def excesses(evidence: Evidence, manners: Manners) -> list[Excess]:
    """Return every touch above the plan or against the wish, by event time (F4)."""
    found: list[Excess] = []
    for number in sorted({turn.round for turn in evidence.hand_offs}):
        habits = Habits(evidence, number, manners)
        for place, touch in enumerate(habits.attempts):
            before = habits.attempts[place - 1] if place else None
            run = habits.run_until(touch)
            if reason := _reason(habits, touch, before, len(run)):
                found.append(Excess(touch, habits.turn_at(touch.at), reason, len(run)))
    return found


def _reason(habits: Habits, touch: Touch, before: Touch | None, unanswered: int) -> Reason | None:
    """The reason that weighs most; the person who called or answered since has asked for what comes."""
    wishes = habits.evidence.wishes
    wish = channel_wish(wishes, touch.at)
    if wish is not None and not wish.contact:
        return "no_contact"
    if not _is_wished(wish, touch, habits.turn_at(touch.at)):
        return "channel"
    if _is_before_agreed(habits, touch):
        return "agreed_date"
    pace = pace_of(wishes, touch.at)
    if pace is not None and before is not None:
        keeps = (touch.at - before.at) >= pace * TOLERANCE or habits.heard_by(touch.at, before.at) is not None
        return None if keeps else "interval"
    if _is_not_ready(habits, touch):
        return "not_ready"
    limit = habits.turn_at(touch.at).terms.stop_touches or habits.manners.most_unanswered
    return "unanswered" if pace is None and unanswered > limit else None


def _is_wished(wish: Wish | None, touch: Touch, turn: HandOff) -> bool:
    if wish is None:
        return not turn.email_only or touch.channel == "email"
    if wish.channels:
        return touch.channel in wish.channels
    return wish.calls or touch.channel != "call"


def _is_before_agreed(habits: Habits, touch: Touch) -> bool:
    """The date both sides agreed on is not there yet, and the person has not come back by himself."""
    dates = [agreed for agreed in habits.evidence.agreements if agreed.at < touch.at]
    if not dates:
        return False
    last = max(dates)
    return touch.at < last.until and habits.heard_by(touch.at, last.at) is None


def _is_not_ready(habits: Habits, touch: Touch) -> bool:
    """Marketing has the lead back, and sales calls all the same (F3)."""
    turn = habits.turn_at(touch.at)
    back = turn.ended_at if turn.ended_by == "recycled" else None
    return (
        back is not None and touch.at > back and touch.channel in BY_VOICE and habits.heard_by(touch.at, back) is None
    )


def reminders(habits: Habits) -> list[Touch]:
    """Return the unanswered touches of the present run that brought nothing new: they only reminded (F10).

    New is another purpose than any before in the run, or that the person has done something meanwhile.
    """
    found: list[Touch] = []
    engaged = habits.evidence.engaged_at
    for place, touch in enumerate(habits.run[1:], 1):
        earlier = habits.run[:place]
        has_news = engaged is not None and earlier[-1].at < engaged < touch.at
        if not has_news and (not touch.purpose or touch.purpose in {t.purpose for t in earlier}):
            found.append(touch)
    return found


def offered_at(evidence: Evidence, manners: Manners) -> datetime | None:
    """Return when the newest offer went out: a touch with such a purpose, or such a stage; None if none did."""
    words = {word.casefold() for word in manners.offers}
    touched = (t.at for t in evidence.touches if t.outgoing and t.purpose.casefold() in words)
    staged = (s.at for s in evidence.statuses if s.stage.casefold() in words)
    return max((*touched, *staged), default=None)


def findings(evidence: Evidence, manners: Manners, is_met: bool) -> list[Finding]:
    """Return what there is to say of the newest round. `is_met`: a promise of it was kept."""
    if not evidence.hand_offs:
        return []
    number = max(turn.round for turn in evidence.hand_offs)
    habits = Habits(evidence, number, manners)
    found = [*_of_excess(excesses(evidence, manners), number), *_of_wish(habits), *_of_run(habits)]
    found += _of_gatekeeper(habits)
    if is_met and habits.touches and not any(t.outcome in LEARNED for t in habits.touches):
        found.append(Finding("nothing_learned", "A promise was kept and nothing learned.", habits.touches[-1].at))
    return found


_EXCESS_WORDS: dict[Reason, str] = {
    "no_contact": "although the person wishes no contact",
    "channel": "by a channel the person does not wish",
    "agreed_date": "before the date both sides agreed on",
    "interval": "sooner than the interval the person agreed to",
    "not_ready": "while the lead was back with marketing",
    "unanswered": "beyond what the plan allows without an answer",
}


def _of_excess(found: Iterable[Excess], number: int) -> Iterator[Finding]:
    mine = [excess for excess in found if excess.turn.round == number]
    for reason in dict.fromkeys(excess.reason for excess in mine):
        of_it = [excess for excess in mine if excess.reason == reason]
        count = f"{len(of_it)} touch{'' if len(of_it) == 1 else 'es'}"
        yield Finding(f"excess:{reason}", f"{count} {_EXCESS_WORDS[reason]}.", of_it[-1].touch.at)


def _of_wish(habits: Habits) -> Iterator[Finding]:
    at = offered_at(habits.evidence, habits.manners)
    if at is None or at < habits.turns[0].started_at:
        return
    said = habits.evidence.wishes
    missing = [
        name
        for name, is_known in (("channel", any(not w.pace for w in said)), ("interval", any(w.pace for w in said)))
        if not is_known
    ]
    if missing:
        what = " and ".join(missing)
        yield Finding("ask_wish", f"An offer is out: ask for the {what} the person wishes, and note it.", at)


def _of_run(habits: Habits) -> Iterator[Finding]:
    found = reminders(habits)
    if not found:
        return
    yield Finding(
        "reminder_only", f"Reminder only: {_touches(found)} in a row with nothing new, no answer.", found[0].at
    )
    if len(found) >= habits.manners.most_reminders:
        yield Finding("stop_proposed", f"Proposal: stop. {len(habits.run)} attempts stayed unanswered.", found[-1].at)


def _of_gatekeeper(habits: Habits) -> Iterator[Finding]:
    """Only confirmed authority counts (F5)."""
    touches = habits.touches
    if len(touches) < habits.manners.gatekeeper_after or any(t.authority == "confirmed" for t in touches):
        return
    claimed = "claimed, never confirmed" if any(t.authority == "claimed" for t in touches) else "not known"
    says = f"{_touches(touches)}, and that this contact decides is {claimed}: look for others of the account."
    yield Finding("gatekeeper", says, touches[habits.manners.gatekeeper_after - 1].at)


def _touches(touches: Sequence[Touch]) -> str:
    return f"{len(touches)} touch{'' if len(touches) == 1 else 'es'}"
