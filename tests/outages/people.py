"""Leads for one test each, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from tests.journeys.people import HOT, somebody
from tests.journeys.running import eventually
from tests.outages.conftest import World

Started = Mapping[str, Mapping[str, Any]]


def hot_leads(world: World, number: int) -> list[str]:
    """Post so many hot leads; their ids."""
    receipts = world.baton.post("/intake/v1/leads", [somebody(answers=HOT) for _ in range(number)])
    return [str(receipt["lead_id"]) for receipt in receipts]


def first_clocks(world: World, leads: Sequence[str]) -> Started:
    """Wait until each has an owner and a clock; what was said when it started, by lead."""

    def started() -> Started | None:
        said = {lead_id: data for lead_id, type_, data in world.said("sla-monitor", leads) if type_ == "sla.started"}
        return said if said.keys() == set(leads) else None

    return eventually(started, "all of them have a clock", 60)


def touch(lead_id: str, clock: Mapping[str, Any], at: datetime, outcome: str = "reached") -> dict[str, Any]:
    """The owner called and reached somebody."""
    made = {"lead": {"lead_id": lead_id}, "rep": clock["owner"], "channel": "call", "direction": "out"}
    return made | {"outcome": outcome, "occurred_at": at.isoformat()}


def tell(world: World, touches: Iterable[Mapping[str, Any]]) -> None:
    """Intake accepts them all, at once."""
    receipts = world.baton.post("/intake/v1/touches", list(touches))
    assert {receipt["status"] for receipt in receipts} == {"accepted"}


def first_promise(world: World, leads: Sequence[str]) -> list[list[str]]:
    """What was said of each first owner's promise, in order; a correction is `sla.met!`."""
    ends = ("sla.met", "sla.breached", "sla.waived")
    said = [fact for fact in world.said("sla-monitor", leads) if fact[1] in ends and fact[2]["attempt"] == 0]
    return [[type_ + "!" * bool(data.get("corrects")) for about, type_, data in said if about == one] for one in leads]
