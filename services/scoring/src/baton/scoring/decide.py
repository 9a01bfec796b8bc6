"""What follows from a fact or from the look-again date: a person is judged, and what is new about it is said."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any

from baton.contracts import (
    DefinitionRef,
    LeadDisqualified,
    LeadErased,
    LeadNurtured,
    LeadQualified,
    LeadScored,
)
from baton.playbook import Playbook
from baton.runtime.handler import Cause, Decision, Draft, Due, Heard
from baton.scoring.domain.alerts import Watched, watched
from baton.scoring.domain.judge import Judgement, campaign_of, fields_of, is_buying, judge, look_again, must_know_of
from baton.scoring.domain.memory import Memory
from baton.scoring.domain.moments import text_of, time_of
from baton.scoring.domain.person import Person, Verdict, history_of, with_decision
from baton.scoring.domain.pipeline import spent_on
from baton.scoring.domain.rounds import Said, opened, with_said
from baton.scoring.hearing import taken_in
from baton.values import changed

LOOK_AGAIN, RETEST = "look_again", "retest"
TIMERS = (LOOK_AGAIN, RETEST)
ENDED_BY_SALES = ("won", "lost", "junk")


def decide(
    person: Person, cause: Cause, playbook: Playbook, now: datetime, memory: Memory | None = None
) -> Decision[Person]:
    """Take the fact in, judge, and say what changed. Pure; `memory` of the same playbook saves time, and no more."""
    match cause:
        case Heard(body=LeadErased()):
            return Decision(person)  # what is known of the person is wiped
        case Heard():
            known = taken_in(person, cause)
            if cause.source == "routing" and known.round.standing == person.round.standing:
                return Decision(known)  # who owns a lead says nothing about what it is worth
        case Due(kind=kind) if kind in TIMERS:
            known = changed(person, caused_at=None)
        case _:
            return Decision(person)
    if known.merged_into is not None:  # it goes on as another lead
        return Decision(known, due=dict.fromkeys(TIMERS) if person.merged_into is None else {})
    if not known.is_known:
        return Decision(known)
    is_date = isinstance(cause, Due) and cause.kind == LOOK_AGAIN
    judgement = judge(playbook, known, now) if memory is None else memory.judge(known, now)
    case = _Case(known, judgement, playbook, now, is_date)
    decision = case.decision()
    is_same_round = decision.state.round is known.round
    decision = retested(decision, case.watched if is_same_round else watched(playbook, decision.state, now))
    return decision if person.merged_into is None else _watched_again(decision)


def retested(decision: Decision[Person], seen: Watched) -> Decision[Person]:
    """With the time at which it is to be looked at without a new fact, where that is news."""
    person = decision.state
    at = text_of(seen.next_at) if seen.next_at is not None else None
    if at == person.verdict.retest_at:
        return decision
    state = changed(person, verdict=changed(person.verdict, retest_at=at))
    return replace(decision, state=state, due={**decision.due, RETEST: seen.next_at})


def _watched_again(decision: Decision[Person]) -> Decision[Person]:
    """With the dates that were cleared when it was merged, unless newer ones have just been set."""
    verdict = decision.state.verdict
    kept = {LOOK_AGAIN: verdict.look_again_at, RETEST: verdict.retest_at}
    again = {kind: time_of(at) for kind, at in kept.items() if at is not None and kind not in decision.due}
    return replace(decision, due={**decision.due, **again}) if again else decision


def noted(person: Person, now: datetime, what: str) -> Person:
    """Return the person with one more decision of ours in the history."""
    return with_decision(person, {"occurred_at": text_of(now), "what": what})


@dataclass(frozen=True)
class _Case:
    """One person with one judgement: which of the outcomes follows."""

    person: Person
    judgement: Judgement
    playbook: Playbook
    now: datetime
    is_date: bool

    def decision(self) -> Decision[Person]:
        if self._may_close():
            return self._disqualified()
        if self.person.round.is_open:
            return self._said(self.person, self._verdict("qualified"))
        if self.person.verdict.final or self.person.round.standing == "junk":
            return Decision(self.person)
        if self._may_qualify():
            return self._qualified()
        if self.person.round.standing in ENDED_BY_SALES:
            return self._said(self.person, self._verdict(self.person.verdict.outcome))
        return self._nurtured()

    @cached_property
    def watched(self) -> Watched:
        """What people should look at while sales works it."""
        return watched(self.playbook, self.person, self.now)

    # -- which outcome ----------------------------------------------------------------------------------------------

    def _may_close(self) -> bool:
        """A rule closes whoever sales has not accepted and nobody has ended; junk of a suspect closes too."""
        standing = self.person.round.standing
        if self.person.verdict.final or standing in ("accepted", "opportunity", *ENDED_BY_SALES):
            return False
        return self.judgement.disqualified_by is not None or self._junk_suspect is not None

    @property
    def _junk_suspect(self) -> Said | None:
        """A suspect whom sales or the CRM calls junk before it was ever qualified stays closed."""
        if self.person.round.number > 0:
            return None
        return next((said for said in self.person.round.said if said.mark == "junk"), None)

    def _may_qualify(self) -> bool:
        if not self.judgement.meets:
            return False
        closed_at = self.person.round.closed_at
        if closed_at is None:
            return True
        if (self.person.newest_fact_at or "") <= closed_at:
            return False
        if self.person.round.standing == "disqualified":
            return True  # judged again on every new fact: the date and the signals are for those whom sales gave back
        again = self._look_again_at(closed_at)
        return self.now >= again or is_buying(self.playbook, self.person, closed_at, self.now)

    def _look_again_at(self, closed_at: str) -> datetime:
        said = self.person.round.deciding
        if said is not None and said.look_again_at is not None:
            return time_of(said.look_again_at)
        return look_again(self.judgement.track.look_again_days, closed_at)

    # -- what is said -----------------------------------------------------------------------------------------------

    def _qualified(self) -> Decision[Person]:
        person, judgement = self.person, self.judgement
        number = person.round.number + 1
        current = opened(number, person.heard, person.round.closed_at)
        fact = LeadQualified.model_validate(  # plain data, judged once and not part by part
            {
                **self._judged(number),
                "source": person.source or "",
                "contact": person.contact,
                "fields": fields_of(self.playbook, judgement, self.now),
                "must_know": must_know_of(self.playbook, person, self.now),
                "history": history_of(person),
                "consent": person.all_consent,
                "consents": person.all_consents,
                "qualified_at": self.now,
                "intake_sequence": person.heard,
                "statuses_from": time_of(current.statuses_from) if current.statuses_from else None,
            }
        )
        person = self._noted(changed(person, round=current), f"qualified by {self.playbook.label}")
        return self._said(person, self._verdict("qualified"), fact, due=None)

    def _disqualified(self) -> Decision[Person]:
        rule, junk = self.judgement.disqualified_by, self._junk_suspect
        if junk is not None:
            code, final = self._junk_code(junk), True
        else:
            assert rule is not None
            code, final = rule.reason, rule.closes != "open"
        verdict = self._verdict("disqualified", reason=code, final=final)
        before = self.person.verdict
        if (before.outcome, before.reason, before.final) == ("disqualified", code, final):
            return self._said(self.person, verdict)
        number = self.person.round.number
        label = self.playbook.disqualify.reason(code).label
        spent = spent_on(self.person, self.playbook.disqualify.effort, self.now)
        said = {"reason": code, "label": label, "final": final, **spent}
        if rule is not None and junk is None:
            said |= {"rule": rule.id, "yes_if": rule.yes_if}
        fact = LeadDisqualified(**self._judged(number), **self._whose(), **said)
        verdict = changed(verdict, spent={**spent, "at": text_of(self.now)})
        person = self._noted(self.person, f"disqualified: {label}")
        if person.round.is_open:
            mark = Said("disqualified", text_of(self.now), reason=code)
            person = changed(person, round=with_said(person.round, mark))
        return self._said(person, verdict, fact, due=None)

    def _junk_code(self, junk: Said) -> str:
        codes = self.playbook.disqualify.codes("junk")
        return junk.reason if junk.reason in codes else codes[0]

    def _nurtured(self) -> Decision[Person]:
        person, judgement, before = self.person, self.judgement, self.person.verdict
        closed_at = person.round.closed_at
        same_track = before.outcome == "nurtured" and before.track == judgement.track.id
        if closed_at is not None:
            again = self._look_again_at(closed_at)
        elif same_track and before.look_again_at is not None:
            again = time_of(before.look_again_at)
        else:
            again = look_again(judgement.track.look_again_days, text_of(self.now))
        verdict = self._verdict(
            "nurtured",
            track=judgement.track.id,
            unmet=judgement.unmet,
            unknown=judgement.unknown,
            look_again_at=text_of(again),
        )
        if _nurturing(verdict) == _nurturing(before):
            return self._said(person, verdict)
        fact = LeadNurtured(
            **self._judged(person.round.number),
            **self._whose(),
            track=judgement.track.id,
            unmet=list(judgement.unmet),
            unknown=list(judgement.unknown),
            look_again_at=again,
        )
        person = self._noted(person, f"nurtured: {judgement.track.label}")
        return self._said(person, verdict, fact, due=again if again > self.now else None)

    def _said(self, person: Person, verdict: Verdict, fact: Any = None, **due: datetime | None) -> Decision[Person]:
        """Publish the score if anything about it is new, then the outcome; remember both."""
        facts = (Draft(self._scored(person, verdict)),) if _scoring(verdict) != _scoring(person.verdict) else ()
        if fact is not None:
            facts = (*facts, Draft(fact))
        timers = {LOOK_AGAIN: due["due"]} if "due" in due else {}
        return Decision(changed(person, verdict=verdict), facts=facts, due=timers)

    def _noted(self, person: Person, what: str) -> Person:
        return noted(person, self.now, what)

    def _verdict(self, outcome: str, **more: Any) -> Verdict:
        """The verdict now; what is not named stays as it was while the outcome does."""
        before = self.person.verdict
        kept = before if before.outcome == outcome else Verdict(retest_at=before.retest_at)
        return changed(
            kept,
            outcome=outcome,
            score=self.judgement.score_kept,
            temperature=self.judgement.temperature,
            flags=self._flags(outcome),
            campaign=campaign_of(self.playbook, self.person, self.now),
            **more,
        )

    def _flags(self, outcome: str) -> tuple[str, ...]:
        """Alerts and proposals: what people should do or know, never a decision."""
        judgement = self.judgement
        flags = ["short_call_needed"] if judgement.needs_short_call else []
        if self.is_date and outcome != "qualified":
            flags.append("look_again_due")
        if outcome == "qualified" and self.person.round.is_open:
            flags += [f"criterion_lost:{criterion}" for criterion in (*judgement.unmet, *judgement.unknown)]
            if judgement.disqualified_by is not None:
                flags.append(f"disqualify_proposed:{judgement.disqualified_by.reason}")
            flags += self.watched.flags
        return tuple(dict.fromkeys(flags))

    def _judged(self, number: int) -> dict[str, Any]:
        return {
            "round": number,
            "caused_at": time_of(self.person.caused_at) if self.person.caused_at else None,
            "is_test": self.person.is_test,
            "score": self.judgement.score,
            "temperature": self.judgement.temperature,
            "definition": DefinitionRef(label=self.playbook.label, playbook=self.playbook.version),
            "why": self.judgement.why,
        }

    def _whose(self) -> dict[str, Any]:
        return {"source": self.person.source, "contact": self.person.contact or None}

    def _scored(self, person: Person, verdict: Verdict) -> LeadScored:
        judged = self._judged(person.round.number)
        return LeadScored(**judged, outcome=verdict.outcome, flags=list(verdict.flags))  # type: ignore[arg-type]


def _scoring(verdict: Verdict) -> tuple[Any, ...]:
    return (verdict.score, verdict.temperature, verdict.outcome, verdict.flags)


def _nurturing(verdict: Verdict) -> tuple[Any, ...]:
    return (verdict.outcome, verdict.track, verdict.unmet, verdict.unknown, verdict.look_again_at)
