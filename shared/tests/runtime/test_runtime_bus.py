"""One conformance suite for every bus: the embedded log, librdkafka's mock cluster, a real Apache Kafka."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from confluent_kafka import Producer

from baton.runtime.bus.embedded import EmbeddedBus
from baton.runtime.bus.kafka import KafkaBus
from baton.runtime.bus.port import Bus, Outgoing, Reader, Record, TopicLane
from baton.runtime.envelope import Undecodable, read_envelope
from baton.runtime.failures import NotNow
from tests.world.servers import MockCluster

LANES = 3


@pytest.fixture(params=["embedded", "mock", "kafka"])
async def bus(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bus]:
    made: Bus
    if request.param == "embedded":
        made = EmbeddedBus(tmp_path / "bus.db")
    elif request.param == "mock":
        made = KafkaBus(request.getfixturevalue("mock_kafka"), fetch_wait_ms=10)
    else:
        made = KafkaBus(request.getfixturevalue("kafka"))
    yield made
    await made.close()


@pytest.fixture
async def topic(bus: Bus, request: pytest.FixtureRequest) -> str:
    name = f"t-{uuid4().hex[:8]}"
    if "mock" in request.node.callspec.id:
        request.getfixturevalue("mock_cluster").create_topic(name, LANES)
    await bus.prepare([name], LANES)
    return name


def out(topic: str, lane: int, n: int) -> Outgoing:
    return Outgoing(topic, lane, f"key-{n}", (("ce_id", str(n).encode()), ("umlaut", "ü".encode())), f"v{n}".encode())


async def read_all(reader: Reader, count: int, seconds: float = 15.0) -> dict[TopicLane, list[Record]]:
    found: dict[TopicLane, list[Record]] = {}
    until = time.monotonic() + seconds
    while sum(map(len, found.values())) < count and time.monotonic() < until:
        for place, records in (await reader.poll(500, 0.1)).items():
            found.setdefault(place, []).extend(records)
    return found


async def test_records_are_read_back_whole_and_in_order_per_lane(bus: Bus, topic: str) -> None:
    await bus.publish([out(topic, n % LANES, n) for n in range(30)])
    await bus.publish([out(topic, n % LANES, n) for n in range(30, 60)])
    reader = await bus.reader()
    await reader.assign({(topic, lane): 0 for lane in range(LANES)})
    found = await read_all(reader, 60)
    for lane in range(LANES):
        records = found[topic, lane]
        assert [record.offset for record in records] == list(range(20))
        assert [record.value for record in records] == [f"v{n}".encode() for n in range(60) if n % LANES == lane]
    first = found[topic, 0][0]
    assert (first.key, dict(first.headers)) == ("key-0", {"ce_id": b"0", "umlaut": "ü".encode()})
    await reader.close()


@pytest.mark.parametrize("bus", ["mock", "kafka"], indirect=True)
async def test_what_kafka_lets_be_null_is_read_as_empty(bus: KafkaBus, topic: str) -> None:
    """Somebody else's record may be of no use, but it must not be more than that."""
    producer = Producer({"bootstrap.servers": bus._reach["bootstrap_servers"]})
    producer.produce(topic, partition=0, key=None, value=None, headers=[("ce_id", None), ("ce_type", b"lead.x")])
    assert producer.flush(10) == 0
    reader = await bus.reader()
    await reader.assign({(topic, 0): 0})
    [record] = (await read_all(reader, 1))[topic, 0]
    assert (record.key, record.value) == ("", b"")
    assert record.headers == (("ce_id", b""), ("ce_type", b"lead.x"))
    with pytest.raises(Undecodable):
        read_envelope(record)
    await reader.close()


async def test_assigning_seeks_every_lane_again(bus: Bus, topic: str) -> None:
    await bus.publish([out(topic, 0, n) for n in range(10)])
    reader = await bus.reader()
    await reader.assign({(topic, 0): 0})
    assert len((await read_all(reader, 10))[topic, 0]) == 10
    await reader.assign({(topic, 0): 4, (topic, 1): 0})
    again = await read_all(reader, 6)
    assert [record.offset for record in again[topic, 0]] == [4, 5, 6, 7, 8, 9]
    await reader.close()


async def test_starts_and_ends_are_told_per_lane(bus: Bus, topic: str) -> None:
    await bus.publish([out(topic, 1, n) for n in range(5)])
    reader = await bus.reader()
    lanes = [(topic, lane) for lane in range(LANES)]
    assert await reader.starts(lanes) == dict.fromkeys(lanes, 0)
    assert await reader.ends(lanes) == {(topic, 0): 0, (topic, 1): 5, (topic, 2): 0}
    await reader.close()


async def test_a_waiting_poll_sees_what_is_published_meanwhile(bus: Bus, topic: str) -> None:
    reader = await bus.reader()
    await reader.assign({(topic, lane): 0 for lane in range(LANES)})
    await reader.poll(10, 0.2)
    waiting = asyncio.create_task(read_all(reader, 1))
    await asyncio.sleep(0.05)
    await bus.publish([out(topic, 2, 1)])
    found = await waiting
    assert [record.key for record in found[topic, 2]] == ["key-1"]
    await reader.close()


async def test_a_topic_with_another_number_of_partitions_is_refused(bus: Bus, topic: str) -> None:
    with pytest.raises(ValueError, match="BATON_PARTITIONS"):
        await bus.prepare([topic], LANES + 1)


async def test_preparing_again_keeps_what_is_there(bus: Bus, topic: str) -> None:
    await bus.publish([out(topic, 0, 1)])
    await bus.prepare([topic], LANES)
    reader = await bus.reader()
    assert (await reader.ends([(topic, 0)]))[topic, 0] == 1
    await reader.close()


async def test_many_publishers_at_once_lose_and_repeat_nothing(bus: Bus, topic: str) -> None:
    await asyncio.gather(*(bus.publish([out(topic, 0, 100 * p + n) for n in range(20)]) for p in range(10)))
    reader = await bus.reader()
    await reader.assign({(topic, 0): 0})
    values = [record.value for record in (await read_all(reader, 200))[topic, 0]]
    assert sorted(values) == sorted(f"v{100 * p + n}".encode() for p in range(10) for n in range(20))
    for p in range(10):
        own = [value for value in values if int(value[1:]) // 100 == p]
        assert own == [f"v{100 * p + n}".encode() for n in range(20)]
    await reader.close()


async def test_the_embedded_log_survives_its_process(tmp_path: Path) -> None:
    bus = EmbeddedBus(tmp_path / "bus.db")
    await bus.prepare(["t"], LANES)
    await bus.publish([out("t", 1, 1)])
    await bus.close()
    again = EmbeddedBus(tmp_path / "bus.db")
    await again.prepare(["t"], LANES)
    await again.publish([out("t", 1, 2)])
    reader = await again.reader()
    await reader.assign({("t", 1): 0})
    assert [record.offset for record in (await read_all(reader, 2))["t", 1]] == [0, 1]
    await again.close()


async def test_a_broker_that_is_away_is_not_now() -> None:
    bus = KafkaBus("127.0.0.1:9")
    with pytest.raises(NotNow):
        await bus.publish([out("t", 0, 1)])
    with pytest.raises(NotNow):
        await bus.reader()
    await bus.close()


async def test_a_producer_that_was_given_up_while_the_broker_is_away_sends_no_more_and_hangs_up(
    mock_cluster: MockCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    mock_cluster.create_topic("given-up", 1)
    bus = KafkaBus(mock_cluster.bootstrap, fetch_wait_ms=10)
    await bus.publish([out("given-up", 0, 1)])
    mock_cluster.set_down()
    monkeypatch.setattr("baton.runtime.bus.kafka.ACK_SECONDS", 1.0)
    try:
        with pytest.raises(NotNow):
            await bus.publish([out("given-up", 0, 2)])
        while bus._leaving:
            await asyncio.wait(bus._leaving)
    finally:
        mock_cluster.set_up()
    assert asyncio.all_tasks() == {asyncio.current_task()}
    await bus.close()


async def test_publishing_goes_on_after_the_broker_was_killed(kafka_node: object) -> None:
    node = kafka_node
    node.start()  # type: ignore[attr-defined]
    bus = KafkaBus(node.bootstrap)  # type: ignore[attr-defined]
    topic = f"t-{uuid4().hex[:8]}"
    await bus.prepare([topic], LANES)
    await bus.publish([out(topic, 0, 1)])
    node.stop(signal.SIGKILL)  # type: ignore[attr-defined]
    with pytest.raises(NotNow):
        await bus.publish([out(topic, 0, 2)])
    node.start()  # type: ignore[attr-defined]
    for _ in range(20):
        try:
            await bus.publish([out(topic, 0, 3)])
            break
        except NotNow:
            await asyncio.sleep(0.5)
    reader = await bus.reader()
    await reader.assign({(topic, 0): 0})
    values = [record.value for record in (await read_all(reader, 2))[topic, 0]]
    assert values[0] == b"v1"
    assert values[-1] == b"v3"
    await reader.close()
    await bus.close()
