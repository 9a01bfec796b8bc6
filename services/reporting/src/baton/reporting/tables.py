"""The tables of the read models."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Float, Index, Integer, MetaData, Table, Text

from baton.reporting.domain.fate import FATES, STAGES
from baton.runtime.store import Instant, Json, new_metadata

FUNNEL_COUNTS = (*STAGES, "handed_over", *(f"now_{fate}" for fate in FATES))
HABIT_COUNTS = ("handed_over", "kept", "nothing_learned", "excessive")
PROMISE_COUNTS = ("started", "open", "met", "breached", "waived")

metadata: MetaData = new_metadata()

LEAD = Table(
    "lead",
    metadata,
    Column("lead_id", Text, primary_key=True),
    Column("received_at", Instant),  # null until intake's first fact was heard; such leads are not listed
    Column("fate", Text, nullable=False),
    Column("round", Integer, nullable=False),
    Column("source", Text, nullable=False),
    Column("owner", Text),
    Column("team", Text, nullable=False),
    Column("score", Float),
    Column("temperature", Text, nullable=False),
    Column("name", Text),
    Column("company", Text),
    Column("is_test", Boolean, nullable=False),
    Column("last_at", Instant),
    Column("known", Json, nullable=False),  # all of it; the columns above follow from this one
    # The list is paged newest first, whole or by one of these: each page is one walk of one index.
    Index("lead_received_at", "received_at", "lead_id"),
    Index("lead_fate", "fate", "received_at", "lead_id"),
    Index("lead_source", "source", "received_at", "lead_id"),
    Index("lead_team", "team", "received_at", "lead_id"),
    Index("lead_owner", "owner", "received_at", "lead_id"),
)

TOLD = Table(
    "told",
    metadata,
    # What one transaction heard of a lead is one row, named by the first fact in it: half as many as there are facts.
    Column("lead_id", Text, primary_key=True),
    Column("publisher", Text, primary_key=True),
    Column("sequence", Integer, primary_key=True, autoincrement=False),
    Column("entries", Json, nullable=False),
)

REP = Table(
    "rep",
    metadata,
    Column("rep_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("team", Text, nullable=False),
    Column("is_active", Boolean, nullable=False),
)

FUNNEL = Table(
    "funnel",
    metadata,
    Column("during", Text, primary_key=True),  # a UTC day, or `month 2026-03` for the sum over its days
    Column("source", Text, primary_key=True),
    Column("team", Text, primary_key=True),
    Column("round", Integer, primary_key=True, autoincrement=False),  # 0: each person once
    Column("is_test", Boolean, primary_key=True),
    *(Column(name, Integer, nullable=False, server_default="0") for name in FUNNEL_COUNTS),
)

PROMISE = Table(
    "promise",
    metadata,
    Column("during", Text, primary_key=True),
    Column("team", Text, primary_key=True),
    Column("policy", Text, primary_key=True),
    Column("promise", Text, primary_key=True),
    *(Column(name, Integer, nullable=False, server_default="0") for name in PROMISE_COUNTS),
)

SPAN = Table(
    "span",
    metadata,
    Column("during", Text, primary_key=True),
    Column("team", Text, primary_key=True),
    Column("policy", Text, primary_key=True),
    Column("promise", Text, primary_key=True),
    Column("clock", Text, primary_key=True),
    Column("bucket", Integer, primary_key=True, autoincrement=False),
    Column("n", Integer, nullable=False, server_default="0"),
)

HABIT = Table(
    "habit",
    metadata,
    Column("during", Text, primary_key=True),
    Column("team", Text, primary_key=True),
    Column("owner", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    *(Column(name, Integer, nullable=False, server_default="0") for name in HABIT_COUNTS),
)
