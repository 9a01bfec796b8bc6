"""The servers that other tests stand on do what they say."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from deploy.kafka.run import Kafka
from tests.layout.tree import ROOT
from tests.world.servers import MockCluster, PostgresServer


async def send(bootstrap: str, topic: str, value: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await producer.start()
    try:
        await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def first(bootstrap: str, topic: str) -> bytes:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        record = await asyncio.wait_for(consumer.getone(), 20)
        return bytes(record.value)
    finally:
        await consumer.stop()


async def create_topic(bootstrap: str, topic: str, partitions: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, partitions, 1)])
    finally:
        await admin.close()


def test_a_run_without_postgres_asks_for_none_also_where_a_parameter_names_it() -> None:
    folders = ["shared/tests/runtime", "services/scoring/tests"]

    def collected(mark: str) -> list[str]:
        command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", mark, *folders]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        return [line for line in told.splitlines() if "::" in line]

    assert any("[postgres" in test for test in collected("postgres"))
    without = collected("not postgres")
    assert any("[sqlite" in test for test in without)
    assert not [test for test in without if "[postgres" in test]


async def test_each_new_database_is_fresh_and_its_own(postgres: PostgresServer) -> None:
    seen = []
    for _ in range(2):
        engine = create_async_engine(postgres.new_database())
        async with engine.begin() as connection:
            await connection.execute(text("CREATE TABLE lead (id int)"))
            seen.append((await connection.execute(text("SELECT current_database()"))).scalar_one())
        await engine.dispose()
    assert len(set(seen)) == 2


async def test_a_real_kafka_keeps_what_it_acknowledged_when_it_is_killed(kafka_node: Kafka) -> None:
    topic = f"world-{os.getpid()}"
    await create_topic(kafka_node.bootstrap, topic, 3)
    await send(kafka_node.bootstrap, topic, b"kept")
    await asyncio.to_thread(kafka_node.stop, signal.SIGKILL)
    assert not kafka_node.running()
    await asyncio.to_thread(kafka_node.start)
    assert await first(kafka_node.bootstrap, topic) == b"kept"


async def test_the_mock_cluster_takes_records_on_a_topic_of_chosen_width(mock_cluster: MockCluster) -> None:
    mock_cluster.create_topic("wide", 12)
    await send(mock_cluster.bootstrap, "wide", b"hello")
    assert await first(mock_cluster.bootstrap, "wide") == b"hello"


def inner_run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    env = {**os.environ, "PATH": "/nonexistent", **environment}
    return subprocess.run(command, capture_output=True, text=True, env=env, check=False)


@pytest.mark.slow
def test_a_run_without_promtool_says_what_it_left_out_before_its_last_line() -> None:
    done = inner_run("tests/deploy", "-m", "prometheus", BATON_TEST_REQUIRE="")
    assert "no promtool on PATH" in done.stdout
    assert "skipped" in done.stdout.splitlines()[-1]


@pytest.mark.slow
def test_a_run_that_requires_promtool_fails_without_it() -> None:
    done = inner_run("tests/deploy", "-m", "prometheus", BATON_TEST_REQUIRE="prometheus")
    assert done.returncode == 1
    assert "prometheus is required" in done.stdout


def test_an_unknown_requirement_is_refused() -> None:
    done = inner_run("--collect-only", "tests/world", BATON_TEST_REQUIRE="mainframe")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "unknown ['mainframe']" in done.stderr + done.stdout
