"""The definition and a judgement as people and API clients see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from baton.playbook import Playbook
from baton.playbook.wording import said
from baton.scoring.domain.contributions import contributions_of
from baton.scoring.domain.judge import fields_of, judge, must_know_of
from baton.scoring.domain.person import Person

MOST_FAILED = 3
MOST_CAMPAIGNS = 20
"""Of a source, those with the most people."""


def definition_shown(playbook: Playbook) -> dict[str, Any]:
    """Return the definition in force with everything that weighs in a decision (U1, U8)."""
    plain: dict[str, Any] = {"mode": "json", "exclude_none": True, "by_alias": True}
    return {
        "label": playbook.label,
        "version": playbook.version,
        "title": playbook.definition.title,
        "min_points": playbook.definition.min_points,
        "criteria": [criterion.model_dump(**plain) for criterion in playbook.definition.criteria],
        "must_know": [item.model_dump(**plain) for item in playbook.definition.must_know],
        "fields": [field.model_dump(**plain) for field in playbook.definition.fields],
        "scoring": playbook.scoring.model_dump(**plain),
        "nurture": playbook.nurture.model_dump(**plain),
        "disqualify": _disqualify(playbook),
        "learned": _learned_shown(playbook),
    }


def _learned_shown(playbook: Playbook) -> dict[str, Any] | None:
    """Return what was learned, and how it fared on newer cases than it learned from; None where nothing was."""
    learned = playbook.models.learned
    if learned is None:
        return None
    return {
        **learned.model_dump(mode="json", exclude={"fields"}),
        "is_on": learned.is_on,
        "fields": [field.field for field in learned.fields],
    }


def _disqualify(playbook: Playbook) -> dict[str, Any]:
    shown = playbook.disqualify.model_dump(mode="json", exclude_none=True, by_alias=True)
    for stage in shown["stages"]:
        after = stage.get("gone_dark_after") or shown.get("gone_dark_after")
        stage["gone_dark"] = said(after) if after else None
    return shown


def judgement_shown(person: Person, playbook: Playbook, now: datetime) -> dict[str, Any]:
    """Return how a person would be judged now, with every reason."""
    judgement = judge(playbook, person, now)
    rule = judgement.disqualified_by
    outcome = "disqualified" if rule else "qualified" if judgement.meets else "nurtured"
    return {
        "playbook": playbook.version,
        "outcome": outcome,
        "score": judgement.score.model_dump(),
        "formula": playbook.scoring.score,
        "temperature": judgement.temperature,
        "contributions": [asdict(part) for part in contributions_of(playbook, person, judgement, now)],
        "why": [reason.model_dump() for reason in judgement.why],
        "unmet": judgement.unmet,
        "unknown": judgement.unknown,
        "disqualified_by": rule.id if rule else None,
        "track": judgement.track.id if outcome == "nurtured" else None,
        "must_know": must_know_of(playbook, person, now),
        "fields": fields_of(playbook, judgement, now),
    }


@dataclass
class _Counted:
    """People of one source, or of one campaign of it."""

    people: int = 0
    met: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    unmet: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)

    def add(self, row: Mapping[str, Any]) -> None:
        self.people += row["people"]
        self.met += int(row["met"])
        self.outcomes[row["outcome"]] += row["people"]
        for lacking, ids in ((self.unmet, row["unmet"]), (self.unknown, row["unknown"])):
            lacking.update(dict.fromkeys((ids or "").split(), row["people"]))

    def shown(self, labels: Mapping[str, str]) -> dict[str, Any]:
        both = self.unmet + self.unknown
        failed = sorted((one for one in labels if both[one]), key=lambda one: -both[one])[:MOST_FAILED]
        return {
            "people": self.people,
            "met": self.met,
            "share": self.met / self.people,
            "nurtured": self.outcomes["nurtured"],
            "disqualified": self.outcomes["disqualified"],
            "failed": [
                {"criterion": one, "label": labels[one], "no": self.unmet[one], "unknown": self.unknown[one]}
                for one in failed
            ],
        }


def per_source(rows: Iterable[Mapping[str, Any]], playbook: Playbook) -> list[dict[str, Any]]:
    """Return per source, and under it per campaign, how many people there are, how many ever met the definition, and
    which required criteria failed most of those who are nurtured now (U1)."""
    sources: dict[str, dict[str | None, _Counted]] = {}
    for row in rows:
        found = sources.setdefault(row["source"], {})
        for name in {None, row["campaign"]}:
            found.setdefault(name, _Counted()).add(row)
    labels = {criterion.id: criterion.label for criterion in playbook.definition.criteria}
    return [
        {
            "source": source,
            **found[None].shown(labels),
            "campaigns": [
                {"campaign": name, **one.shown(labels)}
                for name, one in sorted(found.items(), key=lambda item: -item[1].people)[: MOST_CAMPAIGNS + 1]
                if name is not None
            ],
        }
        for source, found in sources.items()
    ]


def per_reason(rows: Iterable[Mapping[str, Any]], playbook: Playbook) -> list[dict[str, Any]]:
    """Return per reason how many are turned down now, after how long, which share before a meeting."""
    labels = {reason.code: reason.label for reason in playbook.disqualify.reasons}
    return [
        {
            **row,
            "label": labels.get(row["reason"], row["reason"]),
            "days": round(float(row["days"]), 2),
            "touches": round(float(row["touches"]), 2),
            "before_meeting": int(row["before_meeting"]) / row["people"],
            "hours_freed": None if row["hours_freed"] is None else round(float(row["hours_freed"]), 1),
        }
        for row in rows
    ]
