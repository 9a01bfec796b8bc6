"""Intake's HTTP for forgetting people. What is known of one is shown by every service (`baton.runtime.http`)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from baton.intake.erasing import Erasing
from baton.runtime.http import Principal, Problem, requires
from baton.runtime.observe import log

Admin = Annotated[Principal, Depends(requires("admin"))]


def erasing_router(erasing: Erasing) -> APIRouter:
    """The one way out."""
    router = APIRouter(prefix="/intake/v1/leads", tags=["personal data"])

    @router.delete("/{lead_id}/personal-data", status_code=202)
    async def erase(lead_id: str, who: Admin) -> dict[str, Any]:
        """Forget a person: everything Baton holds of this lead, in all services. Cannot be undone; safe to repeat.

        202 once intake has wiped what it holds and the other services are told. `gone_by` says by when the topics, too,
        hold nothing of the person any more. 404 if there never was such a lead.
        """
        erased = await erasing.erase(lead_id.replace("\0", "")[:100])
        if erased is None:
            raise Problem(404, "Unknown lead", "Intake knows no lead by this id.")
        log.warning("lead_erased", lead_id=erased.lead_id, by=who.name)
        return erased.shown()

    return router
