"""signatures.yaml: who of marketing and of sales agreed to which version (U5). No part of the version."""

from __future__ import annotations

from typing import Annotated, Final, Literal, get_args

from pydantic import StringConstraints

from baton.playbook.moments import moment
from baton.playbook.terms import Label, Strict

Side = Literal["marketing", "sales"]
SIDES: Final[tuple[Side, ...]] = get_args(Side)


class Signature(Strict):
    """One side's word on one version. `signed_at` is ISO 8601; without a zone it is UTC."""

    version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}-[0-9a-f]{12}$")]
    side: Side
    name: Label
    signed_at: str


class Signatures(Strict):
    """All of them, of older versions too: those stay as they were given."""

    signatures: tuple[Signature, ...] = ()

    def of(self, version: str) -> dict[Side, Signature]:
        """By side who signed this version."""
        return {one.side: one for one in self.signatures if one.version == version}


NOBODY: Final = Signatures()


def faults_of(signatures: Signatures) -> list[tuple[int, str, str]]:
    """Index, key and reason of each signature that cannot stand: signed twice, both sides by one, no time."""
    faults: list[tuple[int, str, str]] = []
    for index, one in enumerate(signatures.signatures):
        earlier = [other for other in signatures.signatures[:index] if other.version == one.version]
        if moment(one.signed_at) is None:
            faults.append((index, "signed_at", "write a day or a time, such as 2026-11-02T09:00:00+01:00"))
        if any(other.side == one.side for other in earlier):
            faults.append((index, "side", f"{one.side} has signed {one.version} already"))
        elif any(same_name(other.name, one.name) for other in earlier):
            faults.append((index, "name", f"{one.name} cannot sign for both sides"))
    return faults


def same_name(one: str, other: str) -> bool:
    """Whether two names are one to people: case and blanks aside."""
    return " ".join(one.split()).casefold() == " ".join(other.split()).casefold()
