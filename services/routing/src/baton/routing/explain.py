"""`GET /routing/v1/leads/{lead_id}/explain`: a decision worked out anew from what it was made from, and told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import APIRouter, Query
from pydantic import ValidationError
from sqlalchemy import Connection

from baton.playbook import Playbook
from baton.routing import store
from baton.routing.asking import LeadId, Reader
from baton.routing.bodies import RepId
from baton.routing.domain.explaining import Case, differences, explained
from baton.routing.domain.house import House
from baton.routing.domain.roster import Roster
from baton.runtime.http import Problem, problems

if TYPE_CHECKING:
    from baton.routing.service import Routing
    from baton.runtime.engine import Engine

HOUSES = 4
"""Earlier playbooks kept compiled; a decision of another one takes as long as loading it."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Kept:
    """A decision with the playbook and the roster it was made with, as they were kept."""

    row: Mapping[str, Any]
    others: list[dict[str, Any]]
    """All decisions on the lead that are kept, oldest first, in short."""
    playbook: Any
    roster: Any


def explain_routes(engine: Engine, routing: Routing) -> APIRouter:
    """Return the route; it needs the scope `leads:read`."""
    api = APIRouter(prefix="/routing/v1", tags=["leads"])

    @lru_cache(maxsize=HOUSES)
    def house_of(document: bytes) -> House:
        return House(Playbook.from_document(orjson.loads(document)))

    def case_of(kept: Kept) -> Case:
        inputs = kept.row["inputs"]
        house = routing.house
        if house.playbook.hash != inputs["playbook"]:
            house = house_of(orjson.dumps(kept.playbook))
        return Case.of(kept.row, house, Roster.from_document(kept.roster))

    @api.get("/playbook", tags=["playbook"])
    async def show_playbook(who: Reader) -> dict[str, Any]:
        """The playbook that leads are routed by now, whole: what a draft is compared with. Secrets are only named."""
        playbook = routing.house.playbook
        return {"version": playbook.version, "hash": playbook.hash, "playbook": playbook.document()}

    @api.get("/leads/{lead_id}/explain", responses=problems(409))
    async def explain(
        lead_id: LeadId,
        who: Reader,
        decision: Annotated[int | None, Query(ge=0, description="Its `number`; the newest otherwise.")] = None,
        round_: Annotated[int | None, Query(alias="round", ge=1, description="Only of this round.")] = None,
        rep: Annotated[RepId | None, Query(description="Say why not this rep.")] = None,
    ) -> dict[str, Any]:
        """Why the lead has this owner, or none: recomputed from the kept inputs, every rule and candidate with it.

        `reproduced` is false where the recomputed decision is not the one that was published; `differences` says how.
        """
        kept = await engine.read(lambda tx: _kept(tx, routing, lead_id, round_, decision))
        try:
            case = await asyncio.to_thread(case_of, kept)
        except (ValueError, ValidationError) as fault:
            detail = (
                f"This version of Baton reads the kept playbook or roster otherwise than the one that decided: {fault}"
            )
            raise Problem(409, "Cannot be recomputed", detail) from fault
        found = differences(case)
        if found:
            routing.metrics.mismatches.inc()
            _log.error("a decision cannot be reproduced: %s", "; ".join(found), extra={"lead_id": lead_id})
        return {
            "lead_id": lead_id,
            "decisions": kept.others,
            **_head(kept.row),
            "playbook": case.house.playbook.version,
            "roster": case.roster.hash,
            "reproduced": not found,
            "differences": found,
            "owner": case.kept["answer"].get("owner"),
            "reason": case.kept["answer"].get("reason"),
            **await asyncio.to_thread(explained, case, rep),
        }

    return api


def _kept(tx: Connection, routing: Routing, lead_id: str, round_: int | None, number: int | None) -> Kept:
    """The decision that is asked for. Raises Problem where there is none, or what it was made from is gone."""
    rows = store.decisions_of(tx, routing.tables, lead_id)
    if not rows:
        lead = store.load_leads(tx, routing.tables, [lead_id])[lead_id]
        if lead.qualified is None:
            raise Problem(404, "Unknown lead", "Scoring has not qualified a lead with this id.")
        why = "What it was decided by is kept no longer, or was another store's."
        raise Problem(404, "No decision is kept", f"{why} The trace is at /routing/v1/leads/{lead_id}.")
    asked = [r for r in rows if round_ in (None, r["round"]) and number in (None, r["number"])]
    if not asked:
        there = ", ".join(f"round {row['round']} number {row['number']}" for row in rows)
        raise Problem(404, "Unknown decision", f"There are {there}.")
    row = asked[-1]
    try:
        playbook = store.kept_body(tx, routing.tables, row["inputs"]["playbook"])
        roster = store.kept_body(tx, routing.tables, row["inputs"]["roster"])
    except LookupError as missing:
        raise Problem(404, "No decision is kept", f"Nothing is kept under {missing}.") from missing
    return Kept(row, [_head(one) for one in rows], playbook, roster)


def _head(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row[name] for name in ("round", "number", "outcome", "decided_at", "inputs_hash")}
