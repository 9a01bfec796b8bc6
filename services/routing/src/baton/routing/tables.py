"""Routing's tables, beside the runtime's."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import BigInteger, Column, Float, Index, Integer, MetaData, Table, Text, text

from baton.runtime.store import Instant, Json, new_metadata


class Tables(NamedTuple):
    """Handles to routing's own tables."""

    books: Table
    rep: Table
    lead: Table
    decision: Table
    kept: Table


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
    is_waiting = text("waiting IS NOT NULL")
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
        # A rep's list, best first; and the oldest held leads of a pool, for waking them.
        Index("lead_queue", "bearer", "score", "lead_id"),
        Index("lead_waiting", "pool", "since", postgresql_where=is_waiting, sqlite_where=is_waiting),
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
    return metadata, Tables(books, rep, lead, decision, kept)
