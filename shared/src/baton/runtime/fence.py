"""The first statement of every batch: prove that the lanes are ours and move their places, or write nothing.

Places move by equality (`next_off = first`), never by `<=`: with `<=` records that were read and then discarded during
a change of ownership are skipped for good.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, text

from baton.runtime.bus.port import TopicLane
from baton.runtime.clock import Clock
from baton.runtime.failures import Fenced
from baton.runtime.store.types import Instant


@dataclass(frozen=True, slots=True)
class Move:
    """A place goes from the first offset of a batch to the one after its last."""

    place: TopicLane
    first: int
    next: int


_POSTGRES = text("""
WITH mine AS MATERIALIZED (
    SELECT lane.lane FROM lane JOIN unnest(CAST(:lanes AS bigint[]), CAST(:epochs AS bigint[])) AS h(lane, epoch)
      ON lane.lane = h.lane AND lane.epoch = h.epoch AND lane.owner = :owner
    ORDER BY lane.lane FOR UPDATE OF lane),
renewed AS (
    UPDATE lane SET until = clock_timestamp() + make_interval(secs => :ttl)
    FROM mine WHERE lane.lane = mine.lane RETURNING lane.lane),
moved AS (
    UPDATE place SET next_off = m.next_off
    FROM unnest(CAST(:topics AS text[]), CAST(:move_lanes AS bigint[]),
                CAST(:firsts AS bigint[]), CAST(:nexts AS bigint[]))
         AS m(topic, lane, first_off, next_off)
    WHERE place.topic = m.topic AND place.lane = m.lane AND place.next_off = m.first_off
      AND m.lane IN (SELECT lane FROM mine) RETURNING 1)
SELECT (SELECT count(*) FROM renewed), (SELECT count(*) FROM moved), clock_timestamp()
""")


def pass_fence(
    tx: Connection,
    *,
    owner: str,
    epochs: Mapping[int, int],
    moves: Sequence[Move],
    ttl: float,
    clock: Clock,
) -> datetime:
    """Prove ownership of the lanes in `epochs`, renew their leases, apply `moves`; return the present.

    The present is the store's own (`clock_timestamp()`) on Postgres, so that replicas' clocks do not matter, unless the
    clock is fixed. Raises Fenced unless exactly all lanes and places matched.
    """
    if tx.dialect.name == "postgresql":
        lanes, moved, now = _on_postgres(tx, owner, epochs, moves, ttl)
        now = clock.now() if clock.fixed else now
    else:
        now = clock.now()
        lanes, moved = _on_sqlite(tx, owner, epochs, moves, now + timedelta(seconds=ttl))
    if lanes != len(epochs) or moved != len(moves):
        raise Fenced(f"{lanes} of {len(epochs)} lanes and {moved} of {len(moves)} places were ours")
    return now


def _on_postgres(
    tx: Connection, owner: str, epochs: Mapping[int, int], moves: Sequence[Move], ttl: float
) -> tuple[int, int, datetime]:
    row = tx.execute(
        _POSTGRES,
        {
            "lanes": list(epochs),
            "epochs": list(epochs.values()),
            "owner": owner,
            "ttl": ttl,
            "topics": [move.place[0] for move in moves],
            "move_lanes": [move.place[1] for move in moves],
            "firsts": [move.first for move in moves],
            "nexts": [move.next for move in moves],
        },
    ).one()
    return row[0], row[1], row[2]


def _on_sqlite(
    tx: Connection, owner: str, epochs: Mapping[int, int], moves: Sequence[Move], until: datetime
) -> tuple[int, int]:
    bound = Instant().process_bind_param(until, tx.dialect)
    lanes = moved = 0
    for lane, epoch in epochs.items():
        lanes += tx.exec_driver_sql(
            "UPDATE lane SET until = ? WHERE lane = ? AND epoch = ? AND owner = ?", (bound, lane, epoch, owner)
        ).rowcount
    for move in (move for move in moves if move.place[1] in epochs):
        moved += tx.exec_driver_sql(
            "UPDATE place SET next_off = ? WHERE topic = ? AND lane = ? AND next_off = ?",
            (move.next, *move.place, move.first),
        ).rowcount
    return lanes, moved


def store_now(tx: Connection, clock: Clock) -> datetime:
    """Return the present by the store's clock on Postgres, by ours on SQLite or when it is fixed."""
    if tx.dialect.name != "postgresql" or clock.fixed:
        return clock.now()
    now: datetime = tx.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now
