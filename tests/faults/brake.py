"""Keeps a long run from posting more than Baton can digest: who waits for ever longer drains has no time for faults."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from confluent_kafka import KafkaException

from tests.faults import reader
from tests.faults.load import Load
from tests.faults.plant import Plant

LOOK = 2.0
READERS = ("scoring", "routing", "sla-monitor", "reporting")


@contextmanager
def brake(found: Plant, load: Load, limit: int) -> Iterator[None]:
    """While this is open, the load is held back whenever more than `limit` records are unread; 0: never."""
    over = threading.Event()
    watcher = threading.Thread(target=_watch, args=(found, load, limit, over))
    if limit:
        watcher.start()
    try:
        yield
    finally:
        over.set()
        if limit:
            watcher.join()


def _watch(found: Plant, load: Load, limit: int, over: threading.Event) -> None:
    stores, client = reader.Stores(found.database), reader.consumer(found.kafka.bootstrap)
    while not over.wait(LOOK):
        try:
            is_too_much = _unread(stores, reader.ends(client)) > limit
        except (KafkaException, psycopg.OperationalError):
            continue  # a server is away: as it was
        (load.held.set if is_too_much else load.held.clear)()
    client.close()


def _unread(stores: reader.Stores, ends: dict[tuple[str, int], int]) -> int:
    places = [row for name in READERS for row in stores.rows(name, "SELECT topic, lane, next_off FROM place")]
    return sum(max(0, ends.get((topic, lane), 0) - read) for topic, lane, read in places)
