"""One owner's turn as the evidence tells it: which touches fall into it, and what ended it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import zip_longest

from baton.sla_monitor.domain.evidence import Evidence, HandOff, Touch
from baton.sla_monitor.domain.hours import Hours, Pause, Rested
from baton.sla_monitor.domain.wishes import channel_wish

CLOSING = {
    "opportunity": "opportunity",
    "won": "won",
    "lost": "lost",
    "junk": "junk",
    "recycle": "recycled",
    "unreachable": "recycled",
}
"""Statuses that leave no clock running, and the state the lead is in then (docs/lifecycle.md)."""


@dataclass(frozen=True, slots=True, order=True)
class End:
    """When the promises of a turn ceased to bind, and why."""

    at: datetime
    reason: str


@dataclass(frozen=True)
class Course:
    """The evidence seen from one turn. Times before its start are moved to its start."""

    evidence: Evidence
    turn: HandOff

    @cached_property
    def touches(self) -> list[Touch]:
        """Touches of this turn, by event time."""
        start, end = _second(self.turn.started_at), self.turn.ended_at
        return [
            t for t in self.evidence.touches if start <= t.at and (end is None or t.at < end) and self._in_round(t.at)
        ]

    @cached_property
    def contact_before(self) -> datetime | None:
        """When the person was reached in this round before this turn began."""
        first, start = _second(self.round_began), _second(self.turn.started_at)
        return next((t.at for t in self.evidence.touches if t.reached and first <= t.at < start), None)

    @cached_property
    def pauses(self) -> list[Pause]:
        """When the clocks rested: from each agreement on a later date until then, or until the next agreement."""
        longest = self.turn.terms.rests_for
        if longest is None or not self.evidence.agreements:
            return []
        told = [agreed for agreed in self.evidence.agreements if self._in_round(agreed.at)]
        found = []
        for agreed, following in zip_longest(told, told[1:]):
            until = min(
                agreed.until, agreed.at + timedelta(seconds=longest), following.at if following else agreed.until
            )
            found.append(Pause(max(agreed.at, self.turn.started_at), until))
        return [pause for pause in found if pause.at < pause.until]

    def rested(self, hours: Hours) -> Hours:
        """Return the hours without the pauses."""
        return Rested(hours, self.pauses) if self.pauses else hours

    @cached_property
    def last_contact(self) -> datetime | None:
        """The latest two-way contact since the follow-up is counted."""
        return max((t.at for t in self._counted if t.reached), default=None)

    @property
    def round_began(self) -> datetime:
        """When the round's first owner got the lead."""
        return min(turn.started_at for turn in self.evidence.hand_offs if turn.round == self.turn.round)

    @cached_property
    def next_round_began(self) -> datetime | None:
        """When a later round's first owner got the lead."""
        return min((turn.started_at for turn in self.evidence.hand_offs if turn.round > self.turn.round), default=None)

    def ends(self) -> list[End]:
        """Everything that ended this turn, earliest first; nothing yet if empty."""
        turn = self.turn
        found = [(at, reason) for at, reason in self._marks() if turn.marks_from is None or at > turn.marks_from]
        found += [(wish.at, "wish") for wish in self.evidence.wishes if not wish.contact]
        found += [(m.at, "merged") for m in self.evidence.merges if m.sequence > turn.restored_sequence]
        if turn.ended_at is not None and turn.ended_by is not None:
            found.append((turn.ended_at, turn.ended_by))
        if self.next_round_began is not None:
            found.append((self.next_round_began, "new_round"))
        return sorted(End(max(at, turn.started_at), reason) for at, reason in found)

    def _marks(self) -> list[tuple[datetime, str]]:
        """The closing marks of the turn's round: statuses that belong to it, and scoring's verdict."""
        turn = self.turn
        statuses = [s for s in self.evidence.statuses if s.status in CLOSING and s.sequence > turn.intake_sequence]
        verdicts = [d for d in self.evidence.disqualified if d.round == turn.round]
        later = self.next_round_began
        marks = [(s.at, CLOSING[s.status]) for s in statuses if later is None or s.at < later]
        return marks + [(d.at, "disqualified") for d in verdicts]

    def calls_unwanted(self, until: datetime) -> bool:
        """True if the last word of the person by then is not to be called; or if he served himself and said nothing."""
        wish = channel_wish(self.evidence.wishes, until)
        return self.turn.email_only if wish is None else not wish.calls

    def unanswered(self) -> list[datetime]:
        """Times of the attempts since the person was last heard, in the whole round or since it was claimed by hand."""
        heard = [a for a in self.evidence.answers if a >= self._counted_from] + [
            t.at for t in self._counted if t.reached
        ]
        last = max(heard, default=None)
        return [t.at for t in self._counted if t.outgoing and not t.reached and (last is None or t.at > last)]

    def silent_run(self, length: int) -> datetime | None:
        """Return when the `length`-th attempt in a row stayed unanswered; None if it never came to that."""
        events = [(t.at, t.outgoing and not t.reached) for t in self._counted]
        events += [(at, False) for at in self.evidence.answers if at >= self._counted_from]
        run = 0
        for at, unanswered in sorted(events):
            run = run + 1 if unanswered else 0
            if run == length:
                return max(at, self.turn.started_at)
        return None

    @property
    def _counted_from(self) -> datetime:
        began, claimed = self.round_began, self.turn.marks_from
        return _second(max(began, claimed) if claimed else began)

    @cached_property
    def _counted(self) -> list[Touch]:
        start, end = self._counted_from, self.turn.ended_at
        return [
            t for t in self.evidence.touches if start <= t.at and (end is None or t.at < end) and self._in_round(t.at)
        ]

    def _in_round(self, at: datetime) -> bool:
        return self.next_round_began is None or at < self.next_round_began


def _second(at: datetime) -> datetime:
    """CRMs tell whole seconds: a touch in the very second of the hand-off came after it."""
    return at.replace(microsecond=0)
