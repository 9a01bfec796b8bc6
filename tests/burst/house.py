"""The house that a burst hits, and the burst: the same for every process, from four numbers."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from baton.contracts import Contact, DefinitionRef, HistoryItem, LeadQualified, Score
from baton.playbook import Playbook, RepSeed, Roster, Routing, load
from baton.playbook.calendars import BusinessCalendar, Calendars
from baton.runtime.bus.port import Outgoing
from baton.runtime.envelope import data_of, headers_of, to_wire
from baton.runtime.ids import event_id, uuid7
from baton.runtime.partition import lane_of

LANES = 12
EXAMPLE = Path(__file__).parents[2] / "deploy" / "playbook"
BEGAN = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
ALWAYS = {"id": "always", "label": "Always", "zone": "UTC", "week": {"mon-sun": ["00:00-24:00"]}}
FULL_AT = 0.7
"""What share of the leads there is room for at first: the others are held until somebody gets more room."""


@dataclass(frozen=True)
class Size:
    """How large the house and the burst are."""

    leads: int
    reps: int
    pools: int
    seed: int = 1

    @property
    def capacity(self) -> int:
        """Open leads that each rep may have at first."""
        return max(1, int(self.leads * FULL_AT / self.reps))

    @property
    def words(self) -> list[str]:
        """The size as arguments of `replica.py`."""
        return [str(value) for value in (self.leads, self.reps, self.pools, self.seed)]

    def lead_ids(self) -> list[str]:
        """The ids of the leads, in the order in which they come."""
        chance = random.Random(self.seed)
        return [uuid7(BEGAN, chance.randbytes(10)) for _ in range(self.leads)]

    def playbook(self) -> Playbook:
        """Pools of equally many reps, each with a territory of its own. Everybody always works, up to his capacity."""
        example = load(EXAMPLE)
        policy = example.sla.policies[0].id
        pools = [
            {"id": f"p{number}", "label": f"Pool {number}", "members": [{"rep": rep} for rep in self.members(number)]}
            for number in range(self.pools)
        ]
        rules = [
            {"id": f"t{number}", "label": "A territory", "match": {"country": [_country(number)]}}
            | {"pool": f"p{number}", "policy": policy}
            for number in range(self.pools)
        ]
        update = {
            "routing": _read(Routing, {"pools": pools, "rules": rules}),
            "calendars": Calendars(calendars=(_read(BusinessCalendar, ALWAYS),)),
            "sla": example.sla.model_copy(
                update={"policies": tuple(one.model_copy(update={"calendar": "owner"}) for one in example.sla.policies)}
            ),
        }
        reps = tuple(_read(RepSeed, self.rep(number)) for number in range(self.reps))
        return Playbook(example.models.model_copy(update=update), Roster(reps=reps))

    def members(self, pool: int) -> list[str]:
        """The reps of a pool."""
        return [f"rep{number:04d}" for number in range(pool, self.reps, self.pools)]

    def rep(self, number: int, room: int = 0) -> dict[str, Any]:
        """A rep, with so much more room than at first."""
        known = {
            "name": f"Rep {number}",
            "email": f"rep{number}@house.example",
            "team": "sales",
            "zone": "UTC",
            "calendar": "always",
        }
        return {"id": f"rep{number:04d}", **known, "capacity": self.capacity + room}

    def records(self) -> list[Outgoing]:
        """The leads as scoring publishes them."""
        chance = random.Random(self.seed + 1)
        return [_record(lead_id, _country(chance.randrange(self.pools))) for lead_id in self.lead_ids()]


def _country(number: int) -> str:
    return f"C{number}"


def _read(model: Any, value: Any) -> Any:
    return model.model_validate_json(orjson.dumps(value))


def _record(lead_id: str, country: str) -> Outgoing:
    body = LeadQualified(
        round=1,
        caused_at=BEGAN,
        score=Score(total=60, fit=30, interest=20, energy=10),
        temperature="warm",
        definition=DefinitionRef(label="burst", playbook="burst"),
        source="burst",
        contact=Contact(email="kim@customer.example", country=country),
        fields={"country": country},
        history=[HistoryItem(at=BEGAN, kind="received", what="web")],
        qualified_at=BEGAN,
    )
    headers = headers_of(
        service="scoring",
        event_id=event_id("burst", lead_id),
        type=body.type,
        subject=lead_id,
        sequence=1,
        at=BEGAN,
        now=BEGAN,
        cause_id="burst",
        playbook=None,
        trace=None,
    )
    return Outgoing(body.topic, lane_of(lead_id, LANES), lead_id, to_wire(headers), data_of(body))
