"""Reporting's pages for people: the funnel, the follow-up, the leads, and the journey of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response
from sqlalchemy import Connection

from baton.reporting import store_queries as queries
from baton.reporting.api import Reader, read_follow_up, read_funnel, read_habits, read_journey, read_place
from baton.reporting.domain.decision_words import PROMISES
from baton.reporting.domain.fate import FATES
from baton.reporting.store_queries import FunnelQuery, LeadQuery, Period
from baton.runtime.http import Problem, next_cursor, page, read_cursor

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

PAGE = 50
PERIODS = {"7": "7 days", "30": "30 days", "90": "90 days", "365": "a year", "all": "all time"}
FATE_LABELS = {
    "in_flight": "in flight",
    "nurtured": "nurtured",
    "disqualified": "disqualified",
    "held": "held",
    "routed": "with sales",
    "accepted": "accepted",
    "opportunity": "opportunity",
    "won": "won",
    "lost": "lost",
    "junk": "junk",
    "test": "test",
    "erased": "erased",
    "merged": "merged with another",
}
FATE_TONES = {"won": "good", "accepted": "good", "opportunity": "good", "routed": "accent", "held": "warn"} | {
    "nurtured": "", "in_flight": "", "test": "", "erased": "", "merged": "",
    "disqualified": "bad", "lost": "bad", "junk": "bad",
}  # fmt: skip

Days = Annotated[str, Query(alias="period", pattern=f"^({'|'.join(PERIODS)})$")]
Chosen = Annotated[str | None, Query(max_length=200)]


def pages_router(engine: Engine) -> APIRouter:
    """Return the pages under `/reporting/`."""
    router = APIRouter(prefix="/reporting", include_in_schema=False)

    @router.get("/")
    async def funnel(
        request: Request, _: Reader, days: Days = "all", source: Chosen = None, team: Chosen = None, test: bool = False
    ) -> Response:
        """Show the funnel, whole and by source and team."""
        query = FunnelQuery(_period(engine, days), source or None, team or None, 0, test)

        def read(tx: Connection) -> dict[str, Any]:
            by_source = read_funnel(tx, query, "source")
            by_team = read_funnel(tx, query, "team")["groups"]
            return {"funnel": by_source, "by_team": by_team, "choices": queries.choices(tx)}

        chosen = {"period": days, "source": source or "", "team": team or "", "test": test}
        return page(request, "funnel.html", **await engine.read(read), chosen=chosen, **_WORDS)

    @router.get("/follow-up")
    async def follow_up(
        request: Request, _: Reader, days: Days = "90", team: Chosen = None, policy: Chosen = None
    ) -> Response:
        """Show whether promises to follow up are kept, and how long it takes."""
        period = _period(engine, days)

        def read(tx: Connection) -> dict[str, Any]:
            return {
                "items": read_follow_up(tx, period, team or None, policy or None),
                "habits": read_habits(tx, period, team or None, None),
                "choices": queries.choices(tx),
            }

        chosen = {"period": days, "team": team or "", "policy": policy or ""}
        return page(request, "follow_up.html", **await engine.read(read), chosen=chosen, promises=PROMISES, **_WORDS)

    _add_lead_pages(router, engine)
    return router


def _add_lead_pages(router: APIRouter, engine: Engine) -> None:
    @router.get("/leads")
    async def leads(
        request: Request,
        _: Reader,
        fate: Chosen = None,
        source: Chosen = None,
        team: Chosen = None,
        owner: Chosen = None,
        after: str | None = None,
    ) -> Response:
        """List the leads, newest first."""
        chosen = {"fate": fate or "", "source": source or "", "team": team or "", "owner": owner or ""}
        query = LeadQuery(fate or None, source or None, team or None, owner or None, _place(after))

        def read(tx: Connection) -> dict[str, Any]:
            rows = queries.leads(tx, query, PAGE)
            return {"leads": rows, "reps": queries.rep_names(tx), "choices": queries.choices(tx)}

        found = await engine.read(read)
        onward = _onward(found["leads"], chosen)
        return page(request, "leads.html", **found, chosen=chosen, onward=onward, is_first=after is None, **_WORDS)

    @router.get("/leads/{lead_id}")
    async def lead(request: Request, lead_id: str, _: Reader, after: str | None = None) -> Response:
        """Show the journey of one lead."""
        start = read_place(after)

        def read(tx: Connection) -> dict[str, Any]:
            return read_journey(tx, lead_id, start, 200) | {"reps": queries.rep_names(tx)}

        return page(request, "lead.html", **await engine.read(read), **_WORDS)


_WORDS: dict[str, Any] = {"fates": FATES, "fate_labels": FATE_LABELS, "fate_tones": FATE_TONES, "periods": PERIODS}


def _period(engine: Engine, days: str) -> Period:
    if days == "all":
        return Period()
    first = engine.clock.now() - timedelta(days=int(days) - 1)
    return Period(first.date())


def _place(cursor: str | None) -> tuple[datetime, str] | None:
    if not cursor:
        return None
    at, lead_id = read_cursor(cursor, (str, str))
    try:
        return datetime.fromisoformat(at), lead_id
    except ValueError:
        raise Problem(400, "Unknown cursor") from None


def _onward(rows: Sequence[Any], chosen: Mapping[str, str]) -> str | None:
    """Return the query of the next page, if there may be one."""
    if len(rows) < PAGE:
        return None
    place = next_cursor(rows[-1].received_at.isoformat(), rows[-1].lead_id)
    return "?" + urlencode({name: value for name, value in chosen.items() if value} | {"after": place})
