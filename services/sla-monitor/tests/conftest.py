"""A small world for the clocks: policies with every promise and with one, two offices, and facts about a lead."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from baton.contracts import (
    Answer,
    Contact,
    DefinitionRef,
    HistoryItem,
    LeadAnswered,
    LeadDisqualified,
    LeadHeld,
    LeadMerged,
    LeadReassigned,
    LeadRecycled,
    LeadRouted,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
    Owner,
    Rep,
    RepChanged,
    RuleRef,
    Score,
    Trace,
)
from baton.playbook import Playbook, Policy, Sla, load
from baton.playbook.calendars import Calendars
from baton.runtime.clock import FixedClock
from baton.runtime.testing import Bench
from baton.sla_monitor.service import SlaMonitor

EXAMPLE = load(Path(__file__).parents[3] / "deploy" / "playbook")
MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
"""A Monday, 10:00 in Berlin."""
LEAD = "0190aaaa-0000-7000-8000-000000000001"

BERLIN = {
    "id": "berlin",
    "label": "Berlin",
    "zone": "Europe/Berlin",
    "week": {"mon-fri": ["09:00-12:00", "13:00-18:00"]},
}
NEW_YORK = {"id": "new_york", "label": "New York", "zone": "America/New_York", "week": {"mon-fri": ["09:00-17:00"]}}
NIGHTS = {"id": "nights", "label": "Night desk", "zone": "Europe/Berlin", "week": {"mon-sun": ["22:00-06:00"]}}
ALWAYS = {"id": "always", "label": "Always", "zone": "UTC", "week": {"mon-sun": ["00:00-24:00"]}}

FULL = {
    "id": "full",
    "label": "Every promise",
    "first_attempt": "4h",
    "first_contact": "8h",
    "touches": {"call": 2, "email": 1, "within": "5d"},
    "stop": {"touches": 4, "after": "20d", "reason": "never_reached"},
    "after_work": {"work_for": "30d", "then": "recycle", "reason": "wrong_time"},
}
CHAINED = {
    **FULL,
    "id": "chained",
    "label": "Every promise, warned of twice, and told on",
    "warn_at": [50, 80],
    "escalate": [{"to": "owner"}, {"to": "manager", "after": "2h"}],
}
PLAIN = {"id": "plain", "label": "First attempt only", "first_attempt": "4h"}


def make_playbook(*policies: dict[str, Any], **more: Any) -> Playbook:
    def read(model: Any, value: Any) -> Any:
        return model.model_validate_json(orjson.dumps(value))

    calendars = read(Calendars, {"calendars": [BERLIN, NEW_YORK, NIGHTS, ALWAYS], **more})
    sla = Sla(policies=tuple(read(Policy, policy) for policy in policies or (FULL, PLAIN, CHAINED)))
    return Playbook(EXAMPLE.models.model_copy(update={"sla": sla, "calendars": calendars}))


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

    def __init__(self, playbook: Playbook) -> None:
        self.playbook = playbook

    def at(self, hours: float) -> datetime:
        return MONDAY + timedelta(hours=hours)

    def owner(self, rep: str = "ada", calendar: str = "always", team: str | None = "north") -> Owner:
        return Owner(id=rep, name=rep.title(), team=team, zone="UTC", calendar=calendar)

    def _handed(self, hours: float, owner: Owner, policy: str, round_: int, **more: Any) -> dict[str, Any]:
        policies = {known.id: known for known in self.playbook.sla.policies}
        due = self.playbook.calendar(owner.calendar).add(self.at(hours), policies[policy].first_attempt)
        return {
            "round": round_,
            "decided_at": self.at(hours),
            "owner": owner,
            "rule": RuleRef(id="any", playbook="p-1"),
            "policy": policy,
            "respond_by": due,
            "calendar_version": self.playbook.calendar(owner.calendar).version,
            "contact": Contact(email="kim@example.com"),
            "score": Score(total=50),
            "temperature": "warm",
            "trace": Trace(inputs_hash="0" * 64),
            "books_version": 1,
            "caused_at": self.at(hours),
            **more,
        }

    def routed(
        self, hours: float = 0, policy: str = "full", owner: Owner | None = None, round_: int = 1, **more: Any
    ) -> LeadRouted:
        return LeadRouted(**self._handed(hours, owner or self.owner(), policy, round_, **more))

    def reassigned(
        self, hours: float, attempt: int = 1, policy: str = "full", owner: Owner | None = None, **more: Any
    ) -> LeadReassigned:
        more = {"reason": "breach", "previous_owner": "ada", **more}
        round_ = more.pop("round_", 1)
        return LeadReassigned(**self._handed(hours, owner or self.owner("bo"), policy, round_, **more), attempt=attempt)

    def merged(self, hours: float) -> LeadMerged:
        return LeadMerged(into="other", because="by_hand", occurred_at=self.at(hours))

    def posted(self, **more: Any) -> LeadUpdated:
        return LeadUpdated(source="web", occurred_at=self.at(0), contact=Contact(), **more)

    def held(self, reason: Any = "manager", round_: int = 1) -> LeadHeld:
        return LeadHeld(round=round_, reason=reason)

    def recycled(self, round_: int = 1) -> LeadRecycled:
        return LeadRecycled(round=round_, reason="wrong_time", status="recycle")

    def disqualified(self, round_: int = 1) -> LeadDisqualified:
        return LeadDisqualified(
            round=round_,
            score=Score(total=0),
            temperature="cold",
            definition=DefinitionRef(label="d", playbook="p-1"),
            reason="never_fits",
        )

    def touched(
        self, hours: float, channel: Any = "call", outcome: str | None = "nothing", direction: Any = "out", **more: Any
    ) -> LeadTouched:
        said = {"rep": "ada", "channel": channel, "direction": direction, "outcome": outcome}
        return LeadTouched(**said, **more, occurred_at=self.at(hours))

    def status(self, hours: float, status: Any, **more: Any) -> LeadStatusReported:
        return LeadStatusReported(status=status, occurred_at=self.at(hours), **more)

    def wishes(self, hours: float, value: Any, what: str = "channel") -> LeadAnswered:
        return LeadAnswered(answer=Answer(question=f"wish.{what}", value=value, occurred_at=self.at(hours)))

    def homework(self, hours: float, state: str = "set", **more: Any) -> LeadAnswered:
        value = {"task": "Pick two points", "state": state, **more}
        return LeadAnswered(answer=Answer(question="homework", value=value, occurred_at=self.at(hours)))

    def not_before(self, hours: float, until: float) -> LeadAnswered:
        value = self.at(until).isoformat()
        return LeadAnswered(answer=Answer(question="wish.not_before", value=value, occurred_at=self.at(hours)))

    def answered(self, hours: float, question: str = "cause") -> LeadAnswered:
        return LeadAnswered(answer=Answer(question=question, value="new warehouse", occurred_at=self.at(hours)))

    def history(self, hours: float, question: str, value: Any) -> HistoryItem:
        return HistoryItem(at=self.at(hours), kind="answer", what=question, detail=value)

    def rep(self, rep: str = "ada", name: str = "Ada Byron") -> RepChanged:
        return RepChanged(rep=Rep(id=rep, name=name, zone="UTC", calendar="always"))


OpenBench = Callable[..., AbstractAsyncContextManager[Bench]]


@pytest.fixture(scope="session")
def playbook() -> Playbook:
    return make_playbook()


@pytest.fixture(scope="session")
def facts(playbook: Playbook) -> Facts:
    return Facts(playbook)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(MONDAY)


@pytest.fixture
def monitor(playbook: Playbook) -> SlaMonitor:
    return SlaMonitor(FixedPlaybook(playbook))  # type: ignore[arg-type]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str | None:
    """Both stores, one after the other; None is a SQLite file."""
    if request.param == "sqlite":
        return None
    url: str = request.getfixturevalue("postgres").new_database()
    return url


@pytest.fixture
async def bench(
    monitor: SlaMonitor, clock: FixedClock, tmp_path: Path, database_url: str | None
) -> AsyncIterator[Bench]:
    async with Bench.of(monitor, tmp_path, clock, database_url=database_url) as opened:
        yield opened


@pytest.fixture
async def desk(monitor: SlaMonitor, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Bench]:
    """As `bench`, on SQLite only: for what does not depend on the store."""
    async with Bench.of(monitor, tmp_path, clock) as opened:
        yield opened


@pytest.fixture
def open_bench(tmp_path: Path) -> OpenBench:
    """Open a bench on a playbook of one's own."""

    @asynccontextmanager
    async def opened(playbook: Playbook, at: datetime) -> AsyncIterator[Bench]:
        async with Bench.of(SlaMonitor(FixedPlaybook(playbook)), tmp_path, FixedClock(at)) as bench:  # type: ignore[arg-type]
            yield bench

    return opened


@pytest.fixture(scope="session")
def make() -> Callable[..., Playbook]:
    return make_playbook
