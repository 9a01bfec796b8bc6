"""What the SLA monitor makes of each cause: facts become evidence, evidence is judged, and what changed is said."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from baton.contracts import (
    Answer,
    FollowUpExcessive,
    HistoryItem,
    LeadAnswered,
    LeadDisqualified,
    LeadEngaged,
    LeadErased,
    LeadHeld,
    LeadMerged,
    LeadReassigned,
    LeadRecycled,
    LeadRouted,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
    Rep,
    RepChanged,
    SlaBreached,
    SlaEscalated,
)
from baton.playbook import Playbook
from baton.playbook.manners import Manners
from baton.playbook.moments import moment
from baton.runtime.handler import Cause, Decision, Draft, Due, Heard
from baton.sla_monitor.calendars import hours_of, hours_of_all, known_calendars
from baton.sla_monitor.domain import homework
from baton.sla_monitor.domain.agreements import agreement_of
from baton.sla_monitor.domain.evidence import (
    Agreement,
    Disqualification,
    Evidence,
    HandOff,
    Merge,
    Status,
    Terms,
    Touch,
)
from baton.sla_monitor.domain.follow_up import FollowedUp, newly_followed_up
from baton.sla_monitor.domain.homework import homework_from
from baton.sla_monitor.domain.hours import AROUND_THE_CLOCK
from baton.sla_monitor.domain.judgement import judged
from baton.sla_monitor.domain.obligation import Key, Obligation, Promise
from baton.sla_monitor.domain.promises import Measured, promised, terms_of
from baton.sla_monitor.domain.recounting import recounted
from baton.sla_monitor.domain.ticking import escalated, expired, resumed, timers, warned
from baton.sla_monitor.domain.wishes import wish_of
from baton.sla_monitor.facts import said
from baton.sla_monitor.telling import homework_told, too_much
from baton.values import changed

ERASED = "erased"
"""Rule and reason where nothing but the erasure of the person has stopped a clock."""


@dataclass(frozen=True)
class Watched:
    """What is kept about one subject: a lead with its clocks, or a rep. Never both."""

    evidence: Evidence = field(default_factory=Evidence)
    obligations: Mapping[Key, Obligation] = field(default_factory=dict)
    stored: Mapping[Key, Obligation] = field(default_factory=dict)
    """The obligations as they were loaded, so that only what changed is written."""
    rep: Rep | None = None
    measured: tuple[FollowedUp, ...] = ()
    """Follow-ups that became known in this transaction, to be counted once it is committed; not stored."""
    breaches: tuple[Obligation, ...] = ()
    """Breaches declared in this transaction; not stored."""
    escalations: tuple[tuple[str, str], ...] = ()
    """Policy and receiver of each step taken in this transaction; not stored."""

    excesses: tuple[tuple[str, str | None], ...] = ()
    """Reason and team of each touch too many that was said in this transaction; not stored."""

    @property
    def told(self) -> dict[str, Any]:
        """What is to be counted once the transaction is committed."""
        return {name: getattr(self, name) for name in ("measured", "breaches", "escalations", "excesses")}


def decide(state: Watched, cause: Cause, playbook: Playbook, now: datetime) -> Decision[Watched]:
    """Return what follows. A fact that teaches nothing changes nothing; a timer tells that its time is over."""
    match cause:
        case Heard(body=RepChanged(rep=rep)):
            return Decision(changed(state, rep=rep))
        case Heard(body=LeadErased()):
            return _erased(state, now)
        case Heard():
            known = learned(state, cause, playbook)
        case Due(kind=kind, due_at=due_at):
            known = _timed_out(state, kind, due_at, now, playbook)
        case _:
            known = state
    if known is state and not isinstance(cause, Due):
        return Decision(state)
    if isinstance(cause, Due) and cause.kind in homework.KINDS:
        return _homework_told(state, cause, playbook, now)
    return _concluded(state, known, playbook, now, cause.kind if isinstance(cause, Due) else None)


def _homework_told(state: Watched, due: Due, playbook: Playbook, now: datetime) -> Decision[Watched]:
    clocks, manners = state.obligations.values(), playbook.sla.manners
    evidence, facts = homework_told(state.evidence, clocks, manners, due.kind, due.due_at, now)
    return concluded(state, changed(state, evidence=evidence), playbook, due.kind, tuple(facts))


def _erased(state: Watched, now: datetime) -> Decision[Watched]:
    """The person is to be forgotten: every clock that runs is stopped, and said to be, and nothing is kept."""
    turns = _turns(state.evidence)
    facts: list[Draft] = []
    for clock in state.obligations.values():
        if clock.runs:
            stopped = changed(clock, state="stopped", closed_at=now, rule=ERASED, reason=ERASED)
            facts += said(clock, stopped, turns.get(clock.turn), now)
    return Decision(changed(Watched(), **state.told), tuple(facts))


def _turns(evidence: Evidence) -> dict[tuple[int, int], HandOff]:
    return {(turn.round, turn.attempt): turn for turn in evidence.hand_offs}


def _timed_out(state: Watched, kind: str, due_at: datetime, now: datetime, playbook: Playbook) -> Watched:
    what, _, name = kind.partition(".")
    clocks, promise = state.obligations, _promise(name)
    match what:
        case "due":
            marked = expired(clocks, promise, due_at)
        case "warn":
            marked = warned(clocks, promise, now, state.evidence, hours_of_all(clocks.values(), playbook))
        case "escalate":
            marked = escalated(clocks, promise, now)
        case "resume":
            marked = resumed(clocks, promise, now)
        case "wake":
            marked = recounted(clocks, known_calendars(clocks.values(), playbook), now)
        case _:
            return state
    return changed(state, obligations=marked)


def _promise(name: str) -> Promise:
    return name  # type: ignore[return-value]  # kinds are made from promises in `timers`


def _concluded(
    before: Watched, known: Watched, playbook: Playbook, now: datetime, fired: str | None
) -> Decision[Watched]:
    hours = hours_of_all(known.obligations.values(), playbook)
    after = judged(known.evidence, known.obligations, hours)
    turns = _turns(known.evidence)
    facts: list[Draft] = []
    for key, clock in after.items():
        facts += said(before.obligations.get(key), clock, turns[clock.turn], now)
    facts += too_much(before.evidence, known.evidence, playbook.sla.manners)
    measured = newly_followed_up(before.evidence, known.evidence, after, hours)
    state = changed(known, obligations=after, measured=(*before.measured, *measured))
    return concluded(before, _counted(before, state, facts), playbook, fired, tuple(facts))


def _counted(before: Watched, state: Watched, facts: Iterable[Draft]) -> Watched:
    bodies = [draft.body for draft in facts]
    broken = [body for body in bodies if isinstance(body, SlaBreached)]
    steps = [(body.policy, body.to) for body in bodies if isinstance(body, SlaEscalated)]
    excess = [(body.reason, body.team) for body in bodies if isinstance(body, FollowUpExcessive)]
    if not broken and not steps and not excess:
        return state
    clocks = [state.obligations[body.round, body.attempt, body.promise] for body in broken]
    return changed(
        state,
        breaches=(*before.breaches, *clocks),
        escalations=(*before.escalations, *steps),
        excesses=(*before.excesses, *excess),
    )


def concluded(
    before: Watched, after: Watched, playbook: Playbook, fired: str | None, facts: tuple[Draft, ...] = ()
) -> Decision[Watched]:
    """Return the decision that leaves the clocks so, with the timers that differ. `fired` has been cleared."""
    return Decision(after, facts, _rearmed(before, after, playbook.sla.manners, fired))


def _rearmed(before: Watched, after: Watched, manners: Manners, fired: str | None) -> dict[str, datetime | None]:
    """Return only the timers that differ: every one that is set costs a row. The one that fired has been cleared."""
    was, will = timers(before.obligations.values()), timers(after.obligations.values())
    if before.evidence.homework or after.evidence.homework:
        was |= homework.timers(before.evidence, manners)
        will |= homework.timers(after.evidence, manners)
    if fired is not None:
        was.pop(fired, None)
    return {kind: will.get(kind) for kind in sorted(was.keys() | will.keys()) if was.get(kind) != will.get(kind)}


def learned(state: Watched, heard: Heard, playbook: Playbook) -> Watched:
    """Return the state with the fact in it; `state` itself if the fact is of no matter to any clock."""
    match heard.body:
        case LeadRouted() | LeadReassigned() as handed:
            return _handed_over(state, handed, playbook)
        case LeadHeld(round=round_):
            return _with(state, state.evidence.taken_away(round_, heard.at, "held"))
        case LeadRecycled(round=round_):
            return _with(state, state.evidence.taken_away(round_, heard.at, "recycled"))
        case LeadDisqualified(round=round_) if round_ > 0:
            known = state.evidence.disqualified
            return _with(state, changed(state.evidence, disqualified=(*known, Disqualification(round_, heard.at))))
        case _:
            return _with(state, _from_outside(state.evidence, heard))


def _with(state: Watched, evidence: Evidence) -> Watched:
    return state if evidence is state.evidence else changed(state, evidence=evidence)


def _from_outside(known: Evidence, heard: Heard) -> Evidence:
    match heard.body:
        case LeadTouched() as touched:
            touch = _touch(touched)
            known = changed(known, touches=tuple(sorted((*known.touches, touch))))
            return known if touched.next_at is None else _agreed(known, Agreement(touch.at, touched.next_at))
        case LeadStatusReported(status=status, occurred_at=at, stage=stage):
            said = Status(at, status, heard.sequence, stage or "")
            return changed(known, statuses=tuple(sorted((*known.statuses, said))))
        case LeadAnswered(answer=answer):
            return _answered(known, [answer])
        case LeadMerged(occurred_at=at):
            return changed(known, merges=tuple(sorted((*known.merges, Merge(at, heard.sequence)))))
        case LeadUpdated() as lead:
            return _updated(known, lead)
        case LeadEngaged(activity=activity) if known.engaged_at is None or activity.occurred_at > known.engaged_at:
            return changed(known, engaged_at=activity.occurred_at)
        case _:
            return known


def _agreed(known: Evidence, agreement: Agreement) -> Evidence:
    return changed(known, agreements=tuple(sorted({*known.agreements, agreement})))


def _touch(touched: LeadTouched) -> Touch:
    return Touch(
        at=touched.occurred_at,
        channel=touched.channel,
        outgoing=touched.direction == "out",
        reached=touched.reached,
        rep=touched.rep,
        purpose=touched.purpose or "",
        outcome=touched.outcome or "",
        authority=touched.authority or "",
    )


def _answered(known: Evidence, answers: Iterable[Answer]) -> Evidence:
    for answer in answers:
        if wish := wish_of(answer.question, answer.value, answer.occurred_at):
            known = changed(known, wishes=tuple(sorted({*known.wishes, wish})))
        if agreement := agreement_of(answer.question, answer.value, answer.occurred_at):
            known = _agreed(known, agreement)
        if answer.question == "homework" and (work := homework_from(answer.value, answer.occurred_at, moment)):
            known = changed(known, homework=tuple(sorted({*known.homework, work})))
        if _is_word_of_the_person(answer):
            known = changed(known, answers=tuple(sorted({*known.answers, answer.occurred_at})))
    return known


def _updated(known: Evidence, lead: LeadUpdated) -> Evidence:
    if lead.absorbed is not None:
        return _told_of(known, lead.absorbed, lead.answers)
    if lead.restored is not None:
        return _forgotten(known, lead.restored)
    return _answered(known, lead.answers)


def _told_of(known: Evidence, other: str, answers: Iterable[Answer]) -> Evidence:
    """What the person wished when known as another lead binds, too, as long as the two are one."""
    found = [wish for answer in answers if (wish := wish_of(answer.question, answer.value, answer.occurred_at))]
    if not found:
        return known
    return changed(known, wishes=tuple(sorted({*known.wishes, *(replace(wish, told_of=other) for wish in found)})))


def _forgotten(known: Evidence, other: str) -> Evidence:
    wishes = tuple(wish for wish in known.wishes if wish.told_of != other)
    return known if wishes == known.wishes else changed(known, wishes=wishes)


def _is_word_of_the_person(answer: Answer) -> bool:
    """An answer is a sign of life; a rep's justification is not, nor is homework before it was returned."""
    if answer.question == "homework":
        value = answer.value
        state = value.get("state") if isinstance(value, dict) else value
        return str(state).startswith("returned")
    return not answer.question.startswith("justification.")


def _handed_over(state: Watched, handed: LeadRouted | LeadReassigned, playbook: Playbook) -> Watched:
    attempt = handed.attempt if isinstance(handed, LeadReassigned) else 0
    if state.evidence.has(handed.round, attempt):
        return state
    policy = next((policy for policy in playbook.sla.policies if policy.id == handed.policy), None)
    owner, wanted = handed.owner, policy.calendar if policy else "owner"
    calendar = playbook.calendar_for(wanted, owner.calendar, owner.team, handed.contact)
    hand_off = HandOff(
        round=handed.round,
        attempt=attempt,
        owner=owner.id,
        team=owner.team,
        policy=handed.policy,
        started_at=handed.decided_at,
        terms=terms_of(policy) if policy else Terms(),
        intake_sequence=handed.intake_sequence,
        marks_from=handed.statuses_from,
        caused_at=handed.caused_at,
        restored_sequence=handed.restored_sequence,
        email_only=handed.source in playbook.sla.manners.self_service,
    )
    hours = hours_of(calendar, playbook)
    measured = Measured(hours, None if hours is AROUND_THE_CLOCK else calendar, handed.calendar_version)
    clocks = {clock.key: clock for clock in promised(hand_off, handed.respond_by, policy, measured)}
    known_of = changed(state.evidence, source=handed.source or "", account=handed.contact.account_id or "")
    evidence = _said_before(known_of.handed_over(hand_off), handed.history)
    return changed(state, evidence=evidence, obligations={**state.obligations, **clocks})


def _said_before(known: Evidence, history: Iterable[HistoryItem]) -> Evidence:
    """What the person wished when first posted stands in the hand-off: intake's first fact is not heard here."""
    answers = [item for item in history if item.kind == "answer"]
    wishes = {wish for item in answers if (wish := wish_of(item.what, item.detail, item.at))}
    for item in answers:
        if agreement := agreement_of(item.what, item.detail, item.at):
            known = _agreed(known, agreement)
    if wishes <= set(known.wishes):
        return known
    return changed(known, wishes=tuple(sorted({*known.wishes, *wishes})))
