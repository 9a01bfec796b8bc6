"""Errands: something a notice only names, to be fetched at the platform that keeps it. Pure.

A notice waits in quarantine until its errand is done; the errand is a job, set in the transaction that stores the
notice. Notices of the same thing share one errand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from baton.intake.domain.keys import digest

_PREFIX: Final = "fetch:"
_ERASE: Final = "erase:"


@dataclass(frozen=True, slots=True)
class Errand:
    """What is to be fetched: of which source, which of its things, by which id."""

    source: str
    thing: str
    id: str

    @property
    def subject(self) -> str:
        """What its job is about, and what its notices await. A digest: ids of people stay out of keys."""
        return _PREFIX + digest(self.source, self.thing, self.id)

    def chance(self, tries: int) -> float:
        """A number from 0 to 1, another for each errand and try, so that those who wait do not come back at once."""
        return int(digest(self.subject, str(tries))[:8], 16) / 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Farewell:
    """Somebody a platform wants forgotten, by what the platform knows of the person."""

    lead: Mapping[str, str]

    @property
    def subject(self) -> str:
        """What its job is about. A digest, as of every errand."""
        return _ERASE + digest(*(f"{name}={word}" for name, word in sorted(self.lead.items())))


@dataclass(frozen=True, slots=True)
class Waiting:
    """The state of an errand: nothing is kept but what the notices that await it are to be told."""

    subject: str
    cause: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The platform gave it, and it was taken in."""


@dataclass(frozen=True, slots=True)
class Later:
    """It could not be had now: `seconds` from now it is tried again."""

    why: str
    seconds: float
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Refused:
    """The platform will not give it: somebody has to do something."""

    why: str


def is_errand(subject: str) -> bool:
    """Whether this is the subject of an errand and not a lead."""
    return subject.startswith((_PREFIX, _ERASE))
