"""Whether both sides have signed what is in force (U5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from baton.playbook import SIDES, Side, Signatures
from baton.playbook.moments import moment
from baton.playbook.signing import same_name


@dataclass(frozen=True, slots=True)
class Signed:
    """One side's word on a version. `noted_by` says through what it came: a token's name, or the playbook's file."""

    version: str
    side: Side
    name: str
    signed_at: datetime
    noted_by: str


@dataclass(frozen=True, slots=True)
class Agreement:
    """Who has signed a version."""

    version: str
    by: Mapping[Side, Signed]

    @property
    def missing(self) -> tuple[Side, ...]:
        """The sides that have not signed."""
        return tuple(side for side in SIDES if side not in self.by)

    @property
    def is_complete(self) -> bool:
        """True once both sides have signed."""
        return not self.missing

    @property
    def says(self) -> str:
        """The agreement in a sentence."""
        if not self.by:
            return "Nobody has signed this version: it is in force without the word of either side."
        given = " and ".join(f"{self.by[side].name} for {side}" for side in SIDES if side in self.by)
        if self.is_complete:
            return f"Signed by {given}."
        return f"Signed by {given}; {self.missing[0]} has not signed what is in force."


def all_signed(in_file: Signatures, kept: Iterable[Signed]) -> list[Signed]:
    """Signatures of signatures.yaml and those given here, oldest first; of two for a side the file's stands."""
    found = {(one.version, one.side): one for one in kept}
    for one in in_file.signatures:
        at = moment(one.signed_at)
        if at is not None:
            found[(one.version, one.side)] = Signed(one.version, one.side, one.name, at, "signatures.yaml")
    return sorted(found.values(), key=lambda one: (one.signed_at, one.version, one.side))


def agreement_on(version: str, signed: Iterable[Signed]) -> Agreement:
    """Who has signed this version."""
    return Agreement(version, {one.side: one for one in signed if one.version == version})


def objection(agreement: Agreement, side: Side, name: str) -> str | None:
    """Why this name cannot sign for this side, or None. To sign again what one has signed is no fault."""
    mine = agreement.by.get(side)
    if mine is not None:
        return None if same_name(mine.name, name) else f"{mine.name} has signed for {side} already."
    if any(same_name(other.name, name) for other in agreement.by.values()):
        return f"{name} has signed for the other side: somebody else signs for {side}."
    return None
