"""SQL of deliveries: what is on its way, what became of it, how endpoints fare. None commits or reads a clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    delete,
    exists,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)

from baton.routing.deliveries.addressing import Parcel
from baton.routing.tables import Tables
from baton.runtime.partition import lane_of
from baton.runtime.store import fetch, insert_missing, upsert
from baton.runtime.store.tables import RuntimeTables

MOST_ERROR = 300
ERASED = "lead.erased"


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that is ours to try: nobody else does until `until`."""

    id: int
    endpoint: str
    lead_id: str
    event_id: str
    type: str
    tries: int
    """This try included."""
    made_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Told:
    """A fact as it stands in the journal, or as it was overheard."""

    headers: Mapping[str, str]
    value: bytes


def add(tx: Connection, tables: Tables, lead_id: str, parcels: Sequence[Parcel], now: datetime, lanes: int) -> None:
    """Write down what is on its way now. What was addressed to an endpoint before is not addressed to it again."""
    lane = lane_of(lead_id, lanes)
    heard = [
        {
            "event_id": parcel.event_id,
            "lead_id": lead_id,
            "lane": lane,
            "type": parcel.type,
            "headers": dict(parcel.overheard.headers),
            "value": parcel.overheard.value,
            "recorded_at": now,
        }
        for parcel in {parcel.event_id: parcel for parcel in parcels}.values()
        if parcel.overheard is not None
    ]
    insert_missing(tx, tables.overheard, heard)
    rows = [
        {
            "endpoint": parcel.endpoint,
            "lead_id": lead_id,
            "lane": lane,
            "event_id": parcel.event_id,
            "type": parcel.type,
            "state": "pending",
            "tries": 0,
            "due_at": now,
            "made_at": now,
        }
        for parcel in parcels
    ]
    insert_missing(tx, tables.delivery, rows)


def due(
    tx: Connection, tables: Tables, endpoint: str, lanes: Iterable[int], now: datetime, limit: int
) -> list[Row[Any]]:
    """Return deliveries to try now, the longest due first: of each lead only the oldest that is pending."""
    row, before = tables.delivery.c, tables.delivery.alias("before").c
    earlier = exists().where(
        before.endpoint == row.endpoint,
        before.lead_id == row.lead_id,
        before.id < row.id,
        before.state == "pending",
    )
    query = (
        select(tables.delivery)
        .where(row.endpoint == endpoint, row.state == "pending", row.due_at <= now, row.lane.in_(list(lanes)), ~earlier)
        .order_by(row.due_at, row.id)
        .limit(limit)
    )
    return list(tx.execute(query))


def claim(
    tx: Connection, tables: Tables, runtime: RuntimeTables, row: Row[Any], owner: str, epoch: int, until: datetime
) -> Claimed | None:
    """Take a delivery for this try; None if another has it, or if its lane is no longer ours."""
    mine = exists().where(runtime.lane.c.lane == row.lane, runtime.lane.c.owner == owner, runtime.lane.c.epoch == epoch)
    taken = tx.execute(
        update(tables.delivery).where(_same(tables, row), mine).values(tries=row.tries + 1, due_at=until)
    )
    if taken.rowcount != 1:
        return None
    return Claimed(row.id, row.endpoint, row.lead_id, row.event_id, row.type, row.tries + 1, row.made_at, until)


def settle(tx: Connection, tables: Tables, claimed: Claimed, **values: Any) -> bool:
    """Write what became of a try; False if the delivery is no longer the one that was tried: replayed, or deleted."""
    if "error" in values and values["error"] is not None:
        values["error"] = str(values["error"])[:MOST_ERROR]
    done = tx.execute(update(tables.delivery).where(_same(tables, claimed)).values(**values))
    return done.rowcount == 1


def _same(tables: Tables, one: Row[Any] | Claimed) -> ColumnElement[bool]:
    row = tables.delivery.c
    return and_(
        row.id == one.id,
        row.endpoint == one.endpoint,
        row.event_id == one.event_id,
        row.tries == one.tries,
        row.state == "pending",
    )


def taken(tx: Connection, tables: Tables, lanes: Iterable[int], now: datetime, limit: int) -> list[Row[Any]]:
    """Return hand-overs that were taken and of which that is still to be said."""
    row = tables.delivery.c
    query = select(tables.delivery).where(row.state == "taken", row.due_at <= now, row.lane.in_(list(lanes)))
    return list(tx.execute(query.order_by(row.id).limit(limit)))


def said(tx: Connection, tables: Tables, delivery_id: int, event: str) -> None:
    """That the hand-over was taken has been said."""
    row = tables.delivery.c
    same = (row.id == delivery_id, row.event_id == event, row.state == "taken")
    tx.execute(update(tables.delivery).where(*same).values(state="delivered", due_at=None))


def facts(tx: Connection, tables: Tables, runtime: RuntimeTables, events: Iterable[str]) -> dict[str, Told]:
    """Return the facts with these ids, as far as they are still known."""
    wanted = list(events)
    columns = ("event_id", "headers", "value")
    found = fetch(tx, runtime.journal, "event_id", wanted, columns=columns)
    found += fetch(tx, tables.overheard, "event_id", wanted, columns=columns)
    return {row.event_id: Told(row.headers, bytes(row.value)) for row in found}


def records(tx: Connection, tables: Tables, lead_ids: Iterable[str]) -> dict[tuple[str, str], dict[str, Any]]:
    """Return (lead, endpoint) to what the endpoint's answers said of the lead."""
    found = fetch(tx, tables.crm_record, "lead_id", lead_ids)
    return {(row.lead_id, row.endpoint): dict(row.record) for row in found}


def keep_record(
    tx: Connection, tables: Tables, lead_id: str, endpoint: str, record: Mapping[str, Any], now: datetime
) -> None:
    """Remember what the endpoint calls the lead."""
    row = {"lead_id": lead_id, "endpoint": endpoint, "record": dict(record), "changed_at": now}
    upsert(tx, tables.crm_record, [row])


def outlets(tx: Connection, tables: Tables) -> dict[str, Row[Any]]:
    """Return how every endpoint fares that was ever called."""
    return {row.endpoint: row for row in tx.execute(select(tables.outlet))}


def put_outlet(tx: Connection, tables: Tables, endpoint: str, **values: Any) -> None:
    """Write how an endpoint fares; what is not named stays as it is."""
    if "last_error" in values and values["last_error"] is not None:
        values["last_error"] = str(values["last_error"])[:MOST_ERROR]
    insert_missing(tx, tables.outlet, [{"endpoint": endpoint, "failures": 0}])
    tx.execute(update(tables.outlet).where(tables.outlet.c.endpoint == endpoint).values(**values))


def find_outlet(tx: Connection, tables: Tables, endpoint: str) -> Row[Any] | None:
    """Return how an endpoint fares, its row locked; None if it was never called."""
    query = select(tables.outlet).where(tables.outlet.c.endpoint == endpoint).with_for_update()
    return tx.execute(query).first()


def resume(tx: Connection, tables: Tables, endpoint: str, now: datetime) -> int:
    """Call the endpoint again: all that is pending is due now, with all its tries before it. Returns how many."""
    put_outlet(tx, tables, endpoint, disabled=None, since=None, paused_until=None, failures=0)
    row = tables.delivery.c
    waiting = (row.endpoint == endpoint, row.state == "pending")
    return tx.execute(update(tables.delivery).where(*waiting).values(tries=0, due_at=now)).rowcount


def replay(tx: Connection, tables: Tables, delivery_id: int, now: datetime) -> Row[Any] | None:
    """Deliver one again, from its first try on; None if there is none. A disabled endpoint is called again."""
    row = tx.execute(select(tables.delivery).where(tables.delivery.c.id == delivery_id)).first()
    if row is None:
        return None
    again = {"state": "pending", "tries": 0, "due_at": now, "settled_at": None, "status": None, "error": None}
    tx.execute(update(tables.delivery).where(tables.delivery.c.id == delivery_id).values(**again))
    put_outlet(tx, tables, row.endpoint, disabled=None, since=None, paused_until=None, failures=0)
    return row


def replay_since(
    tx: Connection,
    tables: Tables,
    runtime: RuntimeTables,
    endpoint: str,
    types: Iterable[str],
    since: datetime,
    now: datetime,
) -> int:
    """Deliver everything anew that was said (or passed on) since then, in the order of then. Returns how much."""
    of_types = list(types)
    journal, heard, row = runtime.journal.c, tables.overheard.c, tables.delivery.c
    own = select(
        journal.subject.label("lead_id"), journal.lane, journal.event_id, journal.type, journal.recorded_at, journal.id
    ).where(journal.recorded_at >= since, journal.type.in_(of_types))
    passed = select(heard.lead_id, heard.lane, heard.event_id, heard.type, heard.recorded_at, literal(0)).where(
        heard.recorded_at >= since, heard.type.in_(of_types)
    )
    told = union_all(own, passed).subquery("told")
    tx.execute(delete(tables.delivery).where(row.endpoint == endpoint, row.event_id.in_(select(told.c.event_id))))
    names = ("endpoint", "lead_id", "lane", "event_id", "type", "state", "tries", "due_at", "made_at")
    at = literal(now, type_=row.due_at.type)
    again = select(
        literal(endpoint),
        told.c.lead_id,
        told.c.lane,
        told.c.event_id,
        told.c.type,
        literal("pending"),
        literal(0),
        at,
        at,
    ).order_by(told.c.recorded_at, told.c.id)
    done = tx.execute(insert(tables.delivery).from_select(names, again))
    put_outlet(tx, tables, endpoint, disabled=None, since=None, paused_until=None, failures=0)
    return done.rowcount


def forget(tx: Connection, tables: Tables, lead_ids: Sequence[str]) -> None:
    """Wipe what deliveries and notices know of these persons: everything that was to be told of them.

    That they were erased is still to be told; and who is to be told of it keeps, until he took it, what he calls them.
    """
    row, heard, record = tables.delivery.c, tables.overheard.c, tables.crm_record.c
    tx.execute(delete(tables.delivery).where(row.lead_id.in_(lead_ids), row.type != ERASED))
    tx.execute(delete(tables.overheard).where(heard.lead_id.in_(lead_ids), heard.type != ERASED))
    waits = exists().where(row.lead_id == record.lead_id, row.endpoint == record.endpoint, row.state == "pending")
    tx.execute(delete(tables.crm_record).where(record.lead_id.in_(lead_ids), ~waits))


def forget_since(tx: Connection, tables: Tables, lead_id: str, since: datetime) -> None:
    """Wipe what was still to be told of the lead and was said since then, and what is passed on of it."""
    row, heard = tables.delivery.c, tables.overheard.c
    waits = (row.lead_id == lead_id, row.state == "pending", row.made_at >= since, row.type != ERASED)
    tx.execute(delete(tables.delivery).where(*waits))
    tx.execute(delete(tables.overheard).where(heard.lead_id == lead_id, heard.recorded_at >= since))


def forget_record(tx: Connection, tables: Tables, lead_id: str, endpoint: str) -> None:
    """Forget what the endpoint calls the lead."""
    record = tables.crm_record.c
    tx.execute(delete(tables.crm_record).where(record.lead_id == lead_id, record.endpoint == endpoint))


def of_person(tx: Connection, tables: Tables, lead_id: str) -> dict[str, Any]:
    """Return everything deliveries know of a person, as it is kept."""
    return {
        "deliveries": [row._asdict() for row in fetch(tx, tables.delivery, "lead_id", [lead_id])],
        "records": [row._asdict() for row in fetch(tx, tables.crm_record, "lead_id", [lead_id])],
    }


def prune(tx: Connection, tables: Tables, before: datetime) -> None:
    """Forget what was settled before then, and facts passed on that nobody is to be told any more."""
    row, heard = tables.delivery.c, tables.overheard.c
    tx.execute(delete(tables.delivery).where(row.settled_at < before, row.state.in_(("delivered", "given_up"))))
    wanted = exists().where(row.event_id == heard.event_id)
    tx.execute(delete(tables.overheard).where(heard.recorded_at < before, ~wanted))


def drop(tx: Connection, tables: Tables, claimed: Claimed) -> None:
    """The endpoint does not want it any more: there is nothing to deliver."""
    tx.execute(delete(tables.delivery).where(_same(tables, claimed)))


def waiting(tx: Connection, tables: Tables) -> dict[str, tuple[int, datetime]]:
    """Return endpoint to how many deliveries wait, and since when the oldest does."""
    row = tables.delivery.c
    query = select(row.endpoint, func.count(), func.min(row.made_at)).where(row.state == "pending")
    return {one[0]: (int(one[1]), one[2]) for one in tx.execute(query.group_by(row.endpoint))}


def listed(
    tx: Connection,
    tables: Tables,
    *,
    endpoint: str | None,
    state: str | None,
    lead_id: str | None,
    after: int | None,
    limit: int,
) -> list[Row[Any]]:
    """Return deliveries, the newest first; those older than the one with the id `after`."""
    row = tables.delivery.c
    shown = {"delivered": ("delivered", "taken")}.get(state or "", (state,))
    wanted: list[ColumnElement[bool]] = [literal(True)]
    wanted += [row.endpoint == endpoint] if endpoint is not None else []
    wanted += [row.state.in_(shown)] if state is not None else []
    wanted += [row.lead_id == lead_id] if lead_id is not None else []
    wanted += [row.id < after] if after is not None else []
    return list(tx.execute(select(tables.delivery).where(and_(*wanted)).order_by(row.id.desc()).limit(limit)))
