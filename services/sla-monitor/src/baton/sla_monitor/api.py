"""HTTP of the SLA monitor: obligations, one lead's clocks and the policies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Path, Query

from baton.playbook import Playbook
from baton.runtime.http import Problem, next_cursor, read_cursor, requires
from baton.sla_monitor import store
from baton.sla_monitor.advice import OTHERS, advice
from baton.sla_monitor.domain.obligation import State
from baton.sla_monitor.views import shown

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_PLACE = (int, str, int, int, str)
_BIG = 2**31
Named = Annotated[str | None, Query(max_length=200, pattern=r"^[^\x00]*$")]


def router(engine: Engine, tables: store.Tables, playbook: Callable[[], Playbook]) -> APIRouter:
    """Return the routes; reading needs the scope `leads:read`."""
    routes = APIRouter(prefix="/sla-monitor", dependencies=[Depends(requires("leads:read"))])

    @routes.get("/v1/obligations", tags=["obligations"])
    async def list_obligations(
        state: State | None = None,
        team: Named = None,
        owner: Named = None,
        policy: Named = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        cursor: str | None = None,
    ) -> dict[str, Any]:
        """Promises, soonest deadline first. States exclude each other: `at_risk` is open with the warning given."""
        wanted = store.Wanted(state, team, owner, policy, after=_place(cursor) if cursor else None)
        rows, names = await engine.read(lambda tx: _listed(tx, tables, wanted, limit + 1))
        now, shown_rows = engine.clock.now(), rows[:limit]
        return {
            "obligations": [shown(row, names, playbook(), now) for row in shown_rows],
            "next": _cursor(shown_rows[-1]) if len(rows) > limit else None,
        }

    @routes.get("/v1/leads/{lead_id}", tags=["obligations"])
    async def show_lead(lead_id: Annotated[str, Path(max_length=200, pattern=r"^[^\x00]*$")]) -> dict[str, Any]:
        """Every promise ever made about a lead, oldest first, the touches they are judged by, and whose turn it is."""
        found = await engine.read(lambda tx: _of_lead(tx, tables, lead_id))
        if found is None:
            raise Problem(404, "Unknown lead", "No fact about this lead has come here yet.")
        evidence, rows, names, others = found
        now = engine.clock.now()
        clocks = [store.obligation_of(row) for row in rows]
        return {
            "lead_id": lead_id,
            "obligations": [shown(row, names, playbook(), now) for row in rows],
            "touches": evidence.touches,
            "engaged_at": evidence.engaged_at,
            "follow_up": advice(evidence, clocks, others, playbook(), now),
        }

    @routes.get("/v1/policies", tags=["policies"])
    async def list_policies() -> dict[str, Any]:
        """The service levels of the playbook in force; lengths of time as they are written there."""
        book = playbook()
        return {
            "playbook": book.version,
            "policies": [policy.model_dump(mode="json", exclude_none=True) for policy in book.sla.policies],
        }

    return routes


def _listed(tx: Any, tables: store.Tables, wanted: store.Wanted, limit: int) -> tuple[list[Any], dict[str, str]]:
    rows = store.obligations(tx, tables, wanted, limit)
    return rows, store.names_of(tx, tables, {row.owner for row in rows})


def _of_lead(tx: Any, tables: store.Tables, lead_id: str) -> tuple[Any, list[Any], dict[str, str], list[str]] | None:
    found = store.of_lead(tx, tables, lead_id)
    if found is None:
        return None
    evidence, rows = found
    others = store.others_of(tx, tables, evidence.account, lead_id, OTHERS) if evidence.account else []
    return evidence, rows, store.names_of(tx, tables, {row.owner for row in rows}), others


def _cursor(row: Any) -> str:
    micros = (row.due_at - _EPOCH) // _MICROSECOND
    return next_cursor(micros, row.lead_id, row.round, row.attempt, row.promise)


def _place(cursor: str) -> tuple[datetime, str, int, int, str]:
    micros, lead_id, round_, attempt, promise = read_cursor(cursor, _PLACE)
    try:
        due = _EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        due = None
    if due is None or "\x00" in lead_id + promise or not (0 <= round_ < _BIG and 0 <= attempt < _BIG):
        raise Problem(400, "Unknown cursor", "Use the `next` of an earlier answer, unchanged.")
    return due, lead_id, round_, attempt, promise
