"""Forgetting a person on request: of a data-protection officer by HTTP, or of a platform that tells of an erasure.

What others may call is `Erasing.erase` (by lead id) and `Erasing.erase_known_by` (by an id at a system, or an e-mail
address). Both may be repeated. When they return, everything intake holds is wiped, and `lead.erased` is on disk.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection

from baton.contracts import ToldIn
from baton.intake import store, store_erasure, store_merges
from baton.intake.domain.keys import reference_key
from baton.intake.domain.person import Person
from baton.intake.domain.posts import LeadReference
from baton.intake.domain.traces import tells_of, tells_of_nobody_else, traces_of, written
from baton.runtime.bus.port import RETENTION
from baton.runtime.engine import Engine
from baton.runtime.failures import Refused
from baton.runtime.handler import Command
from baton.runtime.ids import event_id

PAGE: Final = 50
"""Quarantined elements looked at in one go: their bodies may be megabytes each."""


@dataclass(frozen=True, slots=True)
class Erasure:
    """What a command carries that erases a person."""

    requested_at: datetime
    gone_by: datetime
    told_in: tuple[ToldIn, ...] = ()


@dataclass(frozen=True, slots=True)
class Erased:
    """What has been done, and by when the last of it is gone."""

    lead_id: str
    erased_at: datetime
    gone_by: datetime
    sealed: int = 0
    """Bodies that hold something of others as well, which waits in quarantine."""
    told_in: tuple[str, ...] = ()
    """Leads that were one with this one for a time: what was said of them then told of both, and is wiped."""

    def shown(self) -> dict[str, Any]:
        """As who asked sees it."""
        return {
            "lead_id": self.lead_id,
            "status": "erased",
            "erased_at": self.erased_at,
            "gone_by": self.gone_by,
            "sealed_bodies": self.sealed,
            "told_in": list(self.told_in),
            "detail": "Intake holds nothing of the person any more. The other services wipe what they hold when they "
            "hear of it, within seconds, and acknowledge it on their ledgers; `baton audit` checks it. On the topics "
            "records published before stand until `gone_by`. A sealed body is shown to nobody, and wiped once what it "
            "holds of others is settled, or given up after BATON_QUARANTINE_RETENTION_DAYS. The leads in `told_in` had "
            "absorbed this one and were taken apart from it again: they live on, and what was said of them while they "
            "were one is wiped, too.",
        }


class Erasing:
    """Erases people, one at a time."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def erase(self, lead_id: str, requested_at: datetime | None = None) -> Erased | None:
        """Forget this lead, now and for good; None if there never was one by this id. Raises NotNow.

        A person who posts again later is somebody new. Whoever was merged with the lead is forgotten with it.
        """
        erased: Erased | None = None
        gone: set[str] = set()
        # Whoever is merged meanwhile goes as well: only with one who is erased nobody can be merged any more.
        while more := [other for other in await self._one_person(lead_id) if other not in gone]:
            for other in sorted(more, key=lambda one: one == lead_id):
                erased = await self._erase_one(other, requested_at)
                gone.add(other)
        return await self._erase_one(lead_id, requested_at) if len(gone) > 1 else erased

    async def _one_person(self, lead_id: str) -> list[str]:
        return await self._engine.read(lambda tx: store_merges.one_person(tx, lead_id))

    async def _erase_one(self, lead_id: str, requested_at: datetime | None) -> Erased | None:
        found = await self._engine.read(lambda tx: _find(tx, lead_id))
        if found is None:
            return None
        person, keys = found
        if person.erased_at is None:
            await self._sweep(traces_of(person, keys))
            now = self._engine.now()
            told_in = await self._engine.read(lambda tx: store_merges.told_in(tx, lead_id))
            body = Erasure(requested_at or now, now + RETENTION, tuple(told_in))
            with suppress(Refused):  # somebody else has just done it
                await self._engine.command(Command(event_id("erase", lead_id), lead_id, "erase", body))
            found = await self._engine.read(lambda tx: _find(tx, lead_id))
            assert found is not None
            person = found[0]
        assert person.erased_at is not None
        sealed = await self._engine.read(lambda tx: store_erasure.sealed_bodies(tx, lead_id))
        told_in = await self._engine.read(lambda tx: store_merges.told_in(tx, lead_id))
        parted = tuple(one.lead_id for one in told_in)
        return Erased(lead_id, person.erased_at, person.erased_at + RETENTION, sealed, parted)

    async def erase_known_by(self, reference: LeadReference, requested_at: datetime | None = None) -> Erased | None:
        """Forget who is known by this id at a system, or by this address; None if nobody is. Raises NotNow.

        What waits in quarantine for somebody with that id or address is forgotten in either case.
        """
        if reference.lead_id is not None:
            return await self.erase(reference.lead_id, requested_at)
        key = reference_key(reference)
        if key is None:
            return None
        lead_id = await self._engine.read(lambda tx: store.lead_of(tx, key))
        if lead_id is not None:
            return await self.erase(lead_id, requested_at)
        await self._sweep(traces_of(Person(""), [key]))
        now = self._engine.now()
        await self._engine.store.write(lambda tx: store_erasure.forget_unknown(tx, key, now))
        return None

    async def _sweep(self, traces: frozenset[bytes]) -> None:
        """Take out of quarantine whatever tells of the person. Before the person is forgotten: afterwards nobody knows
        what to look for, and who asked would not be told that it failed."""
        after = ""
        while traces and (rows := await self._engine.read(lambda tx: self._page(tx, after))):  # noqa: B023
            after = rows[-1].id
            if gone := [row for row in rows if _is_of(row, traces)]:
                await self._engine.store.write(lambda tx: self._drop(tx, gone))

    @staticmethod
    def _page(tx: Connection, after: str) -> Sequence[Any]:
        return store_erasure.quarantined_with_bodies(tx, after, PAGE)

    def _drop(self, tx: Connection, rows: Sequence[Any]) -> None:
        bodies = [row.raw_id for row in rows]
        store_erasure.drop_quarantined(tx, [row.id for row in rows], bodies, self._engine.now())


def _is_of(row: Any, traces: frozenset[bytes]) -> bool:
    """True if the element is the person's: it says so itself, or its body names the person and nobody else."""
    if row.form is not None:
        return tells_of(traces, written(row.form))
    body = b"" if row.body is None else bytes(row.body)
    return tells_of(traces, body) and tells_of_nobody_else(traces, body)


def _find(tx: Connection, lead_id: str) -> tuple[Person, list[str]] | None:
    person = store.load_people(tx, [lead_id])[lead_id]
    return None if person.created_at is None else (person, store.keys_of(tx, lead_id))
