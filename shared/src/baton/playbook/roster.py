"""roster.yaml: the reps routing starts with. Afterwards the roster is data with an API, not playbook."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from baton.playbook.terms import Id, Label, Strict


class RepSeed(Strict):
    """One salesperson. `calendar` is a calendar id of the playbook; `external_ids` maps a CRM to its user id."""

    id: Id
    name: Label
    email: Annotated[str, StringConstraints(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
    team: Id
    zone: str
    calendar: Id
    languages: tuple[str, ...] = ()
    skills: tuple[str, ...] = ()
    weight: float = Field(default=1.0, gt=0, le=1000, allow_inf_nan=False)
    capacity: int | None = Field(
        default=None, ge=0, description="Most leads open at once; wins over the playbook's cap."
    )
    external_ids: dict[str, str] = Field(default_factory=dict)
    active: bool = True


class Roster(Strict):
    """The seed of the roster."""

    reps: tuple[RepSeed, ...] = Field(min_length=1, max_length=20_000)
