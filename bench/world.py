"""A real Kafka, a real Postgres, the services and the bare programs, each in a process of its own, on loopback."""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from deploy.kafka.run import Kafka, free_port
from deploy.postgres.run import Postgres, reachable
from tests.world.servers import stopped_afterwards

ROOT = Path(__file__).resolve().parent.parent
SERVICES = ("intake", "scoring", "routing", "sla-monitor", "reporting")
STAGES = ("intake", "scoring", "routing", "sla", "reporting")
TOKEN = "bench-token-on-loopback"  # lives as long as the run
START_SECONDS = 180


@dataclass
class World:
    """Where everything is."""

    home: Path
    kafka: Kafka
    postgres: Postgres
    lanes: int
    ports: dict[str, int] = field(default_factory=dict)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def database(self, name: str) -> str:
        """Return the asyncpg URL of a database."""
        return self.postgres.url(name, "postgresql")

    def spawn(self, name: str, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        """Start a program; its output goes to a file of its name."""
        log = (self.home / f"{name}.log").open("wb")
        surroundings = {**os.environ, **(environment or {})}
        self.running[name] = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log, env=surroundings)

    def stop(self, *names: str) -> None:
        """Stop programs and wait for them."""
        found = [self.running.pop(name) for name in names if name in self.running]
        for process in found:
            process.terminate()
        for process in found:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    async def answers(self, name: str, url: str) -> None:
        """Wait until the program answers 200. Raises RuntimeError with the end of its log."""
        deadline = time.monotonic() + START_SECONDS
        said = "nothing"
        async with httpx.AsyncClient() as client:
            while True:
                try:
                    answer = await client.get(url)
                    if answer.status_code == 200:
                        return
                    said = answer.text
                except httpx.HTTPError as problem:
                    said = type(problem).__name__
                if self.running[name].poll() is not None or time.monotonic() > deadline:
                    tail = (self.home / f"{name}.log").read_text(errors="replace")[-2000:]
                    raise RuntimeError(f"{name} did not come up, it said {said}\n{tail}")
                await asyncio.sleep(0.1)

    async def start_baton(self, *names: str, replicas: int = 1) -> None:
        """Start services of Baton as `baton run` does, each so often, and wait until they are ready."""
        started = {f"{name}-{copy}" if copy else name: name for name in names for copy in range(replicas)}
        for process, name in started.items():
            self.ports[process] = free_port()
            environment = {
                "BATON_HOME": str(self.home / process),
                "BATON_PORT": str(self.ports[process]),
                "BATON_BUS": f"kafka://{self.kafka.bootstrap}",
                "BATON_DATABASE_URL": self.postgres.url(name.replace("-", "_")),
                "BATON_PLAYBOOK": str(self.home / "playbook"),
                "BATON_TOKENS": str(self.home / "tokens.yaml"),
                "BATON_PARTITIONS": str(self.lanes),
                "BATON_LOG_LEVEL": "warning",
            }
            self.spawn(process, [str(Path(sys.executable).with_name("baton")), "run", name], environment)
        for process, name in started.items():
            await self.answers(process, f"http://127.0.0.1:{self.ports[process]}/{name}/readyz")

    async def start_relay(self, *stages: str) -> None:
        """Start stages of the bare relay (default: all), a process each."""
        for stage in stages or STAGES:
            name = f"bare-{stage}"
            self.ports[name] = free_port()
            database = self.database(f"bare_{stage}")
            arguments = [stage, str(self.ports[name]), self.kafka.bootstrap, database, str(self.lanes)]
            self.spawn(name, [sys.executable, "-m", "bench.limits.relay", *arguments])
        for stage in stages or STAGES:
            await self.answers(f"bare-{stage}", f"http://127.0.0.1:{self.ports[f'bare-{stage}']}/ready")

    async def start_endpoint(self) -> int:
        """Start the bare endpoint; return its port once it answers."""
        self.ports["endpoint"] = free_port()
        self.spawn("endpoint", [sys.executable, "-m", "bench.limits.endpoint", str(self.ports["endpoint"])])
        await self.answers("endpoint", f"http://127.0.0.1:{self.ports['endpoint']}/ready")
        return self.ports["endpoint"]


@asynccontextmanager
async def opened_world(lanes: int = 12) -> AsyncIterator[World]:
    """Yield a world with Kafka and Postgres running and everything prepared; all of it is gone afterwards."""
    with _servers(lanes) as world:
        try:
            write_playbook(world.home / "playbook")
            write_tokens(world.home / "tokens.yaml")
            databases = [name.replace("-", "_") for name in SERVICES] + [f"bare_{stage}" for stage in STAGES]
            await asyncio.to_thread(world.postgres.create_databases, tuple(databases))
            await _create_topics(world.kafka.bootstrap, lanes)
            yield world
        finally:
            world.stop(*list(world.running))


@contextmanager
def _servers(lanes: int) -> Iterator[World]:
    home = Path(tempfile.mkdtemp(prefix="baton-bench-"))
    kafka_home, postgres_home = home / "kafka", reachable(Path(tempfile.mkdtemp(prefix="baton-bench-pg-")))
    with (
        stopped_afterwards("deploy/kafka/run.py", kafka_home),
        stopped_afterwards("deploy/postgres/run.py", postgres_home),
    ):
        # Durable, as in life: every commit is an fsync, for Baton and for the bare relay alike.
        world = World(home, Kafka(kafka_home, free_port()), Postgres(postgres_home, free_port(), durable=True), lanes)
        world.kafka.start()
        world.postgres.start()
        try:
            yield world
        finally:
            world.postgres.stop()
            world.kafka.stop()
            shutil.rmtree(home, ignore_errors=True)


async def _create_topics(bootstrap: str, lanes: int) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(f"bare.{stage}", lanes, 1) for stage in STAGES if stage != "reporting"])
    finally:
        await admin.close()


def write_playbook(target: Path) -> None:
    """The example playbook without caps: thousands of leads must find an owner at any hour."""
    shutil.copytree(ROOT / "deploy" / "playbook", target)
    roster = target / "roster.yaml"
    roster.write_text(re.sub(r",? ?capacity: \d+", "", roster.read_text()))
    routing = target / "routing.yaml"
    routing.write_text(re.sub(r"(?m)^caps:.*$", "", routing.read_text()))


def write_tokens(target: Path) -> None:
    """The one token that the load generator sends."""
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    target.write_text(f"- {{name: bench, sha256: {digest}, scopes: [admin]}}\n")
