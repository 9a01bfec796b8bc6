"""definition.yaml: what we call a lead (U1), in fields, criteria and what sales must know (U8)."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from baton.playbook.terms import Cel, FieldName, Id, Label, Span, Strict

LeadPath = Annotated[str, StringConstraints(min_length=1, max_length=200)]
"""Where a value stands in a lead, such as `contact.country` or `activity.count` (`baton.playbook.leadpath`)."""

FieldType = Literal["string", "int", "double", "bool", "timestamp", "list"]


class ActivityMatch(Strict):
    """Which activities count. `kind` and `what` are compared without case; `*` at the end means "begins with"."""

    kind: Label | None = None
    what: Label | None = None
    within: Span | None = Field(default=None, description="Only activities this recent at the moment of judging.")


class LeadField(Strict):
    """One named value of a lead that conditions may use as `lead.<name>`."""

    name: FieldName
    type: FieldType
    source: LeadPath = Field(alias="from")
    label: Label | None = None
    activity: ActivityMatch | None = Field(default=None, description="Narrows `from: activity.…`.")
    unknown: tuple[str, ...] = Field(default=(), description="Values that mean nobody knows, such as Select or n/a.")
    values: dict[str, str | int | float | bool] = Field(
        default_factory=dict, description="Word by word translation, before the type is applied; compared without case."
    )

    @cached_property
    def unknown_words(self) -> frozenset[str]:
        """`unknown` as it is compared."""
        return frozenset(word.strip().casefold() for word in self.unknown)

    @cached_property
    def translations(self) -> dict[str, str | int | float | bool]:
        """`values` as they are looked up."""
        return {word.strip().casefold(): value for word, value in self.values.items()}


class Criterion(Strict):
    """One line of the definition. A required one gates, one with points ranks; it may do both."""

    id: Id
    label: Label
    when: Cel
    required: bool = False
    points: int = Field(default=0, ge=0, le=1000)

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if not self.required and not self.points:
            raise ValueError("a criterion either is required or has points")
        return self


class MustKnow(Strict):
    """Something sales needs in order to act; shown filled or missing on every hand-off (U8)."""

    id: Id
    label: Label
    path: LeadPath


class FreeMail(Strict):
    """Corrections to the built-in list of free e-mail domains."""

    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def says(self, domain: str) -> bool | None:
        """Whether the house calls this domain free mail; None when it says nothing."""
        if domain in map(str.casefold, self.add):
            return True
        return False if domain in map(str.casefold, self.remove) else None


class AccountPaths(Strict):
    """Where the people of a company say what matters of the company as a whole (Q8)."""

    role: LeadPath = Field(default="contact.job_title", description="What the person does there.")
    authority: LeadPath = Field(
        default="touches.last_authority", description="Whether he may decide: unknown, claimed or confirmed (F5)."
    )
    problem: LeadPath = Field(default="answers.problem", description="Which goal is not going well, in his words (Q2).")


class Definition(Strict):
    """The lead definition. `label` names this version for people; the hash names it for machines."""

    label: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]
    title: Label
    fields: tuple[LeadField, ...] = Field(min_length=1, max_length=500)
    criteria: tuple[Criterion, ...] = Field(min_length=1, max_length=200)
    min_points: int = Field(default=0, ge=0, description="Points the weighed criteria must reach together.")
    must_know: tuple[MustKnow, ...] = ()
    campaign: LeadPath | None = Field(default=None, description="Where a lead says which campaign brought it (U1).")
    account: AccountPaths = AccountPaths()
    free_mail: FreeMail = FreeMail()
