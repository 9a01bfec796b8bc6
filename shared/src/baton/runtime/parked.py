"""What is parked, for people: list, show, replay, discard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, func, select

from baton.runtime.batch import replay_parked
from baton.runtime.failures import BrokenInvariant, NotNow, OutOfTurn, Poison, Refused
from baton.runtime.fold import Fold, Tally
from baton.runtime.handler import Refusal
from baton.runtime.observe import log
from baton.runtime.store.port import Store
from baton.runtime.store.rows import upsert
from baton.runtime.store.tables import RuntimeTables

_DISCARDED = "discarded:"
"""Keys of `meta`: what was discarded under an id, and why. Without the data, which the publisher's journal has."""
_BRIEF = ("id", "subject", "topic", "record_offset", "type", "source", "sequence", "reason", "error", "parked_at")


class Parked:
    """The facts that wait because one of their lead's could not be handled."""

    def __init__(
        self,
        store: Store,
        tables: RuntimeTables,
        fold: Callable[[Connection], Fold],
        committed: Callable[[Tally], None],
    ) -> None:
        self._store = store
        self._table = tables.parked
        self._meta = tables.meta
        self._fold = fold
        self._committed = committed

    async def list(self, *, after: int = 0, limit: int = 100) -> list[dict[str, Any]]:
        """Return up to `limit` parked facts with an id above `after`, oldest first, without their data."""
        columns = [self._table.c[name] for name in _BRIEF]
        query = select(*columns).where(self._table.c.id > after).order_by(self._table.c.id).limit(limit)
        return await self._store.read(lambda tx: [dict(row) for row in tx.execute(query).mappings()])

    async def show(self, parked_id: int) -> dict[str, Any] | None:
        """Return one parked fact whole, or what was discarded under this id and why, or None."""
        row = await self._find(parked_id)
        if row is None:
            key = f"{_DISCARDED}{parked_id}"
            query = select(self._meta.c.value).where(self._meta.c.key == key)
            why = await self._store.read(lambda tx: tx.execute(query).scalar())
            return None if why is None else {"id": parked_id, "discarded": why}
        return {**row, "value": bytes(row["value"]).decode(errors="replace")}

    async def _find(self, parked_id: int) -> dict[str, Any] | None:
        query = select(self._table).where(self._table.c.id == parked_id)
        row = await self._store.read(lambda tx: tx.execute(query).mappings().first())
        return None if row is None else dict(row)

    async def replay(self, parked_id: int, who: str) -> dict[str, Any] | None:
        """Handle it again, then what waits behind it; None if there is none. Raises Refused if it still fails."""
        return await self._again(parked_id, who, discard=False)

    async def discard(self, parked_id: int, who: str, reason: str) -> dict[str, Any] | None:
        """Count it as handled for good, then handle what waits behind it; None if there is none."""
        done = await self._again(parked_id, who, discard=True, reason=reason)
        if done is not None:
            log.warning("parked_discarded", id=parked_id, subject=done["subject"], by=who, reason=reason)
        return done

    async def _again(
        self, parked_id: int, who: str, *, discard: bool, reason: str | None = None
    ) -> dict[str, Any] | None:
        row = await self._find(parked_id)
        if row is None:
            return None

        def work(tx: Connection) -> tuple[Tally, int]:
            fold = self._fold(tx)
            replay_parked(fold, row["subject"], parked_id, discard=discard)
            if discard:
                self._remember(tx, row, {"by": who, "why": reason, "at": fold.now.isoformat()})
            tally = fold.flush()
            left = select(func.count()).select_from(self._table).where(self._table.c.subject == row["subject"])
            return tally, int(tx.execute(left).scalar_one())

        try:
            tally, left = await self._store.write(work)
        except LookupError:
            return None
        except OutOfTurn as problem:
            raise Refused(Refusal(409, "Not its turn", str(problem))) from problem
        except (NotNow, BrokenInvariant):
            raise
        except Exception as problem:  # the handler's failure, or what it says cannot be stored: as before, it is poison
            cause = problem.cause if isinstance(problem, Poison) else problem
            detail = f"Handling it still raises {type(cause).__name__}; see the log."
            log.error("replay_failed", id=parked_id, by=who, error=type(cause).__name__)
            raise Refused(Refusal(409, "Still poison", detail)) from problem
        self._committed(tally)
        return {
            "id": parked_id,
            "subject": row["subject"],
            "done": "discarded" if discard else "replayed",
            "left": left,
        }

    def _remember(self, tx: Connection, row: dict[str, Any], told: dict[str, Any]) -> None:
        """Keep why it was discarded. SQLite may give the id to another fact later: the latest stands last."""
        key = f"{_DISCARDED}{row['id']}"
        before = tx.execute(select(self._meta.c.value).where(self._meta.c.key == key)).scalar() or []
        what = {name: row[name] for name in _BRIEF} | {"parked_at": row["parked_at"].isoformat()}
        upsert(tx, self._meta, [{"key": key, "value": [*before, {**what, **told}]}])
