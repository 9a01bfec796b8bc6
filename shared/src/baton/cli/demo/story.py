"""What becomes of a demo lead: what it does and answers, what its owner makes of it. Chance comes from outside."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from baton.cli.demo.people import Person

Body = dict[str, Any]

READ = (
    ("page_view", "pricing"), ("page_view", "product/slotting"), ("page_view", "blog/peak-season"),
    ("page_view", "careers"), ("download", "case-study-cold-store"), ("download", "paper-order-picking"),
    ("event", "webinar-labour-planning"), ("email_click", "newsletter"), ("form", "demo-request"), ("form", "contact"),
)  # fmt: skip
INDUSTRIES = ("retail", "wholesale", "logistics", "manufacturing", "pharma")
SYSTEMS = ("sap", "oracle", "dynamics", "other")
SOURCES = (("website", 6), ("webinar", 2), ("partner", 1), ("trade-fair", 1))
READY_SHARE = 0.35
"""Have been asked and said yes; the others have answered less, or no."""


def arrival(chance: random.Random, person: Person, run: str, now: datetime) -> Body:
    """The lead as a form or a marketing platform posts it."""
    source = chance.choices([name for name, _ in SOURCES], [share for _, share in SOURCES])[0]
    return {
        "source": source,
        "external_id": f"{run}-{person.number}",
        "occurred_at": _iso(now),
        "contact": person.typed,
        "properties": {
            "employees": person.employees,
            "industry": chance.choice(INDUSTRIES),
            "warehouses": chance.choice((1, 1, 2, 3, 5)),
            "technology": [chance.choice(SYSTEMS)],
            "utm_campaign": chance.choice(("autumn-peak", "cold-store", "brand")),
        },
        "answers": answers(chance),
        "activity": [
            activity(chance, now - timedelta(minutes=chance.uniform(1, 4000))) for _ in range(chance.randint(0, 4))
        ],
    }


def answers(chance: random.Random) -> Body:
    """What was said when asked; what was not asked is not there."""
    if chance.random() < READY_SHARE:
        return {
            "product": chance.choice(("planning", "slotting", "labour")),
            "cause": chance.choice(("event", "event", "told")),
            "problem": chance.choice(("known", "known", "none")),
            "horizon": chance.choice(("now", "3_months")),
            "will_talk": True,
        }
    said: Body = {
        "product": chance.choice(("planning", "slotting", "labour", "forklifts")),
        "cause": chance.choice(("told", "none")),
        "problem": chance.choice(("known", "none")),
        "horizon": chance.choice(("3_months", "6_months", "later")),
        "will_talk": chance.random() < 0.4,
    }
    return {question: value for question, value in said.items() if chance.random() < 0.6}


def activity(chance: random.Random, at: datetime) -> Body:
    """Something the person did."""
    kind, what = chance.choice(READ)
    return {"kind": kind, "what": what, "occurred_at": _iso(at)}


@dataclass(frozen=True)
class Step:
    """Something to be posted to intake, so many seconds after the hand-off."""

    after: float
    path: str
    body: Body


def follow_up(chance: random.Random, lead_id: str, owner: str) -> list[Step]:
    """What the owner does with a lead. One in eight is left lying: its promise will be broken."""
    if chance.random() < 0.125:
        return []
    called = chance.uniform(2, 25)
    reached = chance.random() < 0.6
    steps = [_touch(lead_id, owner, called, chance.choice(("call", "call", "email")), reached)]
    if not reached:
        steps.append(_touch(lead_id, owner, called + chance.uniform(5, 20), "email", reached=False))
        if chance.random() < 0.3:
            steps.append(_status(lead_id, owner, called + 30, "unreachable", reason="never_reached"))
        return steps
    return steps + _verdict(chance, lead_id, owner, called + chance.uniform(2, 15))


def _verdict(chance: random.Random, lead_id: str, owner: str, at: float) -> list[Step]:
    fate = chance.choices(("accepted", "junk", "recycle"), (75, 10, 15))[0]
    if fate == "junk":
        return [_status(lead_id, owner, at, "junk", reason="never_fits")]
    if fate == "recycle":
        return [_status(lead_id, owner, at, "recycle", reason="no_problem")]
    steps = [_status(lead_id, owner, at, "accepted")]
    if chance.random() < 0.5:
        value = float(chance.randrange(8, 120) * 1000)
        steps.append(_status(lead_id, owner, at + 5, "opportunity", stage="discovery", value=value, currency="EUR"))
        end = chance.choices(("won", "lost", ""), (3, 3, 4))[0]
        if end == "won":
            steps.append(_status(lead_id, owner, at + 12, "won", value=value, currency="EUR"))
        elif end == "lost":
            steps.append(_status(lead_id, owner, at + 12, "lost", reason="not_worth_it"))
    return steps


def _touch(lead_id: str, owner: str, after: float, channel: str, reached: bool) -> Step:
    outcome = "reached" if reached else "nothing"
    body = {"lead": {"lead_id": lead_id}, "rep": owner, "channel": channel, "direction": "out", "outcome": outcome}
    return Step(after, "/intake/v1/touches", body)


def _status(lead_id: str, owner: str, after: float, status: str, **more: Any) -> Step:
    body = {"lead": {"lead_id": lead_id}, "status": status, "owner": owner, **more}
    return Step(after, "/intake/v1/statuses", body)


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
