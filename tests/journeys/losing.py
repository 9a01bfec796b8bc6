"""One lost database, its backup, and the way back, on both set-ups; and what stands in stores and on topics, read by
plain clients."""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from deploy.postgres.run import binaries
from tests.faults import reader
from tests.faults.account import Stores, left_to_do, read_account
from tests.faults.checks import (
    Found,
    accepted_leads_exist_once,
    every_consumer_has_applied_everything,
    every_hand_off_has_its_clocks_and_no_timer_fired_twice,
    journals_are_what_the_topics_say,
    nothing_is_parked,
    nothing_is_routed_twice,
    owners_of,
    sequences_have_no_gap_and_no_inversion,
)
from tests.faults.home import Files
from tests.faults.reader import Said
from tests.journeys.running import BATON, SERVICES, Baton, distributed, embedded, eventually, up
from tests.world.servers import PostgresServer

CHECKED = (
    accepted_leads_exist_once,
    nothing_is_routed_twice,
    sequences_have_no_gap_and_no_inversion,
    journals_are_what_the_topics_say,
    every_consumer_has_applied_everything,
    every_hand_off_has_its_clocks_and_no_timer_fired_twice,
    nothing_is_parked,
)


class Plant(Protocol):
    """A running Baton whose databases can be saved, lost and put back one by one."""

    baton: Baton
    folder: Path
    promised: list[tuple[str, str, str]]

    @property
    def stores(self) -> Stores: ...
    def said(self) -> list[Said]: ...
    def ends(self) -> dict[tuple[str, int], int]: ...
    def save(self, service: str) -> None: ...
    def put_back(self, *services: str) -> None:
        """Their processes have ended and their databases are as they were saved; empty if they were not."""
        ...

    def start(self, *services: str, **more: str) -> None:
        """Start what `put_back` ended, with these settings more."""
        ...

    def cut_topics(self) -> None:
        """Retention has taken the older half of every lane."""
        ...


@dataclass
class Embedded:
    """All in one process: who loses one file stops all."""

    baton: Baton
    folder: Path
    promised: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def home(self) -> Path:
        return Path(self.baton.environment["BATON_HOME"])

    @property
    def stores(self) -> Stores:
        return Files(self.home)

    def said(self) -> list[Said]:
        return Files(self.home).said()

    def ends(self) -> dict[tuple[str, int], int]:
        return Files(self.home).ends()

    def save(self, service: str) -> None:
        saved = self.folder / f"{service}.saved"
        with (
            contextlib.closing(sqlite3.connect(self.home / f"{service}.db")) as source,
            contextlib.closing(sqlite3.connect(saved)) as target,
        ):
            source.backup(target)

    def put_back(self, *services: str) -> None:
        self.baton.stop()
        for service in services:
            for file in self.home.glob(f"{service}.db*"):
                file.unlink()
            if (saved := self.folder / f"{service}.saved").exists():
                shutil.copy(saved, self.home / f"{service}.db")

    def start(self, *services: str, **more: str) -> None:
        usual = dict(self.baton.environment)
        self.baton.environment |= more
        try:
            up(self.baton, self.folder)
        finally:
            self.baton.environment = usual

    def cut_topics(self) -> None:
        older = "record_offset < (SELECT next_off / 2 FROM lane_end e WHERE e.topic = r.topic AND e.lane = r.lane)"
        with contextlib.closing(sqlite3.connect(self.home / "bus.db")) as log:
            log.execute(f"DELETE FROM record AS r WHERE {older}")
            log.commit()


@dataclass
class Distributed:
    """Five processes over Kafka and PostgreSQL: the others go on."""

    baton: Baton
    folder: Path
    kafka: str
    postgres: PostgresServer
    promised: list[tuple[str, str, str]] = field(default_factory=list)

    @property
    def stores(self) -> Stores:
        return reader.Stores(self.database)

    def database(self, service: str) -> str:
        """As PostgreSQL's own programs write it."""
        return self.baton.services[service]["BATON_DATABASE_URL"].replace("+asyncpg", "")

    def said(self) -> list[Said]:
        return reader.said(self.kafka)

    def ends(self) -> dict[tuple[str, int], int]:
        client = reader.consumer(self.kafka)
        try:
            return reader.ends(client)
        finally:
            client.close()

    def save(self, service: str) -> None:
        self._program("pg_dump", "-Fc", "-f", str(self.folder / f"{service}.saved"), self.database(service))

    def put_back(self, *services: str) -> None:
        for service in services:
            process = self.baton.processes.pop(service)
            process.terminate()
            process.wait(30)
            self.baton.services[service]["BATON_DATABASE_URL"] = self.postgres.new_database()
            if (saved := self.folder / f"{service}.saved").exists():
                self._program("pg_restore", "--no-owner", "-d", self.database(service), str(saved))

    def start(self, *services: str, **more: str) -> None:
        for service in services:
            environment = self.baton.services[service] | more
            self.baton.start(service, [*BATON, "run", service], environment, self.folder / f"{service}.log")
        self.baton.await_ready()

    def cut_topics(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.kafka})
        halves = [TopicPartition(topic, lane, end // 2) for (topic, lane), end in self.ends().items() if end > 1]
        for done in admin.delete_records(halves).values():
            done.result(30)

    @staticmethod
    def _program(name: str, *arguments: str) -> None:
        subprocess.run([str(binaries() / name), *arguments], check=True, capture_output=True)


@contextlib.contextmanager
def embedded_plant(folder: Path, playbook: Path) -> Iterator[Embedded]:
    with embedded(folder, playbook) as baton:
        yield Embedded(baton, folder)


@contextlib.contextmanager
def distributed_plant(folder: Path, playbook: Path, kafka: str, postgres: PostgresServer) -> Iterator[Distributed]:
    with distributed(folder, playbook, kafka, postgres.new_database) as baton:
        yield Distributed(baton, folder, kafka, postgres)


def await_rest(plant: Plant) -> None:
    """Wait until everything is published and read, and no timer is about to fire."""
    eventually(lambda: not left_to_do(plant.stores, plant.ends(), SERVICES), "everything is done", 45)


def what_is_wrong(plant: Plant) -> dict[str, list[str]]:
    """What the stores and the topics, read by others, have to complain of."""
    found = read_account(plant.stores, plant.said(), plant.promised)
    wrong = {check.__name__.replace("_", " "): list(check(found)) for check in CHECKED}
    wrong["open leads have their last owner"] = list(open_leads_have_their_last_owner(found))
    return {sentence: cases for sentence, cases in wrong.items() if cases}


def open_leads_have_their_last_owner(found: Found) -> Iterable[str]:
    """By the topic, by routing, and in the books' loads. What sales has closed is nobody's."""
    last = owners_of(found.distinct())
    for lead_id, (fate, bearer) in found.owned.items():
        expected = last.get(lead_id) if fate in ("routed", "accepted", "opportunity", "held") else None
        if bearer != expected:
            yield f"lead {lead_id} ({fate}) is {expected}'s by the topic and {bearer}'s by the store"
        if found.reported.get(lead_id) != fate:
            yield f"lead {lead_id} is {fate} at routing and {found.reported.get(lead_id)} at reporting"
    borne = Counter(bearer for _, bearer in found.owned.values() if bearer)
    if {rep: number for rep, number in found.load.items() if number} != dict(borne):
        yield f"the books say {dict(found.load)}, the leads {dict(borne)}"


def take_in(plant: Plant, *leads: dict[str, Any]) -> list[str]:
    """Leads that are promised to their senders, in one post; their ids."""
    receipts = plant.baton.post("/intake/v1/leads", list(leads))
    ids = [str(receipt["lead_id"]) for receipt in receipts]
    plant.promised += [
        (lead["external_id"], lead_id, receipt["status"])
        for lead, lead_id, receipt in zip(leads, ids, receipts, strict=True)
    ]
    return ids
