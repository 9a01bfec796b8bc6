"""Apache Kafka as an ordered log that may repeat itself: no groups, no transactions, no auto-commit.

Every guarantee is the database's. After any produce error the outcome is unknown, and the producer object is thrown
away: an
idempotent producer never expires a batch and may be out of sequence for ever after one refusal.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError

from baton.runtime.bus.port import RETENTION, Headers, Outgoing, Record, Rewritten, TopicLane
from baton.runtime.failures import OtherLanes
from baton.runtime.store.port import NotNow

RETENTION_MS = int(RETENTION.total_seconds() * 1000)
ACK_SECONDS = 20.0
CALL_SECONDS = 10.0
BATCH_BYTES = 256 * 1024
"""Records travel by lane in batches of up to so many bytes; brokers take up to 1 MiB. With aiokafka's 16 KiB a page of
500 facts went out in a dozen requests one after the other."""
FETCH_BYTES = 256 * 1024
"""What is read ahead of one lane. With aiokafka's 1 MiB a service that is behind on 60 lanes would hold 60 MB."""
FETCH_WAIT_MS = 50
"""How long the broker may hold a fetch open: an idle lane's news is at most this late."""

PATIENT_BYTES = 64 * 1024
"""What a patient reader waits for. Each fetch costs the broker and its client a millisecond of processor each."""


GONE_SECONDS = 2.0
"""How long a cluster that did not answer is asked once more, for what it lacks."""


@contextlib.asynccontextmanager
async def _reaching(what: str, seconds: float = CALL_SECONDS) -> AsyncIterator[None]:
    """Turn every way in which a broker is not there into NotNow."""
    try:
        async with asyncio.timeout(seconds):
            yield
    except (KafkaError, TimeoutError, OSError) as problem:
        raise NotNow(f"Kafka: {what}: {type(problem).__name__}") from problem


class KafkaBus:
    """A bus on a Kafka cluster."""

    def __init__(
        self, servers: str, fetch_wait_ms: int = FETCH_WAIT_MS, *, access: Mapping[str, Any] | None = None
    ) -> None:
        """`access` is what every client is given to come in (`baton.runtime.bus.access`)."""
        self._reach: dict[str, Any] = {"bootstrap_servers": servers, "request_timeout_ms": 8000, **(access or {})}
        self._fetch_wait_ms = fetch_wait_ms
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()

    async def prepare(self, topics: Sequence[str], lanes: int) -> None:
        async with _reaching("topics", 30):
            admin = AIOKafkaAdminClient(**self._reach)
            try:
                await admin.start()
                there = set(await admin.list_topics())
                await self._create(admin, [topic for topic in topics if topic not in there], lanes)
                await self._check(admin, topics, lanes)
            finally:
                await admin.close()

    async def _create(self, admin: AIOKafkaAdminClient, missing: Sequence[str], lanes: int) -> None:
        cluster = await admin.describe_cluster()
        copies = min(3, len(cluster["brokers"]))
        config = {"retention.ms": str(RETENTION_MS), "cleanup.policy": "delete"}
        for topic in missing:
            with contextlib.suppress(TopicAlreadyExistsError):
                answer = await admin.create_topics([NewTopic(topic, lanes, copies, topic_configs=config)])
                _raise_for(answer)

    async def _check(self, admin: AIOKafkaAdminClient, topics: Sequence[str], lanes: int) -> None:
        """Wait until every topic is known with all its partitions; a new one takes a moment to be."""
        while True:
            found = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics(list(topics))}
            wrong = {topic: number for topic, number in found.items() if number not in (0, lanes)}
            if wrong:
                raise OtherLanes(f"topics have other numbers of partitions than BATON_PARTITIONS={lanes}: {wrong}")
            if all(found.get(topic) for topic in topics):
                return
            await asyncio.sleep(0.1)

    async def publish(self, records: Sequence[Outgoing]) -> None:
        acks: list[asyncio.Future[Any]] = []
        try:
            async with _reaching("publish", ACK_SECONDS):
                producer = await self._get_producer()
                for (topic, lane), batch in _batches(producer, records):
                    acks.append(await producer.send_batch(batch, topic, partition=lane))
                await asyncio.gather(*acks)
        except BaseException:
            for ack in acks:
                ack.cancel()  # nobody will ask what became of it
            self._abandon()
            raise

    async def _get_producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                self._producer = await self._new_producer()
            return self._producer

    async def _new_producer(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **self._reach,
            enable_idempotence=True,
            acks="all",
            linger_ms=0,
            max_batch_size=BATCH_BYTES,
        )
        try:
            await producer.start()
        except BaseException:
            self._leave(producer)
            raise
        return producer

    def _abandon(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            self._leave(producer, _end)

    def _leave(self, client: Any, end: Callable[[Any], Awaitable[None]] | None = None) -> None:
        """Stop a client in the background, by `end` if it is given: requests on their way may take until they fail."""

        async def stop() -> None:
            with contextlib.suppress(KafkaError, TimeoutError, OSError):
                async with asyncio.timeout(CALL_SECONDS):
                    await (end(client) if end else client.stop())

        task = asyncio.create_task(stop())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    async def rewrite(
        self, places: Sequence[TopicLane], key: str, change: Callable[[Headers, bytes], Rewritten]
    ) -> bool:
        return True

    async def reader(self, patience: float = 0.0) -> KafkaReader:
        consumer = AIOKafkaConsumer(
            **self._reach,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=max(self._fetch_wait_ms, int(patience * 1000)),
            fetch_min_bytes=PATIENT_BYTES if patience else 1,
            max_partition_fetch_bytes=FETCH_BYTES,
        )
        try:
            async with _reaching("connect"):
                await consumer.start()
        except BaseException:
            self._leave(consumer)
            raise
        return KafkaReader(consumer, self._leave)

    async def close(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            self._leave(producer)
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=5)


async def _end(producer: AIOKafkaProducer) -> None:
    """Stop a producer without its batches: stop() would wait for them, and an idempotent one tries them for ever.

    Its tasks and its connection would stay with them, one set for each attempt to publish during an outage.
    """
    producer._closed = True  # noqa: SLF001  (stop() has not been called)
    await producer._sender.close()  # noqa: SLF001  (it has no public end but stop())
    await producer.client.close()


def _batches(producer: AIOKafkaProducer, records: Sequence[Outgoing]) -> list[tuple[TopicLane, Any]]:
    """Return the records as batches, each of one lane, in order: as few as there can be.

    One future and one call a batch instead of a record: 45 µs of processor time a record became 10.
    """
    batches: list[tuple[TopicLane, Any]] = []
    open_ones: dict[TopicLane, Any] = {}
    for record in records:
        place = (record.topic, record.lane)
        message = {"key": record.key.encode(), "value": record.value, "headers": list(record.headers)}
        batch = open_ones.get(place)
        if batch is None or batch.append(timestamp=None, **message) is None:
            batch = open_ones[place] = producer.create_batch()
            batch.append(timestamp=None, **message)  # the first always fits
            batches.append((place, batch))
    return batches


def _raise_for(answer: Any) -> None:
    """Raise the error hidden in an answer to CreateTopics."""
    from aiokafka.errors import for_code

    for error in answer.topic_errors:
        if error[1]:
            raise for_code(error[1])(error[0])


class KafkaReader:
    """Reads partitions by assignment; positions come from the caller, never from Kafka."""

    def __init__(self, consumer: AIOKafkaConsumer, leave: Any) -> None:
        self._consumer = consumer
        self._leave = leave

    async def assign(self, places: Mapping[TopicLane, int]) -> None:
        # assign() keeps earlier positions of partitions it had already: all are sought again, in one go.
        partitions = {TopicPartition(*place): offset for place, offset in places.items()}
        if not partitions:
            self._consumer.unsubscribe()
            return
        self._consumer.assign(list(partitions))
        for partition, offset in partitions.items():
            self._consumer.seek(partition, offset)

    async def poll(self, limit: int, wait: float) -> dict[TopicLane, list[Record]]:
        if not self._consumer.assignment():
            await asyncio.sleep(wait)
            return {}
        try:
            # Never cancelled from outside: a cancelled getmany() leaks its fetch context.
            found = await self._consumer.getmany(timeout_ms=max(1, int(wait * 1000)), max_records=limit)
        except (KafkaError, OSError) as problem:
            raise NotNow(f"Kafka: fetch: {type(problem).__name__}") from problem
        return {(tp.topic, tp.partition): [_record(raw) for raw in raws] for tp, raws in found.items() if raws}

    async def starts(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        async with _reaching("beginning offsets"):
            found = await self._consumer.beginning_offsets([TopicPartition(*lane) for lane in lanes])
        return {(tp.topic, tp.partition): offset for tp, offset in found.items()}

    async def ends(self, lanes: Sequence[TopicLane]) -> dict[TopicLane, int]:
        try:
            async with _reaching("end offsets"):
                found = await self._consumer.end_offsets([TopicPartition(*lane) for lane in lanes])
        except NotNow as problem:
            if gone := await self._gone({topic for topic, _ in lanes}):
                raise NotNow(f"Kafka: there is no topic {', '.join(sorted(gone))} any more") from problem
            raise
        return {(tp.topic, tp.partition): offset for tp, offset in found.items()}

    async def _gone(self, topics: set[str]) -> set[str]:
        """Those of the topics that the cluster does not have; none while it does not say."""
        with contextlib.suppress(NotNow):
            async with _reaching("topics", GONE_SECONDS):
                return topics - set(await self._consumer.topics())
        return set()

    async def close(self) -> None:
        self._leave(self._consumer)


def _record(raw: Any) -> Record:
    """Whatever may be null in Kafka, and in somebody else's record is, becomes empty."""
    key = raw.key.decode(errors="replace") if raw.key is not None else ""
    headers = tuple([(name, value or b"") for name, value in raw.headers])
    return Record(raw.topic, raw.partition, raw.offset, key, headers, raw.value or b"")
