"""The servers tests talk to: a throw-away PostgreSQL, Apache Kafka, librdkafka's mock cluster."""

from __future__ import annotations

import contextlib
import itertools
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.engine import URL, make_url

import deploy.kafka.run as kafka_runner
import deploy.postgres.run as postgres_runner

ROOT = Path(__file__).resolve().parents[2]


@contextlib.contextmanager
def stopped_afterwards(runner: str, home: Path) -> Iterator[None]:
    """Run `<runner> stop` and remove `home` when the block ends, also when this process is killed inside it."""
    script = 'cat >/dev/null; "$0" "$1" stop --home "$2"; rm -rf "$2"'
    command = ["/bin/sh", "-c", script, sys.executable, str(ROOT / runner), str(home)]
    # Our end of the pipe closes with us, however we end: that is the signal.
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True):
        yield


class PostgresServer:
    """A server on which a test may make as many databases as it likes."""

    def __init__(self, server: URL) -> None:
        self._server = server
        self._made: list[str] = []
        self._numbers = itertools.count(1)

    def new_database(self) -> str:
        """URL, for SQLAlchemy with asyncpg, of a fresh empty database; it is dropped when the session ends."""
        name = f"baton_test_{os.getpid()}_{next(self._numbers)}"
        self._run("CREATE DATABASE {}", name)
        self._made.append(name)
        url = self._server.set(drivername="postgresql+asyncpg", database=name)
        return url.render_as_string(hide_password=False)

    def drop_all(self) -> None:
        while self._made:
            self._run("DROP DATABASE IF EXISTS {} WITH (FORCE)", self._made.pop())

    def _run(self, statement: str, name: str) -> None:
        url = self._server.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


@contextlib.contextmanager
def postgres_server() -> Iterator[PostgresServer]:
    """BATON_TEST_POSTGRES (any URL of a role that may create databases), else a throw-away cluster.

    Raises deploy.postgres.run.PostgresUnavailable.
    """
    with contextlib.ExitStack() as stack:
        given = os.environ.get("BATON_TEST_POSTGRES")
        if not given:
            postgres_runner.binaries()
            home = postgres_runner.reachable(Path(tempfile.mkdtemp(prefix="baton-postgres-")))
            stack.enter_context(stopped_afterwards("deploy/postgres/run.py", home))
            cluster = postgres_runner.Postgres(home, kafka_runner.free_port(), durable=False)
            cluster.start()
            given = cluster.url("postgres")
        server = PostgresServer(make_url(given))
        stack.callback(server.drop_all)
        yield server


@contextlib.contextmanager
def kafka_node(
    through: tuple[int, int] | None = None, more: tuple[tuple[str, str], ...] = ()
) -> Iterator[kafka_runner.Kafka]:
    """A throw-away Apache Kafka that a test may stop and start. Raises deploy.kafka.run.KafkaUnavailable."""
    kafka_runner.java()
    kafka_runner.jars()
    home = Path(tempfile.mkdtemp(prefix="baton-kafka-"))
    with stopped_afterwards("deploy/kafka/run.py", home):
        node = kafka_runner.Kafka(home, kafka_runner.free_port(), through=through, more=more)
        node.start()
        yield node


class MockCluster:
    """librdkafka's mock cluster in a child process. Broker ids start at 1."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.bootstrap = self._answer()

    def create_topic(self, name: str, partitions: int) -> None:
        """Topics nobody created appear by themselves with four partitions."""
        self._obey(f"topic {name} {partitions}")

    def set_down(self, broker: int = 1) -> None:
        self._obey(f"down {broker}")

    def set_up(self, broker: int = 1) -> None:
        self._obey(f"up {broker}")

    def _obey(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        if (answer := self._answer()) != "ok":
            raise RuntimeError(f"{line}: {answer}")

    def _answer(self) -> str:
        assert self._process.stdout
        return self._process.stdout.readline().strip()


@contextlib.contextmanager
def mock_cluster() -> Iterator[MockCluster]:
    command = [sys.executable, str(Path(__file__).with_name("mock_broker.py"))]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, start_new_session=True) as process:
        yield MockCluster(process)
