"""Five services in several replicas, each a process of its own, over a Kafka and a PostgreSQL that may be crashed."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from deploy.kafka.run import Kafka, KafkaUnavailable, free_port
from deploy.postgres.run import Postgres, PostgresUnavailable, reachable
from tests.faults.nursery import Nursery, Process, set_clock
from tests.faults.proxy import Proxy
from tests.journeys.running import BATON, ROOT, SERVICES, eventually, plain_environment, playbook_with_short_promises
from tests.world.servers import kafka_node, stopped_afterwards

TOKEN = "a-token-of-this-run"
START_SECONDS = 90.0
EXCUSES = ("NotNow", "could not be migrated")
"""A process that cannot reach its database or broker before it was ever up may give up and be started again."""
QUICK_TO_RECOVER = (("recovery_init_sync_method", "syncfs"),)
"""PostgreSQL 14 and later. Else it syncs each file of five databases after a crash: 7 to 8 s instead of 1 s."""
SMALL_SEGMENTS = (("log.segment.bytes", str(8 * 2**20)),)
"""A broker that was killed reads the last segment of each lane again: with a gigabyte each, a long run's whole log."""
THROUGH = ("intake-2", "scoring-2", "routing-2", "sla-monitor-1")
"""These reach broker and database through a proxy, so that one of a pair can be slow and the other not."""


@dataclass
class Replica:
    """One process of a service, and how it is started."""

    name: str
    service: str
    port: int
    environment: Mapping[str, str]
    log: Path
    nursery: Nursery
    process: Process | None = None
    said_before: int = 0
    wanted: bool = True
    lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def clock(self) -> Path:
        """How far its wall clock is from the true one."""
        return self.log.with_suffix(".clock")

    def start(self, *, anew: bool = False) -> None:
        """Start it: by a fork, or `anew` as an operator does, with its migrations and by the true clock."""
        with self.lock, self.log.open("ab") as output:
            self.wanted, self.said_before = True, output.tell()
            if anew:
                command = [*BATON, "run", self.service]
                self.process = subprocess.Popen(
                    command, cwd=ROOT, env=self.environment, stdout=output, stderr=output, start_new_session=True
                )
            else:
                self.process = self.nursery.start(["run", self.service], self.environment, self.log, self.clock)

    def kill(self) -> None:
        """kill -9, also of a process that stands still."""
        with self.lock:
            self.wanted = False
            if self.process is not None:
                self.process.kill()
                self.process.wait()

    def stop(self, patience: float) -> None:
        """Ask it to end; make it after `patience` seconds."""
        with self.lock:
            self.wanted, process = False, self.process
            if process is None:
                return
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()

    def send(self, number: signal.Signals) -> None:
        with self.lock:
            if self.process is not None and self.process.poll() is None:
                self.process.send_signal(number)

    def is_ready(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{self.port}/{self.service}/readyz", timeout=5).status_code == 200
        return False

    def said(self) -> str:
        """Everything since it was last started."""
        return self.log.read_bytes()[self.said_before :].decode(errors="replace")

    def could_not_start(self) -> bool:
        """True if it ended before it was up, because it could not reach what it needs."""
        said = self.said()
        return f"{self.service} is up on" not in said and any(excuse in said for excuse in EXCUSES)


@dataclass
class Plant:
    """All of it. What ended without being told to stands in `gave_up`."""

    folder: Path
    kafka: Kafka
    postgres: Postgres
    proxy: Proxy
    ways: Mapping[str, int]
    """The proxy's ports, by what is behind them."""
    replicas: dict[str, Replica] = field(default_factory=dict)
    gave_up: list[str] = field(default_factory=list)
    could_not_start: int = 0
    server_lock: threading.Lock = field(default_factory=threading.Lock)

    def database(self, service: str) -> str:
        """The URL for psycopg."""
        return self.postgres.url(service.replace("-", "_"), "postgresql")

    def of(self, service: str) -> list[Replica]:
        return [replica for replica in self.replicas.values() if replica.service == service]

    def crash_postgres(self, seconds: float) -> None:
        with self.server_lock:
            self.postgres.stop("immediate")
            time.sleep(seconds)
            _start(self.postgres.start)

    def crash_broker(self, seconds: float) -> None:
        with self.server_lock:
            self.kafka.stop(signal.SIGKILL)
            time.sleep(seconds)
            _start(self.kafka.start)

    def supervise(self, over: threading.Event) -> None:
        """Start again whatever ended by itself, as every orchestrator does, and remember it."""
        while not over.wait(0.2):
            for replica in self.replicas.values():
                self._look_after(replica)

    def _look_after(self, replica: Replica) -> None:
        with replica.lock:
            code = replica.process.poll() if replica.process is not None and replica.wanted else None
            if code is None:
                return
            if replica.could_not_start():
                self.could_not_start += 1
            else:
                self.gave_up.append(f"{replica.name} ended with {code}: {replica.said()[-1500:]}")
            replica.start()

    def await_ready(self, *replicas: Replica) -> None:
        for replica in replicas:
            eventually(replica.is_ready, f"{replica.name} is ready; it said {replica.said()[-3000:]}", START_SECONDS)

    def environment_of_cli(self) -> dict[str, str]:
        urls = {
            f"BATON_URL_{service.upper().replace('-', '_')}": f"http://127.0.0.1:{self.of(service)[0].port}"
            for service in SERVICES
        }
        return plain_environment(**urls, BATON_TOKEN=TOKEN, BATON_HOME=str(self.folder / "cli"))


def _start(server: Callable[[], None]) -> None:
    """Start a server again. On a machine that is short of breath it may need longer than its starter waits."""
    try:
        server()
    except (KafkaUnavailable, PostgresUnavailable):
        server()


@contextlib.contextmanager
def plant(replicas: Mapping[str, int], lease: float, *, keep: Path | None = None) -> Iterator[Plant]:
    """Open everything and wait until it is ready; afterwards nothing of it is left, save the logs with `keep`.

    Raises KafkaUnavailable or PostgresUnavailable.
    """
    folder = keep or Path(tempfile.mkdtemp(prefix="baton-faults-"))
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        if keep is None:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        home = reachable(Path(tempfile.mkdtemp(prefix="baton-faults-pg-")))
        stack.enter_context(stopped_afterwards("deploy/postgres/run.py", home))
        # Durable: a server that does not wait for its log on disk loses commits in a crash, and rightly so.
        postgres = Postgres(home, free_port(), durable=True, more=QUICK_TO_RECOVER)
        postgres.start()
        postgres.create_databases(tuple(name.replace("-", "_") for name in SERVICES))
        ways, behind = {"kafka": free_port(), "postgres": free_port()}, free_port()
        kafka = stack.enter_context(kafka_node((behind, ways["kafka"]), SMALL_SEGMENTS))
        proxy = Proxy({ways["kafka"]: behind, ways["postgres"]: postgres.port}, ROOT)
        stack.callback(proxy.close)
        found = Plant(folder, kafka, postgres, proxy, ways)
        nursery = Nursery(folder, ROOT)
        stack.callback(nursery.close)
        _make_replicas(found, replicas, lease, nursery)
        try:
            for service in SERVICES:
                found.of(service)[0].start(anew=True)
            found.await_ready(*(found.of(service)[0] for service in SERVICES))
            for replica in found.replicas.values():
                if replica.process is None:
                    replica.start()
            found.await_ready(*found.replicas.values())
            yield found
        finally:
            for replica in found.replicas.values():
                replica.kill()


def _make_replicas(found: Plant, replicas: Mapping[str, int], lease: float, nursery: Nursery) -> None:
    playbook = playbook_for_many(found.folder)
    tokens = found.folder / "tokens.yaml"
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    tokens.write_text(f"- {{name: faults, sha256: {digest}, scopes: [admin]}}\n")
    taken: set[int] = set()
    for service in SERVICES:
        for number in range(1, replicas.get(service, 1) + 1):
            name = f"{service}-{number}"
            port = next(port for port in iter(free_port, None) if port not in taken)
            taken.add(port)
            kafka, postgres = found.ways.values() if name in THROUGH else (found.kafka.port, found.postgres.port)
            database = dataclasses.replace(found.postgres, port=postgres).url(service.replace("-", "_"))
            environment = plain_environment(
                BATON_HOME=str(found.folder / name),
                BATON_PORT=str(port),
                BATON_BUS=f"kafka://127.0.0.1:{kafka}",
                BATON_DATABASE_URL=database,
                BATON_PLAYBOOK=str(playbook),
                BATON_TOKENS=str(tokens),
                BATON_LEASE_SECONDS=str(lease),
                PYTHONPATH=os.environ.get("PYTHONPATH", ""),
            )
            found.replicas[name] = Replica(name, service, port, environment, found.folder / f"{name}.log", nursery)
            set_clock(found.replicas[name].clock, 0.0)


def playbook_for_many(folder: Path) -> Path:
    """The example playbook, open day and night, without caps; hot leads must be called within two seconds."""
    if (folder / "playbook").exists():
        shutil.rmtree(folder / "playbook")
    playbook = playbook_with_short_promises(folder)
    for name, what in (("roster.yaml", r",? ?capacity: \d+"), ("routing.yaml", r"(?m)^caps:.*$")):
        file = playbook / name
        file.write_text(re.sub(what, "", file.read_text()))
    return playbook
