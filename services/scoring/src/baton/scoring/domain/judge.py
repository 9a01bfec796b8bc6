"""The judgement: the person against the playbook, at one moment. What is not known is unknown, never no."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any

from baton.contracts import Reason, Score
from baton.playbook import (
    Criterion,
    DisqualifyRule,
    FitRule,
    Playbook,
    SignalReading,
    Truth,
    Verdict,
    energy_of,
    lead_view,
    must_know,
    signals_of,
)
from baton.playbook.activities import matches
from baton.playbook.leadpath import read
from baton.playbook.learned import Prediction, predict
from baton.playbook.numbers import score_numbers
from baton.playbook.nurture import Track
from baton.scoring.domain.moments import time_of
from baton.scoring.domain.person import Person

LEARNED_REASONS = 5
LONGEST_CAMPAIGN = 100


@dataclass(frozen=True)
class Judgement:
    """Everything the playbook says about a person at one moment."""

    score: Score
    temperature: str
    why: list[Reason]
    meets: bool
    unmet: tuple[str, ...]
    unknown: tuple[str, ...]
    disqualified_by: DisqualifyRule | None
    track: Track
    needs_short_call: bool
    numbers: Mapping[str, float]
    """What the score was made of, by the names that the playbook's formula uses."""
    view: Mapping[str, Any]
    """The person as the conditions saw it."""

    @cached_property
    def score_kept(self) -> Mapping[str, Any]:
        """The score as it is kept with the verdict."""
        return self.score.model_dump()


def judge(playbook: Playbook, person: Person, now: datetime) -> Judgement:
    """Judge a person. The same person, playbook and moment give the same judgement on any machine."""
    lead = person.as_lead()
    view = lead_view(playbook.definition, lead, now)
    criteria = playbook.criteria.judge(view)
    fit = playbook.fit.judge(view)
    readings = signals_of(playbook.scoring, lead["activity"], now)
    energy = energy_of(playbook, person.all_answers)
    learned = None if playbook.learned is None else predict(playbook.learned, view)
    numbers = score_numbers(playbook, criteria, fit, readings, energy, learned)
    total = playbook.score_formula.value(numbers)
    score = Score(
        total=round(total or 0.0, 2),
        fit=numbers["fit"],
        interest=round(numbers["interest"], 2),
        energy=energy.points,
        learned=None if learned is None else round(learned.probability, 4),
    )
    required = [c for c in playbook.definition.criteria if c.required]
    unmet = tuple(c.id for c in required if criteria[c.id].truth is Truth.FALSE)
    unknown = tuple(c.id for c in required if criteria[c.id].truth is Truth.UNKNOWN)
    return Judgement(
        score=score,
        temperature=energy.temperature,
        why=[*_why(playbook, criteria, fit, readings, energy.parts, energy.missing), *_learned(playbook, learned)],
        meets=not unmet and not unknown and numbers["points"] >= playbook.definition.min_points,
        unmet=unmet,
        unknown=unknown,
        disqualified_by=_disqualified_by(playbook, view),
        track=_track(playbook, person, view),
        needs_short_call=energy.points is None and bool(required) and criteria[required[0].id].is_true,
        numbers=numbers,
        view=view,
    )


def fields_of(playbook: Playbook, judgement: Judgement, now: datetime) -> dict[str, Any]:
    """Return the definition's fields with the values a hand-off carries, the decision's own among them."""
    decided = {"score": judgement.score.total, "temperature": judgement.temperature}
    own = lead_view(playbook.decision_fields, {**judgement.numbers, **decided}, now)
    known = {**judgement.view, **own}
    return {field.name: known[field.name] for field in playbook.definition.fields if field.name in known}


def must_know_of(playbook: Playbook, person: Person, now: datetime) -> list[dict[str, Any]]:
    """Return the must-know list, each item filled or missing (U8), as the contract's `MustKnow` has it."""
    return [
        {"item": item.id, "label": item.label, "value": value, "missing": value is None}
        for item, value in must_know(playbook.definition, person.as_lead(), now)
    ]


def campaign_of(playbook: Playbook, person: Person, now: datetime) -> str | None:
    """Return the campaign that brought the person, by the path the definition names (U1)."""
    path = playbook.definition.campaign
    found = None if path is None else read(path, playbook.definition, person.as_lead(), now)
    return None if found is None else str(found).strip()[:LONGEST_CAMPAIGN] or None


def is_buying(playbook: Playbook, person: Person, since: str, now: datetime) -> bool:
    """True if the person did or said something after `since` that the playbook lets back in before the date (U2)."""
    entry = playbook.nurture.re_entry
    signals = [
        s for s in playbook.scoring.signals if (s.id in entry.signals if entry.signals else s.meaning == "buying")
    ]
    acted = any(
        matches(signal.event, item, now)
        for item in person.all_activity
        if item["occurred_at"] > since
        for signal in signals
    )
    answers = person.all_answers
    answered = any(answers[q]["occurred_at"] > since for q in entry.answers if q in answers)
    return acted or answered


def _disqualified_by(playbook: Playbook, view: Mapping[str, Any]) -> DisqualifyRule | None:
    verdicts = playbook.disqualifiers.judge(view)
    return next((rule for rule in playbook.disqualify.rules if verdicts[rule.id].is_true), None)


def _track(playbook: Playbook, person: Person, view: Mapping[str, Any]) -> Track:
    horizon = person.all_answers.get(playbook.nurture.horizon_question, {}).get("value")
    verdicts = playbook.tracks.judge(view)
    for track in playbook.nurture.tracks:
        if horizon in track.horizon or (track.when is not None and verdicts[track.id].is_true):
            return track
    return playbook.nurture.track(playbook.nurture.default_track)


def _why(
    playbook: Playbook,
    criteria: Mapping[str, Verdict],
    fit: Mapping[str, Verdict],
    readings: list[SignalReading],
    energy: Mapping[str, float],
    missing: tuple[str, ...],
) -> list[Reason]:
    why = [_reason(rule, criteria[rule.id]) for rule in playbook.definition.criteria]
    why += [_reason(rule, fit[rule.id]) for rule in playbook.scoring.fit]
    why += [
        Reason(criterion=r.signal.id, label=r.signal.label, value=r.events, points=round(r.value, 2)) for r in readings
    ]
    for part in playbook.scoring.energy.parts:
        lacks = (part.question,) if part.id in missing else ()
        why.append(_worded(f"energy.{part.id}", part.label, energy.get(part.id), lacks))
    why.sort(key=_strength)
    return why


def _strength(reason: Reason) -> float:
    return -abs(reason.points)


def _learned(playbook: Playbook, prediction: Prediction | None) -> list[Reason]:
    """What moved the learned score most. It gives no points of its own: the formula weighs the chance as a whole."""
    if prediction is None:
        return []
    labels = {field.name: field.label or field.name.replace("_", " ") for field in playbook.definition.fields}
    return [
        Reason(criterion=f"learned.{one.field}", label=f"{labels[one.field]}: odds × {one.odds:.2f}", value=one.value)
        for one in prediction.contributions[:LEARNED_REASONS]
    ]


def _reason(rule: Criterion | FitRule, verdict: Verdict) -> Reason:
    value = None if verdict.truth is Truth.UNKNOWN else verdict.is_true
    return _worded(rule.id, rule.label, value, verdict.missing, points=float(rule.points) if value else 0.0)


@lru_cache(maxsize=4096, typed=True)
def _worded(criterion: str, label: str, value: bool | float | None, missing: tuple[str, ...], **more: float) -> Reason:
    """A rule has only a few things to say; fifteen reasons a lead cost 31 µs when each is made anew, and 12 so."""
    return Reason(criterion=criterion, label=label, value=value, missing=list(missing), **more)


def look_again(playbook_days: int, closed_at: str) -> datetime:
    """Return the date on which a suspect is looked at again, counted from `closed_at`."""
    return time_of(closed_at) + timedelta(days=playbook_days)
