"""HTTP of whose companies are: who was named, else who got the newest lead (Q8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import TypeAdapter
from sqlalchemy import Connection

from baton.routing import store_accounts
from baton.routing.asking import Reader, Seller, ask
from baton.routing.bodies import AccountOwnerIn
from baton.routing.subjects import ACCOUNT
from baton.runtime.http import Problem, body_of, problems, read_json

if TYPE_CHECKING:
    from baton.routing.service import Routing
    from baton.runtime.engine import Engine

_OWNER = TypeAdapter(AccountOwnerIn)


def account_id_of(account_id: str) -> str:
    """The id of an account in a path; 404 for what cannot be one."""
    try:
        return str(UUID(account_id))
    except ValueError:
        raise Problem(404, "Unknown account", "Account ids are UUIDs.") from None


AccountId = Annotated[str, Depends(account_id_of)]


def account_routes(engine: Engine, routing: Routing) -> APIRouter:
    """Return the routes under `/routing/v1/accounts`."""
    api = APIRouter(prefix="/routing/v1/accounts", tags=["accounts"])

    @api.get("/{account_id}")
    async def show_owner(account_id: AccountId, who: Reader) -> dict[str, Any]:
        """Whose the company is: who was named by hand, else who got its newest lead; whether any rule follows that."""

        def work(tx: Connection) -> dict[str, Any]:
            subject = ACCOUNT + account_id
            named = store_accounts.load(tx, routing.tables, [subject])[subject].named
            by_hand = named is not None and named.rep_id is not None
            newest = store_accounts.newest_owner(tx, routing.tables, account_id)
            return {
                "account_id": account_id,
                "owner": named.rep_id if named is not None and by_hand else newest,
                "by_hand": by_hand,
                "assigned_at": named.assigned_at if named is not None and by_hand else None,
                "assigned_by": named.assigned_by if named is not None and by_hand else None,
                "is_followed": routing.house.follows_accounts,
            }

        return await engine.read(work)

    @api.put("/{account_id}/owner", openapi_extra=body_of(AccountOwnerIn), responses=problems(409))
    async def name_owner(request: Request, account_id: AccountId, who: Seller) -> Response:
        """Say whose the company is: rules that prefer `account_owner` give him its leads from now on, if he can have
        them. With `rep` null nobody is named any more. Leads that somebody has stay with him."""
        body = await read_json(request, _OWNER)
        return await ask(engine, ACCOUNT + account_id, "assign", body.model_dump(), who)

    return api
