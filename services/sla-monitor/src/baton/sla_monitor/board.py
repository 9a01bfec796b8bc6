"""What the SLA board shows."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from sqlalchemy import Connection

from baton.playbook import Playbook
from baton.sla_monitor import store
from baton.sla_monitor.advice import of_leads
from baton.sla_monitor.views import LABELS, shown, working_time

ROWS = 25
"""Of each state; the API has the rest."""
REPS = 200
"""Reps listed of one team: more would be no page to read; the API has the rest."""

SECTIONS = (("breached", "Overdue", "bad"), ("at_risk", "At risk", "warn"), ("open", "Open", "accent"))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Whose promises the board shows: everybody's, one team's, one rep's."""

    team: str | None = None
    owner: str | None = None


def look(tx: Connection, tables: store.Tables, wanted: Wanted, playbook: Playbook, now: datetime) -> dict[str, Any]:
    """Return the tiles per team and rep and the lists: the newest breaches, and the soonest deadlines."""
    lists = [_list(tx, tables, wanted, section, playbook, now) for section in SECTIONS]
    shown_leads = {ob["lead_id"] for list_ in lists for ob in list_["rows"]}
    teams = _tiles("team", store.counts(tx, tables, "team", "state", "promise"))
    reps = _reps(tx, tables, wanted, teams)
    seen = {
        "team": wanted.team,
        "owner": wanted.owner,
        "owner_name": store.names_of(tx, tables, {wanted.owner}).get(wanted.owner) if wanted.owner else None,
        "teams": teams,
        "reps": reps,
        "total": _total(tx, tables, wanted, teams),
        "lists": lists,
        "leads": of_leads(tx, tables, shown_leads, playbook, now),
        "limit": ROWS,
        "labels": LABELS,
        "policies": {policy.id: policy.label for policy in playbook.sla.policies},
    }
    return {**seen, "tag": _tag(seen, now)}


def _list(
    tx: Connection,
    tables: store.Tables,
    wanted: Wanted,
    section: tuple[str, str, str],
    playbook: Playbook,
    now: datetime,
) -> dict[str, Any]:
    state, title, tone = section
    query = store.Wanted(state, wanted.team, wanted.owner, newest_first=state == "breached")
    rows = store.obligations(tx, tables, query, ROWS)
    names = store.names_of(tx, tables, {row.owner for row in rows})
    told = [
        {
            **shown(row, names, playbook, now),
            "working": working_time(row, playbook, now),
            "query": _query(team=row.team, owner=row.owner),
        }
        for row in rows
    ]
    more = _query(state=state, team=wanted.team, owner=wanted.owner)
    return {"state": state, "title": title, "tone": tone, "rows": told, "query": more}


def _query(**wanted: str | None) -> str:
    return urlencode({name: value for name, value in wanted.items() if value is not None})


def _reps(tx: Connection, tables: store.Tables, wanted: Wanted, teams: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The reps of the chosen team, or of the only one there is; by name, for nobody is ranked here."""
    if wanted.team is None and len(teams) > 1:
        return []
    tiles = _tiles("owner", store.counts(tx, tables, "owner", "state", "promise", team=wanted.team))[:REPS]
    names = store.names_of(tx, tables, {tile["owner"] for tile in tiles})
    return sorted(
        (
            {
                **tile,
                "name": names.get(tile["owner"]) or tile["owner"],
                "query": _query(team=wanted.team, owner=tile["owner"]),
            }
            for tile in tiles
        ),
        key=lambda tile: (tile["name"].casefold(), tile["owner"]),
    )


def _total(tx: Connection, tables: store.Tables, wanted: Wanted, teams: list[dict[str, Any]]) -> dict[str, Any]:
    if wanted.owner is not None:
        return _sum(_tiles("owner", store.counts(tx, tables, "owner", "state", "promise", **asdict(wanted))))
    return _sum(tile for tile in teams if wanted.team in (None, tile["team"]))


def _tiles(by: str, counts: Iterable[tuple[Any, ...]]) -> list[dict[str, Any]]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for key, state, promise, count in counts:
        found[key or ""][state] += count
        if promise == "first_response":
            found[key or ""][f"first_{state}"] += count
    return [{by: key, **_tile(found[key])} for key in sorted(found)]


def _sum(tiles: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    total: dict[str, int] = defaultdict(int)
    for tile in tiles:
        for state, count in tile["counts"].items():
            total[state] += count
    return _tile(total)


def _tile(counts: Mapping[str, int]) -> dict[str, Any]:
    """Kept: the share of first attempts that came in time among those that came or should have come."""
    met, broken = counts.get("first_met", 0), counts.get("first_breached", 0)
    return {"counts": dict(counts), "kept": met / (met + broken) if met + broken else None}


def _tag(seen: Mapping[str, Any], now: datetime) -> str:
    """Name what is shown, but for the time that passes: the browser counts that down by itself.

    New every hour all the same, because only the next few hours of working time travel with a row.
    """
    rows = [
        (ob["lead_id"], ob["promise"], ob["attempt"], ob["due_at"], ob["state"], ob["closed_at"], ob["owner_name"])
        for list_ in seen["lists"]
        for ob in list_["rows"]
    ]
    said = repr(
        (
            seen["owner_name"],
            rows,
            seen["teams"],
            seen["reps"],
            seen["policies"],
            now.replace(minute=0, second=0, microsecond=0),
        )
    )
    return f'W/"{hashlib.sha256(said.encode()).hexdigest()[:24]}"'
