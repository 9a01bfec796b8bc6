"""SQL of the definition: its versions, who signed and who read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Column, Connection, MetaData, Table, Text, func, select

from baton.playbook import Playbook
from baton.runtime.store import Instant, Json, fetch, upsert

Row = Mapping[str, Any]


def make_tables(metadata: MetaData) -> tuple[Table, Table, Table]:
    """Return the tables of versions, signatures and readings."""
    version = Table(
        "version",
        metadata,
        Column("version", Text, primary_key=True),
        Column("label", Text, nullable=False),
        Column("document", Json, nullable=False),
        Column("first_in_force_at", Instant, nullable=False),
        Column("last_in_force_at", Instant, nullable=False),
    )
    signature = Table(
        "signature",
        metadata,
        Column("version", Text, primary_key=True),
        Column("side", Text, primary_key=True),
        Column("name", Text, nullable=False),
        Column("signed_at", Instant, nullable=False),
        Column("noted_by", Text, nullable=False),
    )
    reading = Table(
        "reading",
        metadata,
        Column("version", Text, primary_key=True),
        Column("reader", Text, primary_key=True),
        Column("read_at", Instant, nullable=False),
    )
    return version, signature, reading


def note_in_force(tx: Connection, version: Table, playbook: Playbook, now: datetime) -> None:
    """Note that this version decides from now on. One that was in force before keeps the time it first was."""
    latest = tx.execute(select(version.c.version).order_by(version.c.last_in_force_at.desc()).limit(1)).scalar()
    if latest == playbook.version:
        return
    row = {
        "version": playbook.version,
        "label": playbook.label,
        "document": playbook.document(),
        "first_in_force_at": now,
        "last_in_force_at": now,
    }
    upsert(tx, version, [row], update=("last_in_force_at", "document"))


def versions(tx: Connection, version: Table) -> list[Row]:
    """Return the versions that were ever in force, without their documents; the one last put in force first."""
    names = ("version", "label", "first_in_force_at", "last_in_force_at")
    query = select(*(version.c[name] for name in names)).order_by(version.c.last_in_force_at.desc())
    return [dict(row) for row in tx.execute(query).mappings()]


def find_document(tx: Connection, version: Table, name: str) -> dict[str, Any] | None:
    """Return the document of a version, or None if it was never in force here."""
    rows = fetch(tx, version, "version", [name], columns=("document",))
    return dict(rows[0].document) if rows else None


def note_signature(tx: Connection, signature: Table, row: Row) -> None:
    """Keep a signature; what was signed before stands."""
    upsert(tx, signature, [dict(row)], update=())


def signatures(tx: Connection, signature: Table) -> list[Row]:
    """Return all signatures that were given here, the oldest first."""
    return [dict(row) for row in tx.execute(select(signature).order_by(signature.c.signed_at)).mappings()]


def note_reading(tx: Connection, reading: Table, version: str, reader: str, now: datetime) -> None:
    """Note that somebody confirmed having read this version of the definition (D5); the first time stands."""
    upsert(tx, reading, [{"version": version, "reader": reader, "read_at": now}], update=())


def readings(tx: Connection, reading: Table, version: str) -> list[Row]:
    """Return who confirmed having read this version, first reader first."""
    query = select(reading.c.reader, reading.c.read_at).where(reading.c.version == version)
    return [dict(row) for row in tx.execute(query.order_by(reading.c.read_at, reading.c.reader)).mappings()]


def count_readers(tx: Connection, reading: Table) -> dict[str, int]:
    """Return how many have read each version."""
    query = select(reading.c.version, func.count().label("readers")).group_by(reading.c.version)
    return {row.version: row.readers for row in tx.execute(query)}
