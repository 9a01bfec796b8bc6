"""Routing's tables, beside the runtime's."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

from baton.runtime.store import Instant, Json, new_metadata
from baton.runtime.store.tables import BIG_ID

_WAITING = ("pool", "waiting", "needs", "since", "lead_id")


class Tables(NamedTuple):
    """Handles to routing's own tables."""

    books: Table
    rep: Table
    lead: Table
    decision: Table
    kept: Table
    account: Table
    named_account: Table
    subscription: Table
    outlet: Table
    delivery: Table
    overheard: Table
    crm_record: Table


def make_tables() -> tuple[MetaData, Tables]:
    """Return fresh metadata with the runtime's tables and routing's."""
    metadata = new_metadata()
    # One row: what rotation remembers. Locked by every decision, so it is the order in which decisions are made.
    books = Table(
        "books",
        metadata,
        Column("id", Integer, primary_key=True, autoincrement=False),
        Column("version", BigInteger, nullable=False),
        Column("roster_version", BigInteger, nullable=False),
        Column("roster_hash", Text, nullable=False),
        Column("digest", Text, nullable=False),  # of `body`: what a process has parsed before need not be parsed again
        Column("body", Text, nullable=False),
    )
    rep = Table(
        "rep",
        metadata,
        Column("rep_id", Text, primary_key=True),
        Column("body", Text, nullable=False),
        Column("changed_at", Instant, nullable=False),
    )
    is_waiting, has_wish = text("waiting IS NOT NULL"), text("prefers IS NOT NULL")
    lead = Table(
        "lead",
        metadata,
        Column("lead_id", Text, primary_key=True),
        Column("fate", Text, nullable=False),
        Column("round", Integer, nullable=False),
        Column("bearer", Text),  # whose load it is
        Column("score", Float, nullable=False),
        Column("waiting", Text),  # why it is held, while it is
        Column("pool", Text),
        Column("since", Instant, nullable=False),  # when it was first held, while it is; else when last written
        Column("body", Text, nullable=False),
        Column("needs", Text),  # what it asks of whoever gets it, while it is held
        Column("prefers", Text),  # whom it prefers, while it is held
        Column("had", Text),  # who has had it in this round, while it is held
        # A rep's list, best first; and for waking them the oldest held leads of each kind.
        Index("lead_queue", "bearer", "score", "lead_id"),
        Index("lead_waiting", *_WAITING, postgresql_where=is_waiting, sqlite_where=is_waiting),
        Index("lead_prefers", "since", "lead_id", postgresql_where=has_wish, sqlite_where=has_wish),
    )
    # Every decision with its question and the accounts it looked at; playbook and roster stand in `kept`, once each.
    decision = Table(
        "decision",
        metadata,
        Column("lead_id", Text, primary_key=True),
        Column("round", Integer, primary_key=True, autoincrement=False),
        Column("number", Integer, primary_key=True, autoincrement=False),
        Column("outcome", Text, nullable=False),
        Column("decided_at", Instant, nullable=False),
        Column("inputs_hash", Text, nullable=False),
        Column("inputs", Json, nullable=False),
        Column("answer", Json, nullable=False),
        Index("decision_decided_at", "decided_at"),
    )
    kept = Table(
        "kept",
        metadata,
        Column("hash", Text, primary_key=True),
        Column("kind", Text, nullable=False),  # playbook or roster
        Column("body", Json, nullable=False),
        Column("kept_at", Instant, nullable=False),
    )
    # Who got the newest lead of a company, where rules ask for it.
    account = Table(
        "account",
        metadata,
        Column("account_id", Text, primary_key=True),
        Column("rep_id", Text, nullable=False),
        Column("lead_id", Text, nullable=False, index=True),
    )
    # Whose a company is because somebody said so.
    named_account = Table(
        "named_account",
        metadata,
        Column("account_id", Text, primary_key=True),
        Column("rep_id", Text),  # null once nobody is named any more
        Column("assigned_at", Instant, nullable=False),
        Column("assigned_by", Text),
    )
    return metadata, Tables(books, rep, lead, decision, kept, account, named_account, *_delivery_tables(metadata))


def _delivery_tables(metadata: MetaData) -> tuple[Table, ...]:
    # Endpoints made by the API; the playbook's stand in targets.yaml.
    subscription = Table(
        "subscription",
        metadata,
        Column("id", Text, primary_key=True),
        Column("version", BigInteger, nullable=False),
        Column("body", Text, nullable=False),
        Column("secrets", Json, nullable=False),  # [{secret, until}], the newest first
        Column("made_at", Instant, nullable=False),
        Column("made_by", Text),
    )
    # How each endpoint fares, whoever named it.
    outlet = Table(
        "outlet",
        metadata,
        Column("endpoint", Text, primary_key=True),
        Column("disabled", Text),  # why nothing is sent to it: gone or dead
        Column("since", Instant),
        Column("paused_until", Instant),
        Column("failures", Integer, nullable=False),  # in a row
        Column("last_success_at", Instant),
        Column("last_error", Text),
    )
    # One row for each fact and endpoint, made in the transaction that publishes (or hears) the fact.
    is_due, is_pending = text("due_at IS NOT NULL"), text("state = 'pending'")
    delivery = Table(
        "delivery",
        metadata,
        Column("id", BIG_ID, primary_key=True, autoincrement=True),
        Column("endpoint", Text, nullable=False),
        Column("lead_id", Text, nullable=False, index=True),
        Column("lane", Integer, nullable=False),
        Column("event_id", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column(
            "state", Text, nullable=False
        ),  # pending, taken (lead.delivered is still to be said), delivered, given_up
        Column("tries", Integer, nullable=False),
        Column("due_at", Instant),
        Column("made_at", Instant, nullable=False),
        Column("settled_at", Instant),
        Column("status", Integer),
        Column("error", Text),
        UniqueConstraint("endpoint", "event_id", name="delivery_endpoint_event"),
        Index("delivery_due", "endpoint", "due_at", postgresql_where=is_due, sqlite_where=is_due),
        # Whether an earlier one about the same lead is still to be delivered.
        Index("delivery_order", "endpoint", "lead_id", "id", postgresql_where=is_pending, sqlite_where=is_pending),
        Index("delivery_settled", "settled_at"),
    )
    # Facts of others that are passed on; routing's own stand in its journal.
    overheard = Table(
        "overheard",
        metadata,
        Column("event_id", Text, primary_key=True),
        Column("lead_id", Text, nullable=False, index=True),
        Column("lane", Integer, nullable=False),
        Column("type", Text, nullable=False),
        Column("headers", Json, nullable=False),
        Column("value", LargeBinary, nullable=False),
        Column("recorded_at", Instant, nullable=False, index=True),
    )
    # What an endpoint's answers said of a lead: the ids it has there.
    crm_record = Table(
        "crm_record",
        metadata,
        Column("lead_id", Text, primary_key=True),
        Column("endpoint", Text, primary_key=True),
        Column("record", Json, nullable=False),
        Column("changed_at", Instant, nullable=False),
    )
    return subscription, outlet, delivery, overheard, crm_record
