"""What a service is to the runtime: it loads, decides and keeps; the runtime does the rest.

One road for records, timers and people's commands: lock, load, decide, keep, journal, commit. `decide` is pure; only
the
runtime commits. docs/architecture.md tells the whole mechanism.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from sqlalchemy import Connection, MetaData

if TYPE_CHECKING:
    from fastapi import APIRouter

    from baton.runtime.engine import Engine

S = TypeVar("S")
B = TypeVar("B")

Subject = str
"""What a fact is about: a lead id, or a rep id on the roster's topic. Also the record's key."""


class Body(Protocol):
    """The data of a fact: a frozen pydantic model that knows its type and its topic."""

    type: ClassVar[str]
    topic: ClassVar[str]


@dataclass(frozen=True, slots=True)
class Heard:
    """A fact read from a topic, decoded, in the publisher's order and never before."""

    id: str
    type: str
    subject: Subject
    source: str
    """The publisher's name: intake, scoring, routing or sla-monitor."""
    sequence: int
    at: datetime
    """When it happened."""
    recorded_at: datetime
    """When the publisher wrote it down."""
    body: Any
    playbook: str | None = None
    trace: str | None = None
    cause: str | None = None
    """The id of what it was said on; only of facts a service takes in of its own earlier life."""


@dataclass(frozen=True, slots=True)
class Due:
    """A timer has come due. Its row is cleared in the same transaction unless the decision sets the kind again."""

    id: str
    subject: Subject
    kind: str
    due_at: datetime
    version: int


@dataclass(frozen=True, slots=True)
class Command:
    """Somebody asks for something: a person, or intake on behalf of a sender. Answered with a `Reply` or a
    `Refusal`."""

    id: str
    """Also the cause of the facts that follow, so the same command id can never publish twice."""
    subject: Subject
    name: str
    body: Any = None
    actor: str | None = None
    trace: str | None = None
    """Where the trace it belongs to began, as `traceparent` writes it."""
    span: str | None = None
    """What in that trace it follows from (16 hex digits), if that is not its beginning."""


@dataclass(frozen=True, slots=True)
class JobDone:
    """The answer of a job: what it returned, or why it was given up."""

    id: str
    subject: Subject
    kind: str
    result: Any = None
    failed: str | None = None


Cause = Heard | Due | Command | JobDone


@dataclass(frozen=True, slots=True)
class Draft:
    """A fact to be published: the runtime adds ids, sequence, times and headers."""

    body: Any
    subject: Subject | None = None
    """None: the subject of the cause."""
    at: datetime | None = None
    """When it happened; None: now."""
    event_id: str | None = None
    """None: derived from publisher, cause, type and position. Intake derives its own from the dedupe key."""


@dataclass(frozen=True, slots=True)
class Job:
    """Work outside the transaction (a fetch, a delivery). Runs once it is committed; its answer comes back as
    `JobDone`."""

    kind: str
    key: str
    """One job of a kind and key per subject at a time; a newer one replaces it."""
    payload: Any = None
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a command, sent after COMMIT."""

    body: Any = None
    status: int = 200


@dataclass(frozen=True, slots=True)
class Refusal:
    """A command that may not be done; changes nothing and becomes problem details (RFC 9457)."""

    status: int
    title: str
    detail: str | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Decision(Generic[S]):
    """What follows from a cause. Everything in it happens in one transaction, or nothing does."""

    state: S
    facts: tuple[Draft, ...] = ()
    due: Mapping[str, datetime | None] = field(default_factory=dict)
    """Timer kind to its new due time; None clears. The runtime raises the timer's version."""
    jobs: tuple[Job, ...] = ()
    reply: Reply | Refusal | None = None
    """Commands only."""
    books: Any = None
    """The books after this decision; None: unchanged. Never mutate the books you were given."""


@dataclass(frozen=True, slots=True)
class Span:
    """A time, from its beginning up to, not including, its end; without an end until now."""

    since: datetime
    until: datetime | None
    sequences: range | None = None
    """Which of the publisher's own facts, where it is known."""

    def has(self, at: datetime) -> bool:
        """True if the moment is within it."""
        return self.since <= at and (self.until is None or at < self.until)


class Service(Generic[S, B]):
    """A service, to be subclassed. Attributes are set in its `build(settings)`; nothing happens at import.

    `load`, `books` and `keep` are the service's only SQL on the handlers' road (they call its store.py). They are sync,
    run inside the runtime's transaction, must not commit, and never read a clock.
    """

    name: str
    """Kebab-case: the first path segment, the publisher's name."""
    hears: Mapping[str, Mapping[str, type[BaseModel]]] = {}
    needs_bus: bool = True
    """False: what it hears may wait, and it does its work while the bus is away, for the journal keeps what it says."""
    says: Sequence[str] = ()
    """Topics it publishes on."""
    deadlines: frozenset[str] = frozenset()
    """Timer kinds that fire only once the lane has read its inputs to an end taken 2 s after the due time."""
    patience: float = 0.0
    """Seconds that facts may wait for others to be handled with, where nobody waits for what follows."""
    vocabulary: Mapping[str, type[BaseModel]] = {}
    """The facts it says, by type: what it reads its own topics with after its store was lost."""
    erased_by: frozenset[str] = frozenset()
    """Types of facts that end a subject, whether heard or said: all that is kept of it is wiped in that transaction,
    and nothing is decided about it any more."""
    repeats_for: timedelta | None = timedelta(days=1)
    """For how long its facts may repeat what was known of two subjects that were one and no longer are: until it has
    heard that they are two. None: for ever."""
    follows_erased: Mapping[str, type[BaseModel]] = {}
    """Facts about an erased subject that are heard all the same, without the person: for what only counts. By type,
    each with its whole contract."""
    metadata: MetaData
    """Its tables; made with `baton.runtime.store.new_metadata()`, which puts the runtime's own tables beside them."""
    registry: CollectorRegistry

    def books(self, tx: Connection) -> B:
        """Return the state shared between leads, its row locked (`FOR UPDATE`). None where there is none."""
        return None  # type: ignore[return-value]

    def load(self, tx: Connection, subjects: Sequence[Subject]) -> dict[Subject, S]:
        """Return the state of each subject, a fresh one for the unknown. The runtime holds the subjects' locks."""
        raise NotImplementedError

    def decide(self, state: S, books: B, cause: Cause, now: datetime) -> Decision[S]:
        """Say what follows from `cause`. Pure: no clock, no chance, no I/O; never mutates what it is given."""
        raise NotImplementedError

    def adopt(self, state: S, books: B, cause: Heard | None, said: Sequence[Heard], now: datetime) -> Decision[S]:
        """Return what the service must have decided on `cause`, given that it said exactly `said`. Pure.

        Asked while a restored store is rolled forward (ADR 0008), where deciding again would say something else: what
        was said stands, whatever would be chosen today. `cause` is None where it is not known: a timer, a person's
        command. `said` may be empty: then the cause only taught something. The decision's own facts are ignored.
        """
        raise NotImplementedError(f"{self.name} cannot be rolled forward")

    def keep(self, tx: Connection, states: Mapping[Subject, S], books: B | None, now: datetime) -> None:
        """Write the states that changed, and the books if not None, with one upsert a table."""
        raise NotImplementedError

    def forget(self, tx: Connection, subjects: Sequence[Subject], now: datetime) -> None:
        """Wipe everything that is kept of these subjects but what must be counted. After `keep`, in its transaction."""
        raise NotImplementedError(f"{self.name} cannot forget anybody")

    def parted(self, state: S) -> S:
        """Return the state of a subject that was one with an erased one, without what it may repeat of that one."""
        return state

    def forget_told(self, tx: Connection, subject: Subject, span: Span) -> None:
        """Wipe what tables hold of what was said of this subject then: it tells of an erased one, too. After `keep`."""

    def personal_data(self, tx: Connection, subject: Subject) -> dict[str, Any]:
        """Return everything the service's own tables hold of this subject, for whom the law lets ask."""
        return {}

    def ledger(self, tx: Connection) -> dict[str, Any]:
        """Return the counts that `baton audit` balances."""
        return {}

    def ledger_page(self, tx: Connection, after: str, limit: int) -> list[dict[str, Any]]:
        """Return up to `limit` leads with an id above `after`, in id order: `{"lead_id", "fate", …}` each."""
        return []

    def routers(self, engine: Engine) -> Sequence[APIRouter]:
        """Return its HTTP routes; each path begins with `/<name>`."""
        return ()

    def jobs(self) -> Mapping[str, Callable[[Any], Awaitable[Any]]]:
        """Return what runs each kind of job. A job that raises is tried again with back-off, then given up."""
        return {}

    def tasks(self) -> Sequence[Callable[[Engine], Awaitable[None]]]:
        """Return tasks that run as long as the service does (playbook watch, gauges); they must not publish."""
        return ()

    def playbook_version(self) -> str | None:
        """Return the version named in the header of every fact, if the service works by the playbook."""
        return None

    def concerns(self) -> Mapping[str, str]:
        """Return what needs a look, with the reason, though the service can do its work: shown by `readyz`, logged."""
        return {}
