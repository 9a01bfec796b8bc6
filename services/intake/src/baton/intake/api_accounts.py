"""Intake's HTTP about what belongs to a person: what was agreed to, and the company."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from baton.intake import store, store_accounts, store_merges
from baton.runtime.engine import Engine
from baton.runtime.http import Principal, Problem, next_cursor, read_cursor, requires

Reader = Annotated[Principal, Depends(requires("leads:read"))]


def accounts_router(engine: Engine) -> APIRouter:
    """Consents of a lead, and the people of a company."""
    router = APIRouter(prefix="/intake/v1", tags=["leads"])

    @router.get("/leads/{lead_id}/consents")
    async def show_consents(lead_id: str, _: Reader) -> dict[str, Any]:
        """Show every consent given and withdrawn, oldest first, with the fact it came in by: what was said stays."""
        wanted = lead_id.replace("\0", "")[:100]
        if await engine.read(lambda tx: store.find_lead(tx, wanted)) is None:
            raise Problem(404, "Unknown lead", "Intake knows no lead by this id.")
        return {"lead_id": wanted, "consents": await engine.read(lambda tx: store_merges.consents_of(tx, wanted))}

    @router.get("/accounts/{account_id}")
    async def show_account(
        account_id: str,
        _: Reader,
        after: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> dict[str, Any]:
        """Show one company: the people known of it, and the names it goes by."""
        wanted, start = account_id.replace("\0", "")[:100], read_cursor(after, (str,))[0] if after else ""
        rows = await engine.read(lambda tx: store_accounts.leads_of(tx, wanted, start, limit))
        if not rows and not start:
            raise Problem(404, "Unknown account", "Nobody is known of an account by this id.")
        names = await engine.read(lambda tx: store_accounts.names_of(tx, wanted))
        domain = next((row.contact["company_domain"] for row in rows if "company_domain" in row.contact), None)
        follow = next_cursor(rows[-1].lead_id) if len(rows) == limit else None
        leads = [row._asdict() for row in rows]
        return {"account_id": wanted, "domain": domain, "names": names, "leads": leads, "next": follow}

    return router
