"""Follow-up as the API and the board show it: whose turn it is, what there is to say, homework, the person's wish."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from baton.playbook import Playbook
from baton.sla_monitor import store
from baton.sla_monitor.domain.evidence import Evidence
from baton.sla_monitor.domain.homework import homework_of
from baton.sla_monitor.domain.manners import Finding, findings
from baton.sla_monitor.domain.obligation import Obligation
from baton.sla_monitor.domain.turns import Turn, whose_turn
from baton.sla_monitor.domain.wishes import channel_wish, pace_of

OTHERS = 10
"""Other contacts of an account that are named; intake's page of the account has all of them."""
TAGS = {
    "ask_wish": "ask for the wish",
    "gatekeeper": "gatekeeper?",
    "nothing_learned": "nothing learned",
    "reminder_only": "reminder only",
    "stop_proposed": "stop proposed",
}
"""Findings in two words, for the board."""


def advice(
    evidence: Evidence, clocks: Sequence[Obligation], others: Iterable[str], playbook: Playbook, now: datetime
) -> dict[str, Any]:
    """Return what is to be said of the follow-up of a lead as it stands `now`."""
    account = evidence.account or None
    return {
        "turn": turn_of(evidence, clocks, playbook, now),
        "findings": [vars_of(finding) for finding in found_of(evidence, clocks, playbook)],
        "homework": _homework(evidence, now),
        "wish": _wish(evidence, now),
        "account": {"account_id": account, "other_leads": list(others)} if account else None,
    }


def turn_of(evidence: Evidence, clocks: Iterable[Obligation], playbook: Playbook, now: datetime) -> Turn:
    """Return whose turn it is."""
    return whose_turn(evidence, clocks, playbook.sla.manners, now)


def found_of(evidence: Evidence, clocks: Iterable[Obligation], playbook: Playbook) -> list[Finding]:
    """Return what there is to say of the newest round."""
    newest = max((turn.round for turn in evidence.hand_offs), default=0)
    is_met = any(clock.state == "met" and clock.round == newest for clock in clocks)
    return findings(evidence, playbook.sla.manners, is_met)


def of_leads(
    tx: Connection, tables: store.Tables, lead_ids: set[str], playbook: Playbook, now: datetime
) -> dict[str, dict[str, Any]]:
    """Return, for each lead the board shows, whose turn it is and the findings in two words."""
    clocks = store.clocks_of(tx, tables, lead_ids)
    shown = {}
    for lead_id, evidence in store.evidence_of(tx, tables, lead_ids).items():
        found = found_of(evidence, clocks[lead_id], playbook)
        tags = [("too much" if one.code.startswith("excess:") else TAGS[one.code], one.says) for one in found]
        shown[lead_id] = {"turn": turn_of(evidence, clocks[lead_id], playbook, now), "tags": list(dict(tags).items())}
    return shown


def vars_of(finding: Finding) -> dict[str, Any]:
    """Return a finding as JSON has it."""
    return {"code": finding.code, "says": finding.says, "since": finding.since}


def _homework(evidence: Evidence, now: datetime) -> dict[str, Any] | None:
    task = homework_of(evidence)
    if task is None:
        return None
    return {
        "task": task.set.task or None,
        "state": task.state(now, evidence.told),
        "set_at": task.set.at,
        "due_at": task.due_at,
        "meeting_at": task.meeting_at,
        "returned_at": task.returned.at if task.returned else None,
        "was_late": bool(task.returned and task.due_at and task.returned.at > task.due_at),
    }


def _wish(evidence: Evidence, now: datetime) -> dict[str, Any]:
    wish, pace = channel_wish(evidence.wishes, now), pace_of(evidence.wishes, now)
    turn = evidence.hand_offs[-1] if evidence.hand_offs else None
    channels: list[str] | None = None
    if wish is not None and not wish.contact:
        channels = []
    elif wish is not None and wish.channels:
        channels = list(wish.channels)
    elif wish is None and turn is not None and turn.email_only:
        channels = ["email"]
    return {
        "channels": channels,
        "interval_seconds": int(pace.total_seconds()) if pace else None,
        "said": wish is not None,
    }
