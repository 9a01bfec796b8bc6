"""A journal, told anew: for a consumer that was not there when its facts were on the topic (ADR 0008)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from pydantic import NonNegativeInt, TypeAdapter, ValidationError
from sqlalchemy import Connection, func, select, update

from baton.runtime.bus.port import Bus, TopicLane
from baton.runtime.observe import log
from baton.runtime.store.port import Store
from baton.runtime.store.rows import insert_missing
from baton.runtime.store.tables import RuntimeTables

STEP = 20_000
"""Rows in one statement; all are one transaction. At 48 µs a row (ADR 0007) that is a second of the 30 it may take."""
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
    facts = await store.write(lambda tx: _take_positions(tx, tables, since))
    log.warning("republishing", topics=list(topics), facts=facts)
    return facts, _by_topic(ends)


def _take_positions(tx: Connection, tables: RuntimeTables, since: datetime | None) -> int:
    journal = tables.journal
    # With another epoch no relay can mark what it is sending at this moment: that is sent again as well.
    tx.execute(update(tables.lane).values(epoch=tables.lane.c.epoch + 1))
    last = tx.execute(select(func.max(journal.c.id))).scalar() or 0
    done = 0
    for first in range(1, last + 1, STEP):
        page = journal.c.id.between(first, first + STEP - 1)
        said = page if since is None else page & (journal.c.recorded_at >= since)
        done += tx.execute(update(journal).where(said, journal.c.position.is_not(None)).values(position=None)).rowcount
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
