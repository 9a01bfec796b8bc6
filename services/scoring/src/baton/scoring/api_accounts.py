"""The people of one company on one page, and as JSON (Q8)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy import Connection

from baton.runtime.http import Principal, Problem, page, requires
from baton.scoring import store_accounts
from baton.scoring.api_definition import Desk
from baton.scoring.domain.account import SUBJECT, Account, standing
from baton.scoring.domain.person import Person

Reader = Annotated[Principal, Depends(requires("leads:read"))]
AccountId = Annotated[str, Path(max_length=100, pattern=r"^[^\x00]*$")]

MOST_PEOPLE = 200
"""People of a company that are shown and counted toward its energy: those with the best scores."""


def router(desk: Desk) -> APIRouter:
    """Return the routes; both need the scope `leads:read`."""
    routes = APIRouter(prefix="/scoring")
    engine, tables, watch = desk.engine, desk.tables, desk.watch

    async def found(account_id: str) -> dict[str, Any]:
        def read(tx: Connection) -> tuple[Account, list[Person], int]:
            subject = SUBJECT + account_id
            account = store_accounts.load(tx, tables.account, [subject])[subject]
            return account, *store_accounts.people_of(tx, tables.person, account_id, MOST_PEOPLE)

        account, people, known = await engine.read(read)
        if not people:
            raise Problem(404, "Unknown account", "Nobody is known of an account by this id.")
        return {**standing(watch.current, account, people, engine.clock.now()), "people_known": known}

    @routes.get("/v1/accounts/{account_id}", tags=["accounts"])
    async def show_account(account_id: AccountId, _: Reader) -> dict[str, Any]:
        """One company as one buying situation: its people with role, authority, problem, state and score, one energy by
        the playbook's formula from the strongest answers of all, one owner. `people` are at most 200 of `people_known`.
        """
        return await found(account_id)

    @routes.get("/accounts/{account_id}", include_in_schema=False)
    async def show_page(request: Request, account_id: AccountId, _: Reader) -> Response:
        """The same for people."""
        return page(request, "account.html", **await found(account_id))

    return routes
