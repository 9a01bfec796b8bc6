"""A whole, valid playbook: its models, its version, its compiled conditions."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from pydantic import TypeAdapter

from baton.calendars import Calendar
from baton.playbook.calendars import Calendars
from baton.playbook.conditions import Condition, Formula, RuleSet
from baton.playbook.definition import Definition
from baton.playbook.disqualify import Disqualify
from baton.playbook.fields import Schema
from baton.playbook.learned import Learned
from baton.playbook.nurture import Nurture
from baton.playbook.roster import Roster
from baton.playbook.routing import Routing
from baton.playbook.scoring import Scoring
from baton.playbook.signing import NOBODY, Signatures
from baton.playbook.sla import Sla
from baton.playbook.sources import Sources
from baton.playbook.targets import Targets
from baton.playbook.terms import Strict
from baton.playbook.whose import Whereabouts, build_calendar, calendar_for

RULE_SETS = ("criteria", "fit", "disqualifiers", "tracks", "residuals")
SCORE_NAMES = ("fit", "interest", "energy", "points", "learned")


class Models(Strict):
    """What the version is the hash of: every file but signatures.yaml and roster.yaml, which is data with an API."""

    definition: Definition
    scoring: Scoring
    nurture: Nurture
    disqualify: Disqualify
    routing: Routing
    sla: Sla
    sources: Sources
    calendars: Calendars
    targets: Targets
    learned: Learned | None = None


MOST_CALENDARS = 256
"""Kept built at a time: half a megabyte each, and prospects are in some hundreds of zones and countries."""


@dataclass(frozen=True, eq=False)
class Playbook:
    """Immutable; two with the same `hash` decide alike. Rule sets and calendars are compiled once, on first use."""

    models: Models
    roster: Roster | None = None
    signatures: Signatures = NOBODY

    @property
    def definition(self) -> Definition:
        return self.models.definition

    @property
    def scoring(self) -> Scoring:
        return self.models.scoring

    @property
    def nurture(self) -> Nurture:
        return self.models.nurture

    @property
    def disqualify(self) -> Disqualify:
        return self.models.disqualify

    @property
    def routing(self) -> Routing:
        return self.models.routing

    @property
    def sla(self) -> Sla:
        return self.models.sla

    @property
    def sources(self) -> Sources:
        return self.models.sources

    @property
    def targets(self) -> Targets:
        return self.models.targets

    @property
    def learned(self) -> Learned | None:
        """The learned score, if there is one and it counts: it has beaten the rules."""
        learned = self.models.learned
        return learned if learned is not None and learned.is_on else None

    @property
    def label(self) -> str:
        """What people call this version."""
        return self.definition.label

    @cached_property
    def hash(self) -> str:
        """SHA-256 of the parsed models; comments, order of keys, layout and written-out defaults do not count.

        So a Baton that knows one more setting gives a playbook the version it had, and signatures hold.
        """
        said = self.models.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        canonical = orjson.dumps(said, option=orjson.OPT_SORT_KEYS)
        return hashlib.sha256(canonical).hexdigest()

    @property
    def version(self) -> str:
        """`<label>-<first 12 of the hash>`: what every decision names."""
        return f"{self.label}-{self.hash[:12]}"

    def document(self) -> dict[str, Any]:
        """The models as plain data; `Playbook.from_document` gives an equal playbook back."""
        document = self.models.model_dump(mode="json", by_alias=True)
        if document["learned"] is None:  # a playbook without a learned score is what it was before there were any
            del document["learned"]
        return document

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Playbook:
        """A playbook kept beside a journal, for recomputing a decision. Raises pydantic's ValidationError."""
        return cls(TypeAdapter(Models).validate_json(orjson.dumps(document)))

    @cached_property
    def schema(self) -> Schema:
        """Types of the fields of `lead_view`."""
        return Schema.of(self.definition)

    @cached_property
    def decision_fields(self) -> Definition:
        """The definition with nothing but the fields that read the decision: known once it is made."""
        fields = tuple(field for field in self.definition.fields if field.source.startswith("decision."))
        return self.definition.model_copy(update={"fields": fields})

    @cached_property
    def criteria(self) -> RuleSet:
        """The definition's criteria by id."""
        return self._rules(self.definition.criteria)

    @cached_property
    def fit(self) -> RuleSet:
        """The fit rules by id."""
        return self._rules(self.scoring.fit)

    @cached_property
    def disqualifiers(self) -> RuleSet:
        """The disqualification rules by id."""
        return self._rules(self.disqualify.rules)

    @cached_property
    def tracks(self) -> RuleSet:
        """The nurture tracks that have `when`, by id."""
        return self._rules(self.nurture.tracks)

    @cached_property
    def residuals(self) -> RuleSet:
        """The routing rules that have `when`, by id. With many rules use `judge_one` on those the index leaves."""
        return self._rules(self.routing.rules)

    def failures(self) -> dict[tuple[str, ...], int]:
        """How often each condition could not be computed so far in this process, by list and rule."""
        known = ((name, self.__dict__.get(name)) for name in RULE_SETS)  # those not compiled yet have judged nothing
        return {
            (name, rule): count
            for name, rules in known
            if rules is not None
            for rule, count in list(rules.failures.items())
        }

    @cached_property
    def energy_formula(self) -> Formula:
        """Energy over the ids of `scoring.energy.parts`."""
        return Formula(self.scoring.energy.formula, [part.id for part in self.scoring.energy.parts])

    @cached_property
    def score_formula(self) -> Formula:
        """The score over `fit`, `interest`, `energy`, `points`, and `learned` in per cent."""
        return Formula(self.scoring.score, SCORE_NAMES)

    def calendar(self, calendar_id: str) -> Calendar:
        """The calendar with this id, also one of `calendar_for`. Raises KeyError."""
        built = self._built_calendars
        if calendar_id not in built:
            if len(built) >= MOST_CALENDARS:
                built.pop(next(iter(built)))
            built[calendar_id] = build_calendar(self.models.calendars, calendar_id)
        return built[calendar_id]

    def calendar_for(self, wanted: str, owner: str, team: str | None, person: Whereabouts) -> str:
        """The id of the calendar that a policy's `calendar` means for a lead of this owner and person."""
        return calendar_for(self.models.calendars, wanted, owner, team, person)

    @property
    def calendar_ids(self) -> tuple[str, ...]:
        """Ids of all calendars, as written."""
        return tuple(calendar.id for calendar in self.models.calendars.calendars)

    @cached_property
    def _built_calendars(self) -> dict[str, Calendar]:
        return {}

    def _rules(self, rules: tuple[Any, ...]) -> RuleSet:
        return RuleSet([Condition(rule.id, rule.when) for rule in rules if rule.when is not None], self.schema)
