"""A journal, told anew: for a consumer that was not there when its facts were on the topic (ADR 0008)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import NonNegativeInt, TypeAdapter, ValidationError
from sqlalchemy import Connection, func, select, update

from baton.runtime.bus.port import Bus, TopicLane
from baton.runtime.journal import put_out, waiting_ids
from baton.runtime.observe import log
from baton.runtime.store.port import Store
from baton.runtime.store.rows import insert_missing
from baton.runtime.store.tables import RuntimeTables

STEP = 20_000
"""Facts in one statement; all are one transaction. A page of a hundred names them, and no fact is written again."""
TOLD = "told_from_the_start"
"""The row of `meta` of a consumer to whom every fact is told from its first: no later one may be taken for a base."""

Offsets = dict[str, dict[str, int]]
"""Topic to lane to the offset from which on everything is told."""
_OFFSETS: TypeAdapter[Offsets] = TypeAdapter(dict[str, dict[str, NonNegativeInt]])


class NoBeginning(ValueError):
    """The file that should say where to begin cannot be read, or does not say it."""


async def republish(
    store: Store, tables: RuntimeTables, bus: Bus, topics: Sequence[str], lanes: int, since: datetime | None
) -> tuple[int, Offsets]:
    """Have the relay publish what was said `since` then (None: ever) again, in its order.

    Returns how many facts that are, and where they begin: whoever reads from there hears each subject from its first
    fact. Whoever has heard them drops them; readers of `v1/events` see them again. Raises NotNow while the bus is away.
    """
    reader = await bus.reader()
    try:
        ends = await reader.ends([(topic, lane) for topic in topics for lane in range(lanes)])
    finally:
        await reader.close()
    facts = await store.write(lambda tx: _put_out(tx, tables, since))
    log.warning("republishing", topics=list(topics), facts=facts)
    return facts, _by_topic(ends)


def _put_out(tx: Connection, tables: RuntimeTables, since: datetime | None) -> int:
    fact = tables.journal.c
    # With another epoch no relay can mark what it is sending at this moment: that is sent again as well.
    tx.execute(update(tables.lane).values(epoch=tables.lane.c.epoch + 1))
    last = tx.execute(select(func.max(fact.id))).scalar() or 0
    unsent = waiting_ids(tx, tables)  # it is told anyway, and after what is older: pages go by their oldest fact
    done = 0
    for first in range(1, last + 1, STEP):
        query = select(fact.id, fact.lane).where(fact.id.between(first, first + STEP - 1)).order_by(fact.id)
        said = tx.execute(query if since is None else query.where(fact.recorded_at >= since))
        again = [(row.id, row.lane) for row in said if row.id not in unsent]
        put_out(tx, tables, again)
        done += len(again)
    return done


def _by_topic(ends: Mapping[TopicLane, int]) -> Offsets:
    found: Offsets = {}
    for (topic, lane), end in sorted(ends.items()):
        found.setdefault(topic, {})[str(lane)] = end
    return found


def _read(file: Path, hears: Sequence[str]) -> Offsets:
    try:
        offsets = _OFFSETS.validate_json(file.read_bytes())
    except OSError as fault:
        raise NoBeginning(f"{file}: {fault.strerror}") from fault
    except ValidationError as fault:
        raise NoBeginning(f"{file} is not what `baton republish` writes: {fault.errors()[0]['msg']}") from fault
    if missing := [topic for topic in hears if topic not in offsets]:
        raise NoBeginning(f"{file} does not say where {', '.join(missing)} are told anew")
    return offsets


async def start_from(store: Store, tables: RuntimeTables, hears: Sequence[str], file: Path | None) -> bool:
    """Let a consumer that has read nothing yet begin where its publishers told everything anew.

    Returns True if every fact is told to it from its first, now or since an earlier start. Raises NoBeginning.
    """
    offsets = _read(file, hears) if file is not None else None

    def work(tx: Connection) -> bool:
        place, meta = tables.place, tables.meta
        told = tx.execute(select(meta.c.value).where(meta.c.key == TOLD)).first() is not None
        if told or offsets is None or not hears:
            return told
        if tx.execute(select(func.max(place.c.next_off)).where(place.c.topic.in_(hears))).scalar():
            log.warning("start_from_ignored", reason="this store has read before")
            return False
        for topic in hears:
            for lane, offset in offsets[topic].items():
                here = (place.c.topic == topic) & (place.c.lane == int(lane))
                tx.execute(update(place).where(here).values(next_off=offset))
        insert_missing(tx, meta, [{"key": TOLD, "value": True}])
        return True

    return await store.write(work)
