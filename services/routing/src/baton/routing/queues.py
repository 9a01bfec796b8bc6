"""Queues that people pull from: the next best lead for whoever is free, each to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from baton.routing import store
from baton.routing.asking import tell
from baton.runtime.failures import Refused
from baton.runtime.http import Principal, Problem

if TYPE_CHECKING:
    from baton.routing.service import Routing
    from baton.runtime.engine import Engine

LOOKED_AT = 20
"""Leads read at once: so many others may be quicker before one has to look again."""

_ANY: TypeAdapter[Any] = TypeAdapter(Any)


async def next_of_queue(engine: Engine, routing: Routing, pool_id: str, rep_id: str, who: Principal) -> dict[str, Any]:
    """Give the best waiting lead to the rep; return its receipt, `lead_id` null if nothing waits that he can have.

    Which lead is looked up without a lock; whether he gets it is decided with it. So of many who ask at once each gets
    another one. Raises Problem for what is no queue, and what the decision refuses but that somebody was quicker.
    """
    pool = routing.house.find_pool(pool_id)
    if pool is None:
        raise Problem(404, "Unknown pool", f"The playbook has no pool {pool_id!r}.")
    if pool.rotation != "pull":
        raise Problem(409, "Not a queue", f"Leads of {pool.label} are handed out; nobody takes them.")
    refused: set[str] = set()
    while True:
        found = await engine.read(lambda tx: store.queued(tx, routing.tables, pool_id, LOOKED_AT + len(refused)))
        waiting = [lead_id for lead_id in found if lead_id not in refused]
        if not waiting:
            return {"lead_id": None, "waiting": len(found)}
        for lead_id in waiting:
            receipt = await _take(engine, lead_id, {"rep": rep_id, "pool": pool_id}, who)
            if receipt is not None:
                return receipt
            refused.add(lead_id)


async def _take(engine: Engine, lead_id: str, body: dict[str, str], who: Principal) -> dict[str, Any] | None:
    """Take this lead; None if somebody was quicker, or the rep has had it."""
    try:
        reply = await tell(engine, lead_id, "take", body, who)
    except Refused as no:
        if no.refusal.title in ("Taken", "Had it"):
            return None
        raise
    receipt: dict[str, Any] = _ANY.dump_python(reply.body, mode="json")
    return receipt
