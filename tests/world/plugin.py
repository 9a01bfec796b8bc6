"""Fixtures for all tests, and the account of what a run left out and why.

A test that needs something this machine lacks is skipped; the run ends by saying so. `BATON_TEST_REQUIRE=all`, or a
comma-separated list of `postgres kafka chromium prometheus`, makes it fail instead.
"""

from __future__ import annotations

import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NoReturn
from urllib.parse import urlsplit

import pytest

import deploy.kafka.run as kafka_runner
from deploy.kafka.run import KafkaUnavailable
from deploy.postgres.run import PostgresUnavailable
from tests.world import servers

WORLD = ("postgres", "kafka", "chromium", "prometheus")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


def required() -> frozenset[str]:
    """What must not be left out, by BATON_TEST_REQUIRE."""
    names = os.environ.get("BATON_TEST_REQUIRE", "").replace(",", " ").split()
    if names == ["all"]:
        return frozenset(WORLD)
    if unknown := set(names) - set(WORLD):
        raise pytest.UsageError(f"BATON_TEST_REQUIRE: unknown {sorted(unknown)}; known: all, {', '.join(WORLD)}")
    return frozenset(names)


def leave_out(name: str, why: object) -> NoReturn:
    """Skip the test that asked for `name`, or fail it where `name` is required."""
    if name in required():
        pytest.fail(f"{name} is required (BATON_TEST_REQUIRE) but {why}", pytrace=False)
    pytest.skip(f"{name}: {why}")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    required()
    # No test reaches beyond this machine, save to the servers it was given by name.
    given = [urlsplit(os.environ.get("BATON_TEST_POSTGRES", "")).hostname or ""]
    given += [broker.rsplit(":", 1)[0] for broker in os.environ.get("BATON_TEST_KAFKA", "").split(",")]
    config.option.allow_hosts = ",".join([*LOOPBACK, *filter(None, given)])


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test with the part of the world it asks for, so that `-m "not kafka"` works without further ado."""
    marks = {
        "postgres": "postgres",
        "kafka": "kafka",
        "kafka_node": "kafka",
        "own_kafka": "kafka",
        "chromium": "chromium",
    }
    marks |= {"prometheus": "prometheus"}
    for item in items:
        # A fixture that takes its server by name, as `params=["sqlite", "postgres"]` do, names it in its parameter.
        chosen = {value for value in _parameters(item) if isinstance(value, str)}
        for name in marks.keys() & (chosen | set(getattr(item, "fixturenames", ()))):
            item.add_marker(marks[name])


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """Whatever lets SIGPIPE end this process again would have some later test end it, when a server hangs up on it."""
    if hasattr(signal, "SIGPIPE") and signal.getsignal(signal.SIGPIPE) is not signal.SIG_IGN:
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)
        pytest.fail("the test left SIGPIPE as a command has it, not ignored as Python has it", pytrace=False)


def _parameters(item: pytest.Item) -> list[object]:
    spec = getattr(item, "callspec", None)
    return list(spec.params.values()) if spec else []


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    left_out = Counter(_reason(report) for report in terminalreporter.stats.get("skipped", []))
    if not left_out:
        return
    terminalreporter.section("left out")
    for reason, count in sorted(left_out.items()):
        terminalreporter.line(f"{count:4} test{'s' if count > 1 else ' '}  {reason}")


def _reason(report: pytest.TestReport) -> str:
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return reason.removeprefix("Skipped: ")


@pytest.fixture(scope="session")
def postgres() -> Iterator[servers.PostgresServer]:
    """A PostgreSQL server; `postgres.new_database()` gives the SQLAlchemy URL of a fresh database."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(servers.postgres_server())
        except PostgresUnavailable as why:
            leave_out("postgres", why)
        yield server


@pytest.fixture(scope="session")
def kafka_node() -> Iterator[kafka_runner.Kafka]:
    """An Apache Kafka of our own that a test may stop, kill and start again (never the one of BATON_TEST_KAFKA)."""
    with ExitStack() as stack:
        try:
            node = stack.enter_context(servers.kafka_node())
        except KafkaUnavailable as why:
            leave_out("kafka", why)
        yield node


@pytest.fixture(scope="session")
def kafka(request: pytest.FixtureRequest) -> str:
    """Bootstrap servers of a real Apache Kafka; it creates no topics by itself, and other runs may share it."""
    given = os.environ.get("BATON_TEST_KAFKA")
    if given:
        return given
    node: kafka_runner.Kafka = request.getfixturevalue("kafka_node")
    node.start()
    return node.bootstrap


@pytest.fixture(scope="module")
def own_kafka() -> Iterator[str]:
    """Bootstrap servers of a real Apache Kafka that nobody used before: the topics of Baton have fixed names."""
    given = os.environ.get("BATON_TEST_KAFKA")
    if given:
        yield given
        return
    with ExitStack() as stack:
        try:
            node = stack.enter_context(servers.kafka_node())
        except KafkaUnavailable as why:
            leave_out("kafka", why)
        yield node.bootstrap


@pytest.fixture(scope="session")
def mock_cluster() -> Iterator[servers.MockCluster]:
    """librdkafka's mock cluster, with a handle to create topics and take brokers down."""
    with servers.mock_cluster() as cluster:
        yield cluster


@pytest.fixture(scope="session")
def mock_kafka(mock_cluster: servers.MockCluster) -> str:
    """Bootstrap servers of librdkafka's mock cluster: runs anywhere, keeps 5 MiB a partition, forgets on exit."""
    return mock_cluster.bootstrap


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of a Chromium browser."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    leave_out("chromium", "no chromium on PATH (Debian: chromium)")


@pytest.fixture(scope="session")
def prometheus() -> str:
    """Path of promtool."""
    if found := shutil.which("promtool"):
        return found
    leave_out("prometheus", "no promtool on PATH (Debian: prometheus)")
