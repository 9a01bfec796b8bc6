"""A service with no domain, to drive the runtime: it adds up numbers per subject and says the sum."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, ClassVar

from alembic import op
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, select

from baton.runtime.handler import Cause, Command, Decision, Draft, Due, Heard, Job, JobDone, Refusal, Reply, Service
from baton.runtime.store import fetch, new_metadata, upsert
from baton.runtime.store.migrations import create_v1, erase_v2, pages_v3
from baton.runtime.testing import Bench


class Number(BaseModel):
    """What the toy hears; `poison` makes it raise, `unstorable` makes the store refuse."""

    type: ClassVar[str] = "toy.number"
    topic: ClassVar[str] = "toys.numbers"
    n: int
    poison: bool = False
    unstorable: bool = False


class Extra(BaseModel):
    """The same from a second publisher, on a topic of its own."""

    type: ClassVar[str] = "toy.extra"
    topic: ClassVar[str] = "toys.extras"
    n: int


class Ignored(BaseModel):
    """A type on a topic the toy hears that it does not care for."""

    type: ClassVar[str] = "toy.ignored"
    topic: ClassVar[str] = "toys.numbers"


class Summed(BaseModel):
    """What the toy says."""

    type: ClassVar[str] = "toy.summed"
    topic: ClassVar[str] = "toys.sums"
    sum: int
    because: str
    grand_total: int


@dataclass(frozen=True)
class Sum:
    """The state of a subject."""

    total: int = 0
    note: str = ""


class Toy(Service[Sum, int]):
    """Adds. The books are one grand total over all subjects."""

    name = "toy"
    hears: Mapping[str, Mapping[str, type[BaseModel]]] = {
        "toys.numbers": {"toy.number": Number},
        "toys.extras": {"toy.extra": Extra},
    }
    says: Sequence[str] = ("toys.sums",)
    deadlines = frozenset({"deadline"})

    def __init__(self) -> None:
        self.metadata = new_metadata()
        self.registry = CollectorRegistry()
        self.toy = Table(
            "toy",
            self.metadata,
            Column("subject", Text, primary_key=True),
            Column("total", BigInteger, nullable=False),
            Column("note", Text, nullable=False),
        )
        self.grand = Table("grand", self.metadata, Column("id", Integer, primary_key=True), Column("total", BigInteger))
        self.job_runs = 0
        self.fail_commits = False

    def books(self, tx: Connection) -> int:
        total = tx.execute(select(self.grand.c.total).with_for_update()).scalar()
        return int(total or 0)

    def load(self, tx: Connection, subjects: Sequence[str]) -> dict[str, Sum]:
        found = {row.subject: Sum(row.total, row.note) for row in fetch(tx, self.toy, "subject", subjects)}
        return {subject: found.get(subject, Sum()) for subject in subjects}

    def decide(  # noqa: C901  (one line a case)
        self, state: Sum, books: int, cause: Cause, now: datetime
    ) -> Decision[Sum]:
        match cause:
            case Heard(body=Number(poison=True)):
                raise RuntimeError("this number is poison")
            case Heard(body=Number(unstorable=True)):
                return Decision(replace(state, note="a\x00b" * (state.total + 1)))
            case Heard(body=Number(n=n) | Extra(n=n)):
                return self._added(state, books, n, cause.type, now)
            case Due(kind=kind):
                said = Summed(sum=state.total, because=kind, grand_total=books)
                return Decision(state, facts=(Draft(said),))
            case Command(name="add", body=n):
                return replace(self._added(state, books, n, "command", now), reply=Reply({"sum": state.total + n}))
            case Command(name="refuse"):
                return Decision(replace(state, total=-1), reply=Refusal(409, "No", "because"))
            case Command(name="fetch", body=what):
                return Decision(state, jobs=(Job("fetch", "it", what),))
            case Command(name="wait", body=(kind, at)):
                return Decision(state, due={kind: at})
            case JobDone(result=result, failed=failed):
                said = Summed(sum=state.total, because=f"job {result or failed}", grand_total=books)
                return Decision(state, facts=(Draft(said),))
            case _:
                return Decision(state)

    @staticmethod
    def _added(state: Sum, books: int, n: int, why: str, now: datetime) -> Decision[Sum]:
        total = state.total + n
        said = Draft(Summed(sum=total, because=why, grand_total=books + n))
        due = {"deadline": now + timedelta(hours=1)} if n == 60 else {"deadline": None} if n == 61 else {}
        return Decision(replace(state, total=total), facts=(said,), due=due, books=books + n)

    def keep(self, tx: Connection, states: Mapping[str, Sum], books: int | None, now: datetime) -> None:
        if any("\x00" in state.note for state in states.values()):
            raise ValueError("no NUL in text")
        rows = [{"subject": s, "total": state.total, "note": state.note} for s, state in states.items()]
        upsert(tx, self.toy, rows)
        if books is not None:
            upsert(tx, self.grand, [{"id": 1, "total": books}])

    def jobs(self) -> Mapping[str, Callable[[Any], Awaitable[Any]]]:
        return {"fetch": self._fetch}

    async def _fetch(self, what: Any) -> Any:
        self.job_runs += 1
        return f"got {what}"

    def ledger(self, tx: Connection) -> dict[str, Any]:
        return {"grand_total": self.books(tx)}


def create_toy_tables() -> None:
    """The toy's migration."""
    import sqlalchemy as sa

    create_v1()
    erase_v2()
    pages_v3()
    op.create_table(
        "toy",
        sa.Column("subject", sa.Text, primary_key=True),
        sa.Column("total", sa.BigInteger, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
    )
    op.create_table("grand", sa.Column("id", sa.Integer, primary_key=True), sa.Column("total", sa.BigInteger))


class Bookless(Toy):
    """A toy that shares nothing between subjects, so that nothing but the subjects' own locks is in the way."""

    def books(self, tx: Connection) -> int:
        return 0

    def keep(self, tx: Connection, states: Mapping[str, Sum], books: int | None, now: datetime) -> None:
        super().keep(tx, states, None, now)


async def totals(bench: Bench) -> list[int]:
    """The sums it has said, in order."""
    return [fact.body["sum"] for fact in await bench.said()]


async def parked(bench: Bench) -> list[tuple[str, str]]:
    """Subject and reason of each fact that is parked."""
    return [(row["subject"], row["reason"]) for row in await bench.engine.parked.list()]


async def testing_migrate(url: str) -> None:
    """Make the toy's tables by the very functions services' migrations call."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    from baton.runtime.store import open_store

    def make(tx: Any) -> None:
        with Operations.context(MigrationContext.configure(tx)):
            create_toy_tables()

    store = open_store(url)
    await store.write(make)
    await store.close()
