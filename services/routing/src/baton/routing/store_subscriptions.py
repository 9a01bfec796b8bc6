"""SQL of subscriptions: endpoints made by the API. None commits or reads a clock."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from baton.playbook.endpoints import Endpoint
from baton.routing.deliveries.receivers import Receiver
from baton.routing.tables import Tables


class Shelf:
    """Reads subscriptions; one that has not changed is not made ready anew."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._known: dict[tuple[str, int], Receiver] = {}

    def all(self, tx: Connection) -> list[Receiver]:
        """Return every subscription."""
        table = self._tables.subscription
        versions = tx.execute(select(table.c.id, table.c.version).order_by(table.c.id)).all()
        wanted = [(row.id, row.version) for row in versions]
        if missing := [key for key in wanted if key not in self._known]:
            rows = tx.execute(select(table).where(table.c.id.in_([name for name, _ in missing])))
            self._known = {key: one for key, one in self._known.items() if key in wanted}
            self._known |= {(row.id, row.version): receiver_of(row) for row in rows}
        return [self._known[key] for key in wanted if key in self._known]


def receiver_of(row: Row[Any]) -> Receiver:
    """Return the subscription that a row holds."""
    endpoint = Endpoint.model_validate_json(row.body)
    keys = tuple((one["secret"], datetime.fromisoformat(one["until"]) if one["until"] else None) for one in row.secrets)
    facts = frozenset(endpoint.facts)
    return Receiver(row.id, endpoint.label, "webhook", "api", facts, endpoint, keys=keys, version=row.version)


def add(tx: Connection, tables: Tables, endpoint: Endpoint, key: str, now: datetime, by: str) -> None:
    """Write down a new subscription with its first key."""
    values = {
        "id": endpoint.id,
        "version": 1,
        "body": endpoint.model_dump_json(),
        "secrets": _kept([(key, None)]),
        "made_at": now,
        "made_by": by,
    }
    tx.execute(insert(tables.subscription).values(**values))


def find(tx: Connection, tables: Tables, subscription: str) -> Row[Any] | None:
    """Return the row of a subscription, locked; None if there is none."""
    query = select(tables.subscription).where(tables.subscription.c.id == subscription).with_for_update()
    return tx.execute(query).first()


def put_keys(tx: Connection, tables: Tables, row: Row[Any], keys: Sequence[tuple[str, datetime | None]]) -> None:
    """Let the subscription sign with these keys."""
    values = {"secrets": _kept(keys), "version": row.version + 1}
    tx.execute(update(tables.subscription).where(tables.subscription.c.id == row.id).values(**values))


def remove(tx: Connection, tables: Tables, subscription: str) -> bool:
    """Forget a subscription and everything that was on its way to it. False if there is none."""
    if find(tx, tables, subscription) is None:
        return False
    tx.execute(delete(tables.subscription).where(tables.subscription.c.id == subscription))
    for table in (tables.delivery, tables.outlet, tables.crm_record):
        tx.execute(delete(table).where(table.c.endpoint == subscription))
    return True


def _kept(keys: Sequence[tuple[str, datetime | None]]) -> list[dict[str, str | None]]:
    return [{"secret": key, "until": until.isoformat() if until else None} for key, until in keys]
