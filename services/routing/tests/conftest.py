"""A small house: two pools, five reps in two offices, a rule of every kind, and the facts that routing hears."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from services.routing.tests.delivering import Delivering

from baton.contracts import (
    Contact,
    DefinitionRef,
    HistoryItem,
    LeadDisqualified,
    LeadNurtured,
    LeadQualified,
    LeadStatusReported,
    LeadUpdated,
    Reason,
    Rep,
    Score,
    SlaBreached,
    SlaStopped,
)
from baton.playbook import Playbook, Policy, Roster, Routing, Sla, load
from baton.playbook.calendars import BusinessCalendar, Calendars
from baton.routing.service import Routing as RoutingService
from baton.runtime.clock import FixedClock
from baton.runtime.settings import Settings
from baton.runtime.testing import Bench

EXAMPLE = load(Path(__file__).parents[3] / "deploy" / "playbook")
MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
"""A Monday: 10:00 in Berlin, 04:00 in New York."""
LEAD = "0190bbbb-0000-7000-8000-000000000001"

CALENDARS = (
    {"id": "berlin", "label": "Berlin", "zone": "Europe/Berlin", "week": {"mon-fri": ["09:00-12:00", "13:00-18:00"]}},
    {"id": "new_york", "label": "New York", "zone": "America/New_York", "week": {"mon-fri": ["09:00-17:00"]}},
    {"id": "always", "label": "Always", "zone": "UTC", "week": {"mon-sun": ["00:00-24:00"]}},
)
POLICIES = (
    {"id": "fast", "label": "Fast", "first_attempt": "1h"},
    {"id": "plain", "label": "Plain", "first_attempt": "4h"},
    {"id": "patient", "label": "Stays where it is", "first_attempt": "4h", "on_breach": "keep"},
)
ROUTING: dict[str, Any] = {
    "pools": [
        {"id": "north", "label": "The north", "members": [{"rep": "ada"}, {"rep": "bo"}, {"rep": "cy"}]},
        {"id": "south", "label": "The south", "select": {"teams": ["south"]}},
        {"id": "desk", "label": "The desk", "members": [{"rep": "bo"}]},
    ],
    "rules": [
        {"id": "bavaria", "label": "Bavaria", "match": {"country": ["DE"], "postal_code": ["80000-87999"]},
         "pool": "south", "policy": "plain"},
        {"id": "big", "label": "Big", "match": {"country": ["DE"]}, "when": "lead.employees >= 1000",
         "pool": "north", "policy": "fast"},
        {"id": "north", "label": "The north", "match": {"country": ["DE", "SE"]}, "pool": "north", "policy": "plain"},
        {"id": "manned", "label": "On shift", "match": {"country": ["US"]}, "pool": "desk", "policy": "plain",
         "hours": "must_be_on_shift"},
        {"id": "kept", "label": "Kept", "match": {"country": ["FR"]}, "pool": "north", "policy": "patient"},
    ],
    "max_reassigns": 2,
}  # fmt: skip


def rep(rep_id: str, **more: Any) -> dict[str, Any]:
    known = {"name": rep_id.title(), "email": f"{rep_id}@house.example", "team": "north", "zone": "Europe/Berlin"}
    return {"id": rep_id, **known, "calendar": "always", **more}


REPS = (
    rep("ada"),
    rep("bo", calendar="berlin"),
    rep("cy", zone="America/New_York"),
    rep("dee", team="south", external_ids={"hubspot": "7"}),
    rep("eli", team="south", capacity=1),
)


def read(model: Any, value: Any) -> Any:
    return model.model_validate_json(orjson.dumps(value))


def make_playbook(reps: Any = REPS, calendars: Any = CALENDARS, **routing: Any) -> Playbook:
    update = {
        "routing": read(Routing, {**ROUTING, **routing}),
        "sla": Sla(policies=tuple(read(Policy, policy) for policy in POLICIES)),
        "calendars": Calendars(calendars=tuple(read(BusinessCalendar, one) for one in calendars)),
    }
    return Playbook(EXAMPLE.models.model_copy(update=update), Roster(reps=tuple(read_rep(one) for one in reps)))


def read_rep(value: Any) -> Any:
    from baton.playbook import RepSeed

    return read(RepSeed, value)


class FixedPlaybook:
    """A watched directory in which nothing ever changes."""

    refused: str | None = None

    def __init__(self, playbook: Playbook) -> None:
        self.current = playbook

    def poll(self) -> None:
        return None


class Facts:
    """Facts about a lead, told in hours after `MONDAY`."""

    monday = MONDAY
    lead = LEAD

    def at(self, hours: float) -> datetime:
        return MONDAY + timedelta(hours=hours)

    def lead_id(self, number: int) -> str:
        return f"{LEAD[:-6]}{number:06d}"

    def contact(self, country: str | None = "DE", postal_code: str | None = "20095") -> Contact:
        return Contact(
            email="kim@customer.example",
            full_name="Kim Brandt",
            country=country,
            postal_code=postal_code,
            company="Kontor",
        )

    def qualified(
        self,
        round_: int = 1,
        country: str | None = "DE",
        hours: float = 0,
        postal_code: str | None = "20095",
        **more: Any,
    ) -> LeadQualified:
        contact = self.contact(country, postal_code)
        known = {name: getattr(contact, name) for name in ("country", "postal_code")}
        fields = {name: value for name, value in known.items() if value is not None} | more.pop("fields", {})
        shared: dict[str, Any] = {
            "round": round_,
            "caused_at": self.at(hours),
            "score": Score(total=60, fit=30, interest=20, energy=10),
            "temperature": "warm",
            "definition": DefinitionRef(label="d", playbook="p-1"),
            "why": [Reason(criterion="fits", label="Fits", value=True, points=10)],
            "source": "web",
            "contact": contact,
            "fields": fields,
            "history": [HistoryItem(at=self.at(hours), kind="received", what="web")],
            "qualified_at": self.at(hours),
        }
        return LeadQualified(**{**shared, **more})

    def disqualified(self, round_: int = 1) -> LeadDisqualified:
        return LeadDisqualified(
            round=round_,
            score=Score(total=0),
            temperature="cold",
            definition=DefinitionRef(label="d", playbook="p-1"),
            reason="never_fits",
        )

    def nurtured(self, round_: int = 0, **more: Any) -> LeadNurtured:
        return LeadNurtured(
            round=round_,
            score=Score(total=10),
            temperature="cold",
            definition=DefinitionRef(label="d", playbook="p-1"),
            contact=self.contact(),
            track="this_quarter",
            unmet=["fits"],
            look_again_at=self.at(24 * 90),
            **more,
        )

    def status(self, hours: float, status: Any, **more: Any) -> LeadStatusReported:
        return LeadStatusReported(status=status, occurred_at=self.at(hours), **more)

    def updated(self, hours: float, contact: Contact) -> LeadUpdated:
        return LeadUpdated(source="web", occurred_at=self.at(hours), contact=contact)

    def _promise(self, owner: str, attempt: int, round_: int, policy: str) -> dict[str, Any]:
        return {
            "round": round_,
            "promise": "first_response",
            "policy": policy,
            "owner": owner,
            "attempt": attempt,
            "started_at": self.at(0),
            "due_at": self.at(4),
        }

    def breached(
        self, owner: str, attempt: int = 0, round_: int = 1, policy: str = "plain", **more: Any
    ) -> SlaBreached:
        known = self._promise(owner, attempt, round_, policy) | {"breached_at": self.at(4), "fired_at": self.at(4)}
        return SlaBreached(**{**known, **more})

    def stopped(self, owner: str, attempt: int = 0, round_: int = 1, **more: Any) -> SlaStopped:
        known = self._promise(owner, attempt, round_, "plain")
        return SlaStopped(**{**known, "rule": "touches", "reason": "never_reached", "touches": 6, **more})

    def rep(self, rep_id: str, **more: Any) -> Rep:
        return Rep.model_validate(rep(rep_id, **more))


@asynccontextmanager
async def running(
    playbook: Playbook, home: Path, clock: FixedClock, database_url: str | None = None, *, partitions: int = 4
) -> AsyncIterator[Bench]:
    """A bench with routing on it, its roster seeded as at a start."""
    settings = Settings(home=home, partitions=partitions)
    service = RoutingService(FixedPlaybook(playbook), settings)  # type: ignore[arg-type]
    async with Bench.of(service, home, clock, database_url=database_url, partitions=partitions) as opened:
        await service.take_playbook(opened.engine, playbook)
        yield opened


OpenBench = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture(scope="session")
def playbook() -> Playbook:
    return make_playbook()


@pytest.fixture(scope="session")
def make() -> Callable[..., Playbook]:
    return make_playbook


@pytest.fixture(scope="session")
def facts() -> Facts:
    return Facts()


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(MONDAY)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Both stores, one after the other; None is a SQLite file."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("postgres").new_database()
    return url


@pytest.fixture
async def bench(
    playbook: Playbook, clock: FixedClock, tmp_path: Path, database_url: str | None
) -> AsyncIterator[Bench]:
    async with running(playbook, tmp_path, clock, database_url) as opened:
        yield opened


@pytest.fixture
async def desk(playbook: Playbook, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Bench]:
    """As `bench`, on SQLite only: for what does not depend on the store."""
    async with running(playbook, tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def open_bench(tmp_path: Path) -> OpenBench:
    """Open a bench on a playbook of one's own."""

    @asynccontextmanager
    async def opened(
        playbook: Playbook,
        at: datetime = MONDAY,
        name: str = "own",
        *,
        partitions: int = 4,
        database_url: str | None = None,
    ) -> AsyncIterator[Bench]:
        home = tmp_path / name
        home.mkdir()
        async with running(playbook, home, FixedClock(at), database_url, partitions=partitions) as bench:
            yield bench

    return opened


@pytest.fixture
async def deliver(
    playbook: Playbook, clock: FixedClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Delivering]:
    """Routing on SQLite that may call servers on loopback."""
    monkeypatch.setenv("BATON_OUTBOUND_ALLOW", "http://127.0.0.1")
    async with running(playbook, tmp_path, clock) as opened:
        delivering = await Delivering.on(opened)
        yield delivering
        await delivering.close()
