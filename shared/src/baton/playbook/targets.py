"""targets.yaml: the few measures both sides steer by (H10), who may embed the rep's list, and who is told of leads."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, StringConstraints, model_validator

from baton.playbook.endpoints import Endpoint, Notice
from baton.playbook.terms import Id, Label, Strict

Origin = Annotated[str, StringConstraints(pattern=r"^https?://(\*\.)?[A-Za-z0-9.-]+(:[0-9]{1,5})?$", max_length=300)]
"""Scheme and host of a site, as browsers compare them."""


class Target(Strict):
    """A measure with the value it should reach or stay below. Rates are shares (0.6), times are seconds."""

    measure: Id
    label: Label
    at_least: float | None = Field(default=None, allow_inf_nan=False)
    at_most: float | None = Field(default=None, allow_inf_nan=False)

    @model_validator(mode="after")
    def _one_bound(self) -> Self:
        if (self.at_least is None) == (self.at_most is None):
            raise ValueError("a target has either at_least or at_most")
        return self


class Targets(Strict):
    """`frame_ancestors` are the CRM origins that may embed a rep's list.

    `endpoints` are the systems, `notices` the people that are told of leads.
    """

    targets: tuple[Target, ...] = ()
    frame_ancestors: tuple[Origin, ...] = ()
    endpoints: tuple[Endpoint, ...] = ()
    notices: tuple[Notice, ...] = ()
