"""Reporting's data over HTTP: the funnel, the follow-up and the journey of a lead, as JSON or CSV."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy import Connection

from baton.reporting import store_queries as queries
from baton.reporting.domain.fate import fate_of, stages_of
from baton.reporting.domain.journey import Entry, Place
from baton.reporting.domain.lead import Lead
from baton.reporting.figures import follow_up_of, funnel_of
from baton.reporting.sheets import CSV, sheet, wants_csv
from baton.reporting.store_queries import FunnelQuery, Period
from baton.runtime.http import Principal, Problem, next_cursor, problems, read_cursor, requires

if TYPE_CHECKING:
    from baton.runtime.engine import Engine

Reader = Annotated[Principal, Depends(requires("leads:read"))]
Format = Annotated[str | None, Query(description="json or csv; by default what Accept asks for, else json.")]
GroupBy = Literal["source", "team", "day"]


def period_of(
    first: Annotated[date | None, Query(alias="from", description="First UTC day, included.")] = None,
    last: Annotated[date | None, Query(alias="to", description="Last UTC day, included.")] = None,
) -> Period:
    """Return the period asked for."""
    if first and last and first > last:
        raise Problem(422, "Invalid request", "`from` is after `to`.")
    return Period(first, last)


_OR_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {CSV: {"schema": {"type": "string"}}}}, **problems(400)}

Days = Annotated[Period, Depends(period_of)]


def data_router(engine: Engine) -> APIRouter:
    """Return the routes under `/reporting/v1`."""
    router = APIRouter(prefix="/reporting/v1", tags=["reporting"])

    @router.get("/funnel", responses=_OR_CSV)
    async def funnel(
        request: Request,
        _: Reader,
        period: Days,
        source: str | None = None,
        team: str | None = None,
        round: Annotated[  # noqa: A002
            int,
            Query(
                ge=0, lt=2**31, description="0 counts each person once, 1 the first hand-off of each, 2 the second …"
            ),
        ] = 0,
        test: Annotated[bool, Query(description="Count the test leads instead.")] = False,
        by: Annotated[GroupBy | None, Query(description="Also one funnel for each of these.")] = None,
        format: Format = None,  # noqa: A002
    ) -> Any:
        """Return how many leads reached each stage, by the day they came in, with the rates between neighbours.

        `now` says where the leads are today. Later rounds begin with `qualified`, by the day that happened.
        """
        query = FunnelQuery(period, source, team, round, test)
        as_csv = wants_csv(request, format)
        answer = await engine.read(lambda tx: read_funnel(tx, query, by))
        return _funnel_sheet(answer) if as_csv else answer

    @router.get("/follow-up", responses=_OR_CSV)
    async def follow_up(
        request: Request,
        _: Reader,
        period: Days,
        team: str | None = None,
        policy: str | None = None,
        format: Format = None,  # noqa: A002
    ) -> Any:
        """Return, by team, policy and promise, how many promises were kept and how long the deeds took.

        Times run from the hand-off to the deed: on the wall clock and in the owner's business time. Percentiles come
        from buckets and are right to 15 %. The period is that of the hand-offs.
        """
        as_csv = wants_csv(request, format)
        rows = await engine.read(lambda tx: read_follow_up(tx, period, team, policy))
        return _follow_up_sheet(rows) if as_csv else {"period": _days(period), "items": rows}

    @router.get("/habits", responses=_OR_CSV)
    async def habits(
        request: Request,
        _: Reader,
        period: Days,
        team: str | None = None,
        source: str | None = None,
        format: Format = None,  # noqa: A002
    ) -> Any:
        """Return, by rep and source, of how many hand-offs a promise was kept, and of how many nothing was learned.

        By name, and by no number of touches: it is to be talked about, not won. The period is that of the hand-offs.
        """
        as_csv = wants_csv(request, format)
        rows = await engine.read(lambda tx: read_habits(tx, period, team, source))
        if as_csv:
            return sheet("habits", HABIT_COLUMNS, [[row[name] for name in HABIT_COLUMNS] for row in rows])
        return {"period": _days(period), "items": rows}

    @router.get("/leads/{lead_id}/journey", responses=_OR_CSV)
    async def journey(
        request: Request,
        lead_id: str,
        _: Reader,
        after: Annotated[str | None, Query(description="The `next` of the page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 500,
        format: Format = None,  # noqa: A002
    ) -> Any:
        """Return everything that happened with a lead by event time, each decision with its reason."""
        as_csv = wants_csv(request, format)
        start = read_place(after)
        answer = await engine.read(lambda tx: read_journey(tx, lead_id, start, limit))
        return _journey_sheet(answer) if as_csv else answer

    return router


def read_funnel(tx: Connection, query: FunnelQuery, by: str | None) -> dict[str, Any]:
    """Return the funnel of `query`, with one for each value of `by` if that is asked for."""
    first_stage = 1 if query.round > 1 else 0
    filters = {"source": query.source, "team": query.team, "round": query.round, "test": query.is_test}
    answer = {"period": _days(query.period), "filters": filters}
    answer |= funnel_of(queries.funnel(tx, query)[0], first_stage)
    if by:
        answer["by"] = by
        answer["groups"] = [
            {"key": counts["key"], **funnel_of(counts, first_stage)} for counts in queries.funnel(tx, query, by)
        ]
    return answer


def read_follow_up(tx: Connection, period: Period, team: str | None, policy: str | None) -> list[dict[str, Any]]:
    """Return the promises with their figures."""
    return follow_up_of(queries.promises(tx, period, team, policy), queries.spans(tx, period, team, policy))


HABIT_COLUMNS = ("team", "owner", "owner_name", "source", "handed_over", "kept", "nothing_learned", "excessive")


def read_habits(tx: Connection, period: Period, team: str | None, source: str | None) -> list[dict[str, Any]]:
    """Return what follow-up brought, by team, the rep's name and source."""
    rows = queries.habits(tx, period, team, source)
    names = queries.names_of(tx, {row["owner"] for row in rows})
    told = [{**row, "owner_name": names.get(row["owner"]) or row["owner"]} for row in rows]
    return sorted(told, key=lambda row: (row["team"], row["owner_name"].casefold(), row["source"]))


def read_journey(tx: Connection, lead_id: str, after: Place | None, limit: int) -> dict[str, Any]:
    """Return a lead as it now stands and a page of its journey; raise 404 for one nobody has heard of."""
    lead = queries.find_lead(tx, lead_id)
    if lead is None:
        raise Problem(404, "Not Found", "No lead with this id has been heard of.")
    entries = queries.journey(tx, lead_id, after, limit)
    names = queries.names_of(tx, {entry.who for entry in entries})
    last = entries[-1] if len(entries) == limit else None
    place = next_cursor(last.at.isoformat(), last.publisher, last.sequence) if last is not None else None
    return {"lead": _standing(lead), "entries": [_shown(entry, names) for entry in entries], "next": place}


def read_place(cursor: str | None) -> Place | None:
    """Return the place in a journey that a cursor names."""
    if cursor is None:
        return None
    at, publisher, sequence = read_cursor(cursor, (str, str, int))
    try:
        return datetime.fromisoformat(at), publisher, sequence
    except ValueError:
        raise Problem(400, "Unknown cursor") from None


def _standing(lead: Lead) -> dict[str, Any]:
    newest = lead.round
    rounds = [
        {
            "round": number,
            "owner": lead.rounds[number].owner,
            "team": lead.rounds[number].team,
            **stages_of(lead, number),
        }
        for number in sorted(lead.rounds)
    ]
    return {
        "lead_id": lead.lead_id,
        "fate": fate_of(lead),
        "because": (newest.held_reason if newest else None) or lead.judged_because,
        "round": newest.number if newest else 0,
        "owner": newest.owner if newest else None,
        "team": newest.team if newest else "",
        "name": lead.name,
        "company": lead.company,
        "country": lead.country,
        "source": lead.source,
        "score": lead.score,
        "temperature": lead.temperature,
        "flags": list(lead.flags),
        "is_test": lead.is_test,
        "touches": lead.touches,
        "received_at": lead.received_at,
        "last_at": lead.last_at,
        "rounds": rounds,
    }


def _shown(entry: Entry, names: Mapping[str, str]) -> dict[str, Any]:
    return entry._asdict() | {"who_name": names.get(entry.who or "")}


def _days(period: Period) -> dict[str, date | None]:
    return {"from": period.first, "to": period.last}


def _funnel_sheet(answer: dict[str, Any]) -> Response:
    columns = ("group", "stage", "count", "rate_from_previous", "rate_from_first")
    funnels = [("", answer), *((group["key"], group) for group in answer.get("groups", ()))]
    rows = [
        (key, stage["stage"], stage["count"], stage["rate_from_previous"], stage["rate_from_first"])
        for key, funnel in funnels
        for stage in funnel["stages"]
    ]
    return sheet("funnel", columns, rows)


def _follow_up_sheet(items: list[dict[str, Any]]) -> Response:
    plain = ("team", "policy", "promise", "started", "open", "met", "breached", "waived", "kept_rate", "done")
    spans = [(clock, name) for clock in ("seconds", "business_seconds") for name in ("p50", "p90", "p99")]
    rows = [[*(item[name] for name in plain), *(item[clock][name] for clock, name in spans)] for item in items]
    return sheet("follow-up", (*plain, *(f"{clock}_{name}" for clock, name in spans)), rows)


def _journey_sheet(answer: dict[str, Any]) -> Response:
    columns = ("at", "recorded_at", "publisher", "type", "round", "what", "why", "who", "event_id")
    rows = [[entry[name] for name in columns] for entry in answer["entries"]]
    return sheet(f"journey-{answer['lead']['lead_id']}", columns, rows)
