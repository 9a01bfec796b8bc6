"""Who works here: the reps as one frozen value with a hash, and who of them makes up a pool."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

import orjson

from baton.contracts import Owner, Rep
from baton.playbook import Pool, Select, match_key


@dataclass(frozen=True, slots=True)
class Member:
    """A rep in a pool, with the weight he has there."""

    rep: Rep
    weight: float


@dataclass(frozen=True)
class Roster:
    """All reps by id. `version` grows with every change; two rosters with the same `hash` decide alike."""

    version: int
    reps: Mapping[str, Rep]

    @classmethod
    def of(cls, version: int, reps: Iterable[Rep]) -> Roster:
        """The roster of these reps, in the order of their ids however they are listed."""
        return cls(version, {rep.id: rep for rep in sorted(reps, key=lambda rep: rep.id)})

    @classmethod
    def from_document(cls, document: list[dict[str, Any]]) -> Roster:
        """A roster kept beside a journal, for recomputing a decision."""
        return cls.of(0, (Rep.model_validate(rep) for rep in document))

    def changed(self, rep: Rep) -> Roster:
        """The roster with this rep as he is now."""
        return Roster.of(self.version + 1, {**self.reps, rep.id: rep}.values())

    def document(self) -> list[dict[str, Any]]:
        """The reps as plain data, by id."""
        return [rep.model_dump(mode="json") for rep in self.reps.values()]

    @cached_property
    def hash(self) -> str:
        """SHA-256 of all reps."""
        return hashlib.sha256(orjson.dumps(self.document(), option=orjson.OPT_SORT_KEYS)).hexdigest()

    def members(self, pool: Pool) -> tuple[Member, ...]:
        """Who is in the pool, by id: those it names and the active ones it selects. A name nobody bears is left out."""
        kept = self._members.get(id(pool))
        if kept is None:
            kept = self._members[id(pool)] = (pool, self._resolve(pool))
        return kept[1]

    def owner(self, rep_id: str) -> Owner:
        """Return the rep as a lead's owner, as a CRM needs to know him. Raises KeyError."""
        if rep_id not in self._owners:
            rep = self.reps[rep_id]
            self._owners[rep_id] = Owner(**{name: getattr(rep, name) for name in Owner.model_fields})
        return self._owners[rep_id]

    def known_as(self, name: str) -> str | None:
        """The id of the rep who is called so: by id, e-mail, or an id in a CRM, case aside. None if nobody is."""
        return self._names.get(match_key(name))

    @cached_property
    def _names(self) -> dict[str, str]:
        names: dict[str, str] = {}
        for rep in self.reps.values():
            for name in (*rep.external_ids.values(), *([rep.email] if rep.email else ())):
                names.setdefault(match_key(name), rep.id)
        return names | {match_key(rep_id): rep_id for rep_id in self.reps}

    @cached_property
    def _owners(self) -> dict[str, Owner]:
        return {}

    @cached_property
    def _members(self) -> dict[int, tuple[Pool, tuple[Member, ...]]]:
        # By identity, with the pool held so that its id stays its own: hashing a pool of a thousand costs too much.
        return {}

    def _resolve(self, pool: Pool) -> tuple[Member, ...]:
        weights: dict[str, float] = {}
        if pool.select is not None:
            weights = {rep.id: rep.weight for rep in self.reps.values() if rep.active and selects(pool.select, rep)}
        for named in pool.members:
            if rep := self.reps.get(named.rep):
                weights[rep.id] = named.weight if named.weight is not None else rep.weight
        return tuple(Member(self.reps[rep_id], weights[rep_id]) for rep_id in sorted(weights))


def selects(select: Select, rep: Rep) -> bool:
    """True if the rep has one of the teams, all of the skills and one of the languages that are asked for."""
    return (
        (not select.teams or rep.team in select.teams)
        and set(select.skills) <= set(rep.skills)
        and (not select.languages or bool(set(select.languages) & set(rep.languages)))
    )


def absence_handed_over(rep: Rep, now: datetime) -> bool:
    """True while he is off, and his leads are to go to others meanwhile."""
    return any(off.hand_over and off.starts_at <= now < off.ends_at for off in rep.time_off)


def next_hand_over(rep: Rep, now: datetime) -> datetime | None:
    """When the next absence begins for which his leads are to go to others."""
    return min((off.starts_at for off in rep.time_off if off.hand_over and off.starts_at > now), default=None)


def away_until(rep: Rep, now: datetime) -> datetime | None:
    """When the rep is back from the time off he is on, following one that adjoins; None if he is not off."""
    until = None
    for off in sorted(rep.time_off, key=lambda off: off.starts_at):
        if off.starts_at <= (until or now) < off.ends_at:
            until = off.ends_at
    return until
