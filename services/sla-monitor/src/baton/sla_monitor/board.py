"""What the SLA board shows."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from baton.playbook import Playbook
from baton.sla_monitor import store
from baton.sla_monitor.views import LABELS, shown

ROWS = 25
"""Of each state; the API has the rest."""

SECTIONS = (("breached", "Overdue", "bad"), ("at_risk", "At risk", "warn"), ("open", "Open", "accent"))


def look(tx: Connection, tables: store.Tables, team: str | None, playbook: Playbook, now: datetime) -> dict[str, Any]:
    """Return the tiles per team and the lists: the newest breaches, and the soonest deadlines at risk and open."""
    lists = []
    for state, title, tone in SECTIONS:
        wanted = store.Wanted(state=state, team=team, newest_first=state == "breached")
        rows = store.obligations(tx, tables, wanted, ROWS)
        names = store.names_of(tx, tables, {row.owner for row in rows})
        lists.append(
            {
                "state": state,
                "title": title,
                "tone": tone,
                "rows": [shown(row, names, playbook, now) for row in rows],
            }
        )
    teams = _by_team(tx, tables)
    return {
        "team": team,
        "teams": teams,
        "total": _sum([tile for tile in teams if team in (None, tile["team"])]),
        "lists": lists,
        "limit": ROWS,
        "labels": LABELS,
        "policies": {policy.id: policy.label for policy in playbook.sla.policies},
    }


def _by_team(tx: Connection, tables: store.Tables) -> list[dict[str, Any]]:
    found: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for state, team, promise, count in store.counts(tx, tables, "state", "team", "promise"):
        found[team or ""][state] += count
        if promise == "first_response":
            found[team or ""][f"first_{state}"] += count
    return [{"team": team, **_tile(found[team])} for team in sorted(found)]


def _sum(teams: list[dict[str, Any]]) -> dict[str, Any]:
    total: dict[str, int] = defaultdict(int)
    for tile in teams:
        for state, count in tile["counts"].items():
            total[state] += count
    return _tile(total)


def _tile(counts: dict[str, int]) -> dict[str, Any]:
    """Kept: the share of first attempts that came in time among those that came or should have come."""
    met, broken = counts.get("first_met", 0), counts.get("first_breached", 0)
    return {"counts": dict(counts), "kept": met / (met + broken) if met + broken else None}
