"""How each fact changes what is known of a lead.

Each field belongs to one publisher, whose facts arrive in order; what two publishers say about a round is joined so
that it does not matter which was heard first.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from baton.contracts import (
    Contact,
    Fact,
    FollowUpExcessive,
    LeadDisqualified,
    LeadErased,
    LeadHeld,
    LeadMerged,
    LeadNurtured,
    LeadQualified,
    LeadReassigned,
    LeadReceived,
    LeadRecycled,
    LeadRouted,
    LeadScored,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
    SlaBreached,
    SlaMet,
    SlaStarted,
    SlaStopped,
    SlaWaived,
)
from baton.reporting.domain.lead import Lead, Promise, PromiseState, Round, Status
from baton.values import changed

LEARNED = frozenset({"learned", "moved"})
"""Outcomes of a touch that brought something; being reached alone does not."""
_NOBODY = Lead("", is_erased=True)


def heard(lead: Lead, fact: Fact, at: datetime, sequence: int) -> Lead:
    """Return `lead` after `fact`, which happened `at` and is the publisher's `sequence`-th about it."""
    take = _TAKE.get(fact.type)
    if take is not None:
        lead = take(lead, fact, at, sequence)
    return lead if lead.last_at is not None and lead.last_at >= at else changed(lead, last_at=at)


def _merged(lead: Lead, fact: LeadMerged, _: datetime, __: int) -> Lead:
    return changed(lead, merged_into=fact.into)


def _posted(lead: Lead, fact: LeadReceived | LeadUpdated, at: datetime, _: int) -> Lead:
    first = isinstance(fact, LeadReceived)
    if isinstance(fact, LeadUpdated) and fact.restored is not None and fact.restored == lead.merged_into:
        lead = changed(lead, merged_into=None)
    return changed(
        lead,
        received_at=at if first else lead.received_at,
        source=fact.source if first else lead.source,
        is_test=fact.is_test,
        name=_name_of(fact.contact),
        company=fact.contact.company,
        country=fact.contact.country,
    )


def _name_of(contact: Contact) -> str | None:
    parts = " ".join(filter(None, (contact.first_name, contact.last_name)))
    return contact.full_name or parts or None


def _erased(lead: Lead, _: LeadErased, __: datetime, ___: int) -> Lead:
    """What figures are made of stays: when and where from the lead came, how far it got, which promises were kept.

    Promises that still run are ended by the SLA monitor.
    """
    kept = ("lead_id", "received_at", "source", "is_test", "learned", "statuses", "judged", "rounds")
    return changed(_NOBODY, **{name: getattr(lead, name) for name in kept})


def _touched(lead: Lead, fact: LeadTouched, at: datetime, _: int) -> Lead:
    learned = (*lead.learned, at) if fact.outcome in LEARNED else lead.learned
    return changed(lead, touches=lead.touches + 1, learned=learned)


def _excessive(lead: Lead, fact: FollowUpExcessive, _: datetime, __: int) -> Lead:
    return _in_round(lead, fact.round, lambda round_: changed(round_, excesses=round_.excesses + 1))


def _status(lead: Lead, fact: LeadStatusReported, at: datetime, sequence: int) -> Lead:
    return changed(lead, statuses=(*lead.statuses, Status(sequence, at, fact.status)))


def _scored(lead: Lead, fact: LeadScored | LeadQualified | LeadNurtured | LeadDisqualified) -> Lead:
    return changed(lead, score=fact.score.total, temperature=fact.temperature)


def _only_scored(lead: Lead, fact: LeadScored, _: datetime, __: int) -> Lead:
    return changed(_scored(lead, fact), flags=tuple(fact.flags))


def _qualified(lead: Lead, fact: LeadQualified, _: datetime, __: int) -> Lead:
    def opened(round_: Round) -> Round:
        return changed(
            round_,
            qualified_at=fact.qualified_at,
            intake_sequence=max(round_.intake_sequence, fact.intake_sequence),
            opened_after=fact.statuses_from,
            counts_after=_latest(round_.counts_after, fact.statuses_from),
        )

    return changed(_in_round(_scored(lead, fact), fact.round, opened), judged="qualified", judged_because=None)


def _nurtured(lead: Lead, fact: LeadNurtured, _: datetime, __: int) -> Lead:
    return changed(_scored(lead, fact), judged="nurtured", judged_because=fact.track)


def _disqualified(lead: Lead, fact: LeadDisqualified, at: datetime, _: int) -> Lead:
    lead = changed(_scored(lead, fact), judged="disqualified", judged_because=fact.reason)
    if not fact.round:
        return lead
    return _in_round(lead, fact.round, lambda round_: changed(round_, disqualified=(*round_.disqualified, at)))


def _handed_over(lead: Lead, fact: LeadRouted | LeadReassigned, _: datetime, __: int) -> Lead:
    def owned(round_: Round) -> Round:
        return changed(
            round_,
            routing="routed",
            held_reason=None,
            owner=fact.owner.id,
            team=fact.owner.team or "",
            routed_at=round_.routed_at or fact.decided_at,
            owners=round_.owners + 1,
            has_habits=True,
            intake_sequence=max(round_.intake_sequence, fact.intake_sequence),
            counts_after=_latest(round_.counts_after, fact.statuses_from),
        )

    return _in_round(lead, fact.round, owned)


def _held(lead: Lead, fact: LeadHeld, _: datetime, __: int) -> Lead:
    def held(round_: Round) -> Round:
        counts_after = _latest(round_.counts_after, fact.statuses_from)
        return changed(round_, routing="held", held_reason=fact.reason, owner=None, counts_after=counts_after)

    return _in_round(lead, fact.round, held)


def _recycled(lead: Lead, fact: LeadRecycled, _: datetime, __: int) -> Lead:
    return _in_round(lead, fact.round, lambda round_: changed(round_, routing="recycled", held_reason=None))


def _started(lead: Lead, fact: SlaStarted, _: datetime, __: int) -> Lead:
    return _promised(lead, fact, "open")


def _met(lead: Lead, fact: SlaMet, _: datetime, __: int) -> Lead:
    # A deed after the deadline is a follow-up time worth counting, and a promise broken all the same.
    state: PromiseState = "met" if fact.met_at <= fact.due_at else "breached"
    return _promised(lead, fact, state, fact.seconds, fact.business_seconds)


def _breached(lead: Lead, fact: SlaBreached, _: datetime, __: int) -> Lead:
    return _promised(lead, fact, "breached")


def _waived(lead: Lead, fact: SlaWaived, _: datetime, __: int) -> Lead:
    return _promised(lead, fact, "waived")


def _stopped(lead: Lead, fact: SlaStopped, at: datetime, _: int) -> Lead:
    if fact.rule == "erased":
        return _promised(lead, fact, "waived")  # no rule of the follow-up: there is nobody left to be followed up
    return _in_round(lead, fact.round, lambda round_: changed(round_, stopped=(*round_.stopped, at)))


def _promised(
    lead: Lead,
    fact: SlaStarted | SlaMet | SlaBreached | SlaWaived | SlaStopped,
    state: PromiseState,
    seconds: float | None = None,
    business_seconds: float | None = None,
) -> Lead:
    promise = Promise(
        attempt=fact.attempt,
        promise=fact.promise,
        policy=fact.policy,
        owner=fact.owner,
        team=fact.team or "",
        started_at=fact.started_at,
        due_at=fact.due_at,
        state=state,
        seconds=seconds,
        business_seconds=business_seconds,
    )

    def with_promise(round_: Round) -> Round:
        others = tuple(p for p in round_.promises if (p.attempt, p.promise) != (fact.attempt, fact.promise))
        return changed(round_, promises=(*others, promise))

    return _in_round(lead, fact.round, with_promise)


def _in_round(lead: Lead, number: int, change: Callable[[Round], Round]) -> Lead:
    round_ = lead.rounds.get(number) or Round(number)
    return changed(lead, rounds={**lead.rounds, number: change(round_)})


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return max(filter(None, (one, other)), default=None)


_TAKE: dict[str, Callable[[Any, Any, datetime, int], Lead]] = {
    LeadErased.type: _erased,
    LeadReceived.type: _posted,
    LeadUpdated.type: _posted,
    LeadMerged.type: _merged,
    LeadTouched.type: _touched,
    LeadStatusReported.type: _status,
    LeadScored.type: _only_scored,
    LeadQualified.type: _qualified,
    LeadNurtured.type: _nurtured,
    LeadDisqualified.type: _disqualified,
    LeadRouted.type: _handed_over,
    LeadReassigned.type: _handed_over,
    LeadHeld.type: _held,
    LeadRecycled.type: _recycled,
    SlaStarted.type: _started,
    SlaMet.type: _met,
    SlaBreached.type: _breached,
    SlaWaived.type: _waived,
    SlaStopped.type: _stopped,
    FollowUpExcessive.type: _excessive,
}
