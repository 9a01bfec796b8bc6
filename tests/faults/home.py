"""One embedded Baton: the process on its home, and the files it leaves, read with sqlite3 alone."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from deploy.kafka.run import free_port
from tests.faults.nursery import Nursery, Process, set_clock
from tests.faults.plant import TOKEN, playbook_for_many
from tests.faults.reader import Said, said_of
from tests.journeys.running import BATON, ROOT, SERVICES, eventually, plain_environment

START_SECONDS = 180.0
REPLAYED = 20
"""Records of each lane."""
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
REFUSED = 5
"""The exit code of a Baton whose home is another's (docs/cli.md)."""


@dataclass
class Home:
    """`baton up` on a directory of its own. What ended without being told to stands in `gave_up`."""

    path: Path
    log: Path
    port: int
    environment: dict[str, str]
    nursery: Nursery
    process: Process | None = None
    wanted: bool = False
    gave_up: list[str] = field(default_factory=list)
    client: httpx.Client = field(default_factory=lambda: httpx.Client(headers=AUTHORIZED, timeout=15))

    def launch(self, *, anew: bool = False) -> Process:
        """A new process: by a fork, or `anew` as its user starts it, migrations and all."""
        if not anew:
            return self.nursery.start(["up"], self.environment, self.log, self.path.with_suffix(".clock"))
        with self.log.open("ab") as output:
            return subprocess.Popen([*BATON, "up"], cwd=ROOT, env=self.environment, stdout=output, stderr=output)

    def start(self, *, anew: bool = False) -> None:
        self.process, self.wanted = self.launch(anew=anew), True

    def kill(self) -> None:
        """kill -9, also of a process that starts or stands still."""
        self.wanted = False
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """Ask politely; the exit code."""
        self.wanted = False
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def freeze(self, seconds: float) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    def start_another(self) -> int | None:
        """Start a second one beside this; return the exit code of the one that is refused, None if none is in time.

        Whichever has the lock lives on: the second too may have come first, if this one is only starting.
        """
        assert self.process is not None
        first, second = self.process, self.launch()
        give_up = time.monotonic() + START_SECONDS
        while time.monotonic() < give_up:
            for one, other in ((second, first), (first, second)):
                if (code := one.poll()) is not None:
                    self.process = other
                    return code
            time.sleep(0.05)
        second.kill()
        return None

    def look_after(self) -> None:
        """Start it again if it ended by itself, and remember that."""
        if self.wanted and self.process is not None and (code := self.process.poll()) is not None:
            self.gave_up.append(f"baton up ended with {code}: {self.log.read_text(errors='replace')[-1500:]}")
            self.start()

    def ask(self, path: str) -> httpx.Response | None:
        """The answer, or None where nobody listens."""
        with contextlib.suppress(httpx.TransportError):
            return self.client.get(f"http://127.0.0.1:{self.port}{path}")
        return None

    def is_ready(self) -> bool:
        answers = (self.ask(f"/{service}/readyz") for service in SERVICES)
        return all(answer is not None and answer.status_code == 200 for answer in answers)

    def await_ready(self) -> None:
        """Return when it is ready, or has ended by itself."""
        eventually(lambda: self.is_ready() or self.has_ended(), f"baton up is ready; see {self.log}", START_SECONDS)

    def has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None


@contextlib.contextmanager
def home(folder: Path, path: Path | None = None) -> Iterator[Home]:
    """A running Baton whose data lies under `path`; killed afterwards."""
    digest = hashlib.sha256(TOKEN.encode()).hexdigest()
    tokens = folder / "tokens.yaml"
    tokens.write_text(f"- {{name: faults, sha256: {digest}, scopes: [admin]}}\n")
    port, path = free_port(), path or folder / "var"
    environment = plain_environment(
        BATON_HOME=str(path),
        BATON_PORT=str(port),
        BATON_PLAYBOOK=str(playbook_for_many(folder)),
        BATON_TOKENS=str(tokens),
        BATON_URL=f"http://127.0.0.1:{port}",
        BATON_TOKEN=TOKEN,
        PYTHONPATH=os.environ.get("PYTHONPATH", ""),
    )
    found = Home(path, folder / "up.log", port, environment, Nursery(folder, ROOT))
    set_clock(path.with_suffix(".clock"), 0.0)
    try:
        found.start(anew=True)
        found.await_ready()
        yield found
    finally:
        found.kill()
        found.client.close()
        found.nursery.close()


def append_again(path: Path, chance: random.Random) -> int:
    """Append old records of every topic to the log once more, as a relay does that slept with them in its hands.

    To be done while nobody has the home. Returns how many.
    """
    done = 0
    with contextlib.closing(sqlite3.connect(path / "bus.db", isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        for topic, lane, end in connection.execute("SELECT * FROM lane_end").fetchall():
            first = chance.randrange(max(1, end - REPLAYED))
            old = "FROM record WHERE topic = ? AND lane = ? AND record_offset BETWEEN ? AND ?"
            copy = f"INSERT INTO record SELECT topic, lane, record_offset + ?, key, headers, value, written_at {old}"
            more = connection.execute(copy, (end - first, topic, lane, first, first + REPLAYED - 1)).rowcount
            moved = "UPDATE lane_end SET next_off = next_off + ? WHERE topic = ? AND lane = ?"
            connection.execute(moved, (more, topic, lane))
            done += more
        connection.execute("COMMIT")
    return done


class Files:
    """The files under a home, opened read-only: the five stores and the log."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def rows(self, service: str, query: str) -> list[tuple[Any, ...]]:
        with contextlib.closing(sqlite3.connect(f"file:{self._path / service}.db?mode=ro", uri=True)) as connection:
            return connection.execute(query).fetchall()

    def instant(self, seconds: float) -> str:
        return f"(strftime('%s', 'now') + {seconds}) * 1000000"

    def ends(self) -> dict[tuple[str, int], int]:
        """The offset after the last record of every lane of the log."""
        return {(topic, lane): end for topic, lane, end in self.rows("bus", "SELECT * FROM lane_end")}

    def said(self) -> list[Said]:
        """What stands on the log, in order within each lane."""
        query = "SELECT topic, lane, record_offset, headers, value FROM record ORDER BY topic, lane, record_offset"
        return [
            said_of(topic, lane, offset, dict(json.loads(headers)), value)
            for topic, lane, offset, headers, value in self.rows("bus", query)
        ]

    def torn(self) -> list[str]:
        """What SQLite itself finds wrong with them."""
        checked = {name: self.rows(name, "PRAGMA integrity_check") for name in ("bus", *SERVICES)}
        return [f"{name}.db: {said}" for name, said in checked.items() if said != [("ok",)]]
