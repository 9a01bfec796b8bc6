"""Five real services over a Kafka and a PostgreSQL of their own, each of which a test may take away and bring back."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from deploy.kafka.run import Kafka, KafkaUnavailable, free_port
from deploy.postgres.run import Postgres, PostgresUnavailable, reachable
from tests.faults import reader
from tests.faults.plant import playbook_for_many
from tests.journeys.running import BATON, SERVICES, Baton, distributed, eventually
from tests.world.plugin import leave_out
from tests.world.servers import kafka_node, stopped_afterwards

PROMISE_SECONDS = 20
"""How soon hot leads must be called: long enough to be touched in time on a busy machine, short enough to wait for."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            for mark in ("slow", "kafka", "postgres"):
                item.add_marker(mark)
            item.add_marker(pytest.mark.timeout(900))


@dataclass
class World:
    """All of it, and how to break it."""

    baton: Baton
    kafka: Kafka
    postgres: Postgres
    folder: Path

    def database(self, service: str) -> str:
        return self.postgres.url(service.replace("-", "_"), "postgresql")

    def rows(self, service: str, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.database(service)) as connection:
            return connection.execute(query.encode()).fetchall()

    def one(self, service: str, query: str) -> Any:
        return self.rows(service, query)[0][0]

    def said(self, service: str, subjects: Sequence[str]) -> list[tuple[str, str, dict[str, Any]]]:
        """Subject, type and data of all it has said about them, in order."""
        query = "SELECT subject, type, value FROM journal WHERE subject = ANY(%s) ORDER BY subject, sequence"
        with psycopg.connect(self.database(service)) as connection:
            rows = connection.execute(query, [list(subjects)]).fetchall()
        return [(subject, type_, json.loads(value)) for subject, type_, value in rows]

    def pid(self, service: str) -> int:
        return self.baton.processes[service].pid

    def rss(self, service: str) -> float:
        """Megabytes that are in memory now."""
        status = Path(f"/proc/{self.pid(service)}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+)", status)
        assert found
        return int(found[1]) / 1024

    def kill(self, *services: str) -> None:
        """kill -9."""
        for service in services:
            self.baton.processes[service].kill()
            self.baton.processes[service].wait()

    def start(self, *services: str, **environment: str) -> None:
        for service in services:
            log = self.folder / f"{service}.log"
            self.baton.start(service, [*BATON, "run", service], self.baton.services[service] | environment, log)
        self.baton.await_ready()

    @contextlib.contextmanager
    def no_broker(self) -> Iterator[None]:
        """Kafka is killed, and is there again afterwards."""
        self.kafka.stop(signal.SIGKILL)
        try:
            yield
        finally:
            self.kafka.start()

    @contextlib.contextmanager
    def no_postgres(self) -> Iterator[None]:
        """PostgreSQL is crashed, and is there again afterwards."""
        self.postgres.stop("immediate")
        try:
            yield
        finally:
            self.postgres.start()

    @contextlib.contextmanager
    def no_database(self, service: str) -> Iterator[None]:
        """One service's database lets nobody in; the others work."""
        name = service.replace("-", "_")
        with psycopg.connect(self.postgres.url("postgres", "postgresql"), autocommit=True) as connection:

            def let_in(yes: bool) -> None:
                statement = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}")
                connection.execute(statement.format(sql.Identifier(name), sql.Literal(yes)))

            let_in(False)
            connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])
            try:
                yield
            finally:
                let_in(True)

    def is_quiet(self) -> bool:
        """Everything said is published, everything published is read by everybody."""
        if any(self.unpublished(service) for service in SERVICES):
            return False
        client = reader.consumer(self.kafka.bootstrap)
        try:
            ends = reader.ends(client)
        finally:
            client.close()
        places = "SELECT topic, lane, next_off FROM place"
        return all(
            ends[topic, lane] == read for service in SERVICES for topic, lane, read in self.rows(service, places)
        )

    def unpublished(self, service: str) -> int:
        return int(self.one(service, "SELECT coalesce(sum(size), 0) FROM page WHERE position IS NULL"))

    def await_quiet(self, seconds: float) -> float:
        """Wait until all is published and read; returns how long that took."""
        begun = time.monotonic()
        eventually(self.is_quiet, "all is published and read", seconds)
        return time.monotonic() - begun

    def parked(self) -> list[tuple[Any, ...]]:
        query = "SELECT id, subject, reason, error, type FROM parked ORDER BY id"
        return [(service, *row) for service in SERVICES for row in self.rows(service, query)]


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running Baton; tests use leads of their own, and leave it whole."""
    folder = tmp_path_factory.mktemp("outages")
    with contextlib.ExitStack() as stack:
        try:
            kafka = stack.enter_context(kafka_node())
            home = reachable(Path(tempfile.mkdtemp(prefix="baton-outages-pg-")))
            stack.enter_context(stopped_afterwards("deploy/postgres/run.py", home))
            postgres = Postgres(home, free_port(), durable=True)
            postgres.start()
        except KafkaUnavailable as why:
            leave_out("kafka", why)
        except PostgresUnavailable as why:
            leave_out("postgres", why)
        names = [service.replace("-", "_") for service in SERVICES]
        postgres.create_databases(tuple(names))
        left = iter(names)
        playbook = playbook_for_many(folder)
        text = (playbook / "sla.yaml").read_text()
        (playbook / "sla.yaml").write_text(text.replace("first_attempt: 2s", f"first_attempt: {PROMISE_SECONDS}s"))
        baton = stack.enter_context(distributed(folder, playbook, kafka.bootstrap, lambda: postgres.url(next(left))))
        for service in SERVICES:
            baton.services[service]["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
        yield World(baton, kafka, postgres, folder)
