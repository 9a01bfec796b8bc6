"""What a held lead waits for: whoever is to have it, and what he must have. Pure.

Leads of a pool that ask for the same are alike: room that one of them cannot use is of no use to the others either, but
for those who had it before. So it is enough to wake a few of each kind, the longest waiting, however many wait.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import orjson

from baton.contracts import Rep
from baton.routing.domain.rotation import Wants, traits_of

EVERY_POOL = "*"
"""Stirred when any held lead may have become free, whatever its pool."""

ANYBODY = ""
"""The kind of a lead that any member of its pool may have."""


class Stir(NamedTuple):
    """A pool, and a rep there who may have found room, or come back, or become another."""

    pool: str
    rep: str


def company(account_id: str) -> str:
    """Whoever has the leads of this company, as if he were a rep: leads of it may be his as soon as that changes."""
    return f"@{account_id}"


def kind_of(must_have: Wants, *, on_shift: bool) -> str:
    """What a lead asks of whoever gets it, as one text: equal for leads that ask for the same."""
    asked: dict[str, object] = {trait: sorted(wanted) for trait, wanted in must_have.items()}
    if on_shift:
        asked["on_shift"] = True
    return orjson.dumps(asked, option=orjson.OPT_SORT_KEYS).decode() if asked else ANYBODY


def fitting(kind: str, reps: Iterable[Rep]) -> frozenset[str]:
    """Who of these reps has what leads of this kind ask for. Whether he has the time is not looked at."""
    asked = orjson.loads(kind) if kind else {}
    asked.pop("on_shift", None)
    return frozenset(rep.id for rep in reps if all(traits_of(rep, one).intersection(asked[one]) for one in asked))


def listed(reps: Iterable[str]) -> str | None:
    """These reps as one text in which each can be found; None for nobody. No rep's id has a bar in it."""
    names = "|".join(sorted(reps))
    return f"|{names}|" if names else None


def unlisted(text: str | None) -> frozenset[str]:
    """The reps of such a text."""
    return frozenset(text.strip("|").split("|")) if text else frozenset()
