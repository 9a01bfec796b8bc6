"""routing.yaml: who gets which lead (H2)."""

from __future__ import annotations

import re
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from baton.playbook.terms import Cel, FieldName, Id, Label, Strict

MatchValue = Annotated[str, StringConstraints(min_length=1, max_length=200)]
POSTAL_FIELD = "postal_code"
_RANGE = re.compile(r"^\s*(\d{2,10})\s*-\s*(\d{2,10})\s*$")


class Member(Strict):
    """A rep in a pool. `weight` overrides the rep's own weight: twice the weight, twice the leads."""

    rep: Id
    weight: float | None = Field(default=None, gt=0, le=1000, allow_inf_nan=False)


class Select(Strict):
    """Everybody active in the roster who has one of the teams, all of the skills and one of the languages."""

    teams: tuple[Id, ...] = ()
    skills: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _selects(self) -> Self:
        if not (self.teams or self.skills or self.languages):
            raise ValueError("select at least by teams, skills or languages")
        return self


class Pool(Strict):
    """People who share work fairly: named members, those selected from the roster, or both."""

    id: Id
    label: Label
    members: tuple[Member, ...] = ()
    select: Select | None = None
    rotation: Literal["fair_credit", "pull"] = Field(
        default="fair_credit", description="`pull`: leads wait in a queue, and whoever is free takes the next best."
    )
    fallback: Id | None = Field(default=None, description="The pool that is asked when nobody here can have the lead.")

    @model_validator(mode="after")
    def _has_somebody(self) -> Self:
        if not self.members and self.select is None:
            raise ValueError("a pool needs members or select")
        return self


class Caps(Strict):
    """Per rep, unless the roster's capacity says otherwise. None: no cap."""

    open_leads: int | None = Field(default=None, ge=1)
    per_day: int | None = Field(default=None, ge=1, description="New hand-offs in the rep's own day.")
    per_week: int | None = Field(default=None, ge=1, description="The same in his own week, from Monday.")
    per_month: int | None = Field(default=None, ge=1, description="The same in his own month.")


RepTrait = Literal["languages", "skills", "team"]
"""What a rep is asked for by a rule, taken from the lead."""

PREVIOUS_OWNER, ACCOUNT_OWNER, OF_THE_LEAD = "previous_owner", "account_owner", "lead."
Preferred = Annotated[
    str, StringConstraints(pattern=rf"^({PREVIOUS_OWNER}|{ACCOUNT_OWNER}|lead\.[a-z][a-z0-9_]*)$", max_length=70)
]
"""Who is to have a lead before anybody else: a word of ours, or a field that names a rep."""


class RoutingRule(Strict):
    """The first rule that matches decides. An empty `match` without `when` is the catch-all.

    `match` maps a field of the definition to the values that fit; all named fields must fit, any one of a field's
    values
    suffices, case does not matter. `postal_code` also takes ranges (`80000-89999`) and beginnings (`EC*`).
    """

    id: Id
    label: Label
    match: dict[FieldName, tuple[MatchValue, ...]] = Field(default_factory=dict)
    when: Cel | None = None
    pool: Id
    policy: Id
    hours: Literal["decide_clock", "must_be_on_shift"] = "decide_clock"
    consent: Label | None = Field(
        default=None, description="The purpose the person must have agreed to, or `any`; else the lead is held."
    )
    prefer: tuple[Preferred, ...] = Field(
        default=(),
        description="Who gets it before the pool is asked: whoever had this lead before, whoever has the leads of its "
        "company, or the rep a field of the lead names by id, e-mail or CRM id. The first who can have it, does.",
    )
    must_have: dict[RepTrait, FieldName] = Field(
        default_factory=dict, description="Only reps with what the lead's field says: `{languages: language}`."
    )
    best_fit: dict[RepTrait, FieldName] = Field(
        default_factory=dict, description="Of those who can have it, the ones with most of this are in the running."
    )
    qualifies: bool = Field(
        default=False, description="The pool finds out by phone what is unknown and hands on, by the other rules."
    )

    @property
    def catches_all(self) -> bool:
        """Whether every lead matches."""
        return not self.match and self.when is None

    @property
    def asks_for(self) -> int:
        """How many things about a lead must be so."""
        return len(self.match) + (self.when is not None)


class Routing(Strict):
    """Rules in order. `max_reassigns` bounds how often a breach moves a lead before a manager holds it."""

    choose: Literal["first", "most_specific"] = Field(
        default="first", description="Which of the rules that fit decides: the first, or the one that asks for most."
    )
    pools: tuple[Pool, ...] = Field(min_length=1)
    rules: tuple[RoutingRule, ...] = Field(min_length=1, max_length=20_000)
    caps: Caps = Caps()
    max_reassigns: int = Field(default=2, ge=0, le=10)

    def pool(self, pool_id: str) -> Pool:
        """The pool with this id. Raises KeyError."""
        return {pool.id: pool for pool in self.pools}[pool_id]

    def in_order(self) -> tuple[RoutingRule, ...]:
        """The rules as they are asked: as written, or those first that name more fields."""
        if self.choose == "first":
            return self.rules
        return tuple(sorted(self.rules, key=lambda rule: -rule.asks_for))


def match_key(value: object) -> str:
    """The form in which a rule's values and a lead's values are compared and indexed."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return " ".join(str(value).split()).casefold()


def postal_covers(pattern: str, code: str) -> bool:
    """Whether a postal pattern (`80331`, `80000-89999`, `EC*`) covers a code, blanks and case aside.

    A range covers codes of the same number of digits only, so `1000-1999` never takes `10115`.
    """
    tight = code.replace(" ", "").casefold()
    if found := _RANGE.match(pattern):
        low, high = found.groups()
        return tight.isdigit() and len(tight) == len(low) and int(low) <= int(tight) <= int(high)
    wanted = pattern.replace(" ", "").casefold()
    return tight.startswith(wanted[:-1]) if wanted.endswith("*") else tight == wanted
