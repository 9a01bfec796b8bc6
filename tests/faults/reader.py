"""An independent reader: what stands on the topics and in the databases, by plain clients, none of it Baton's."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from confluent_kafka import Consumer, TopicPartition

TOPICS = ("leads.intake", "leads.scoring", "leads.routing", "leads.sla", "leads.roster")
PUBLISHERS = ("intake", "scoring", "routing", "sla-monitor")


@dataclass(frozen=True, slots=True)
class Said:
    """One record on a topic, as far as the checks need it."""

    topic: str
    lane: int
    offset: int
    source: str
    subject: str
    sequence: int
    id: str
    type: str
    cause: str
    digest: bytes
    round: int | None = None
    attempt: int | None = None
    promise: str | None = None
    owner: str | None = None
    status: str | None = None


def consumer(bootstrap: str) -> Consumer:
    # A broker that is killed on purpose is no news: its complaints would drown the report.
    quiet = {"log_level": 0, "error_cb": lambda _: None}
    return Consumer({"bootstrap.servers": bootstrap, "group.id": "reader", "enable.auto.commit": False, **quiet})


def lanes_of(client: Consumer, topics: Sequence[str]) -> list[TopicPartition]:
    found = client.list_topics(timeout=30).topics
    return [TopicPartition(topic, lane, 0) for topic in topics for lane in found[topic].partitions]


SILENT = 20.0


def ends(client: Consumer, topics: Sequence[str] = TOPICS) -> dict[tuple[str, int], int]:
    """The offset after the last record of every lane."""
    lanes = lanes_of(client, topics)
    return {(lane.topic, lane.partition): client.get_watermark_offsets(lane, timeout=30)[1] for lane in lanes}


def raw(
    bootstrap: str, topics: Sequence[str] = TOPICS, since: Mapping[tuple[str, int], int] | None = None
) -> Generator[Any, None, None]:
    """Every record from the beginning, or `since` there, to the present end, in order within each lane."""
    client, since = consumer(bootstrap), since or {}
    try:
        left = {lane: end for lane, end in ends(client, topics).items() if end > since.get(lane, 0)}
        client.assign([TopicPartition(topic, lane, since.get((topic, lane), 0)) for topic, lane in left])
        heard_at = time.monotonic()
        while left:
            messages = client.consume(2000, timeout=0.2)  # it waits as long for the last few as for the first
            heard_at = time.monotonic() if messages else heard_at
            silent = time.monotonic() - heard_at
            assert silent < SILENT, f"the broker is silent, and these lanes have not been read to their ends: {left}"
            found: Any
            for found in messages:
                assert found.error() is None, found.error()
                place = (found.topic(), found.partition())
                yield found
                if found.offset() + 1 >= left.get(place, 0):
                    left.pop(place, None)
    finally:
        client.close()


def said(bootstrap: str, since: Mapping[tuple[str, int], int] | None = None) -> list[Said]:
    """What stands on the topics."""
    return [said_by(message) for message in raw(bootstrap, since=since)]


def said_by(message: Any) -> Said:
    headers = {name: value.decode() for name, value in message.headers()}
    return said_of(message.topic(), message.partition(), message.offset(), headers, message.value())


def said_of(topic: str, lane: int, offset: int, headers: Mapping[str, str], value: bytes) -> Said:
    """A record, whatever log it stands on."""
    body = json.loads(value)
    owner = body.get("owner")
    return Said(
        topic,
        lane,
        offset,
        headers["ce_source"].removeprefix("urn:baton:"),
        headers["ce_subject"],
        int(headers["ce_sequence"]),
        headers["ce_id"],
        headers["ce_type"],
        headers["ce_causationid"],
        digest(value),
        body.get("round"),
        body.get("attempt"),
        body.get("promise"),
        owner["id"] if isinstance(owner, dict) else owner,
        body.get("status"),
    )


def digest(value: bytes) -> bytes:
    return hashlib.blake2b(value, digest_size=8).digest()


class Stores:
    """The five databases."""

    def __init__(self, url: Callable[[str], str]) -> None:
        self._url = url

    def rows(self, service: str, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._url(service)) as connection:
            return connection.execute(query).fetchall()

    def instant(self, seconds: float) -> str:
        return f"now() + interval '{seconds} seconds'"
