"""What docs/consume.md gives a CRM's engineer works as it stands there: the consumer, the look with kcat, the way
without Kafka."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from baton.cli.asyncapi import example_of
from baton.contracts import LeadRouted
from baton.runtime.blank import HEADER, blank
from baton.runtime.bus.kafka import KafkaBus
from baton.runtime.bus.port import Outgoing
from baton.runtime.envelope import headers_of, to_wire
from baton.runtime.ids import event_id
from baton.runtime.partition import lane_of
from tests.doors.house import House, open_house, token_with
from tests.journeys.running import ROOT, eventually, forget_topics, free_port
from tests.world.plugin import leave_out

PAGE = (ROOT / "docs/consume.md").read_text()
LANES = 12
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
ANNA, BEN, CARA, DORA = (f"01936b2e-7d7e-7c4b-9a52-3a1f6e5b8c1{n}" for n in range(4))


def code(language: str, telling: str) -> str:
    """The one block of the page in this language that has `telling` in it."""
    (found,) = (block for block in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if telling in block)
    return str(found)


def record(lead: str, sequence: int, kind: str, **more: Any) -> Outgoing:
    """A fact of routing as Baton would publish it, `more` on top of the committed example."""
    known = kind in {"lead.routed", "lead.reassigned", "lead.held", "lead.recycled"}
    data = {**(example_of(kind) if known else {}), **more}
    headers = headers_of(
        service="routing", event_id=event_id("routing", lead, sequence), type=kind, subject=lead, sequence=sequence,
        at=NOW, now=NOW, cause_id="test", playbook="1", trace=None,
    )  # fmt: skip
    return Outgoing("leads.routing", lane_of(lead, LANES), lead, to_wire(headers), json.dumps(data).encode())


def erased(fact: Outgoing) -> Outgoing:
    """The fact as it is told again once its person was forgotten."""
    return fact._replace(headers=(*fact.headers, (HEADER, b"true")), value=blank(LeadRouted, fact.value))


STORY = (
    record(ANNA, 1, "lead.routed", from_the_future={"deep": [1]}),
    record(BEN, 1, "lead.routed"),
    record(CARA, 1, "lead.held", reason="a_word_of_tomorrow"),
    record(ANNA, 2, "lead.reassigned", owner={"id": "jonas", "name": "Jonas", "zone": "UTC", "shoe_size": 9}),
    record(BEN, 2, "lead.celebrated", cake=True),
    record(BEN, 3, "lead.recycled"),
    record(CARA, 2, "lead.routed"),
    erased(record(DORA, 1, "lead.routed")),
)  # fmt: skip


@pytest.fixture(scope="module")
def topic(kafka: str) -> Iterator[str]:
    """Bootstrap servers of a Kafka whose topic of routing is new and tells STORY."""
    forget_topics(kafka)
    tell(kafka, STORY)
    yield kafka
    forget_topics(kafka)


def tell(kafka: str, records: Sequence[Outgoing]) -> None:
    async def publish() -> None:
        bus = KafkaBus(kafka)
        try:
            await bus.prepare(["leads.routing"], LANES)
            await bus.publish(records)
        finally:
            await bus.close()

    asyncio.run(publish())


class Crm:
    """The consumer of the page in a process of its own."""

    def __init__(self, folder: Path, kafka: str) -> None:
        self.folder, self.kafka = folder, kafka
        (folder / "crm.py").write_text(code("python", "Consumer("))

    @contextlib.contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        with (self.folder / "out").open("a") as out:
            process = subprocess.Popen(
                [sys.executable, "crm.py"], cwd=self.folder, env={**os.environ, "KAFKA": self.kafka}, stdout=out,
                stderr=subprocess.STDOUT, text=True,
            )  # fmt: skip
            try:
                yield process
            finally:
                process.kill()
                process.wait()

    def said(self) -> list[str]:
        return (self.folder / "out").read_text().splitlines()

    def owners(self) -> dict[str, str | None]:
        with contextlib.closing(sqlite3.connect(self.folder / "crm.db")) as db:
            return dict(db.execute("SELECT id, owner FROM leads").fetchall())


def test_the_consumer_of_the_page_has_at_most_thirty_lines() -> None:
    assert len(code("python", "Consumer(").splitlines()) <= 30


@pytest.mark.slow
def test_the_consumer_of_the_page_feeds_a_crm_and_takes_nothing_twice_nor_a_gap(topic: str, tmp_path: Path) -> None:
    crm = Crm(tmp_path, topic)
    with crm.running():
        eventually(lambda: len(crm.said()) >= len(STORY), "the whole story")
    assert crm.owners() == {ANNA: "jonas", BEN: None, CARA: "maja", DORA: None}
    told_once = crm.said()
    # Killed, told everything again, and something new about one: the new alone is taken.
    tell(topic, [*STORY, record(ANNA, 3, "lead.recycled")])
    with crm.running():
        eventually(lambda: len(crm.said()) > len(told_once), "the news")
    assert crm.said() == [*told_once, f"lead.recycled {ANNA}"]
    assert crm.owners()[ANNA] is None
    # A hole in the numbers is said and not passed over.
    tell(topic, [record(CARA, 4, "lead.recycled")])
    with crm.running() as process:
        assert process.wait(30) == 1
    assert crm.said()[-1] == f"{CARA}: 3 to 3 are missing"
    assert crm.owners()[CARA] == "maja"


@pytest.mark.slow
def test_the_look_with_kcat_shows_every_record_with_its_headers(topic: str) -> None:
    if not shutil.which("kcat"):
        leave_out("kafka", "no kcat on PATH (Debian: kcat)")
    lines = shell(code("sh", "kcat"), ROOT, KAFKA=topic).splitlines()
    of_ben = [line for line in lines if f" {BEN} " in line][:3]
    types = [re.findall(r"ce_type=([a-z._]+)", line) for line in of_ben]
    assert types == [["lead.routed"], ["lead.celebrated"], ["lead.recycled"]]
    assert {line.split()[0] for line in of_ben} == {str(lane_of(BEN, LANES))}
    documented = set(re.findall(r"`(ce_[a-z]+|traceparent|content-type)`", PAGE))
    for line in of_ben:
        headers = line.split()[3]
        assert {pair.partition("=")[0] for pair in headers.split(",")} <= documented
        json.loads(line.split(" ", 4)[4])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[House, str]]:
    """A house whose routing listens on a port."""
    async with open_house(tmp_path_factory.mktemp("house")) as house:
        port = free_port()
        config = uvicorn.Config(house.apps["routing"], port=port, log_config=None, lifespan="off")
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.02)
        yield house, f"http://127.0.0.1:{port}"
        server.should_exit = True
        await serving


@pytest.mark.asyncio(loop_scope="module")
async def test_the_way_without_kafka_reads_every_fact_once_and_goes_on_where_it_was(
    served: tuple[House, str], tmp_path: Path
) -> None:
    house, url = served
    environment = {"BATON_URL": url, "BATON_TOKEN": token_with("leads:read"), "WAIT": "0"}

    async def read() -> list[dict[str, Any]]:
        await asyncio.to_thread(shell, code("sh", "curl"), tmp_path, **environment)
        return [json.loads(line) for line in (tmp_path / "crm.facts").read_text().splitlines()]

    await qualify(house, ANNA)
    first = await until(read, "lead.routed", 1)
    assert len({fact["cursor"] for fact in first}) == len(first)
    (routed,) = (fact for fact in first if fact["type"] == "lead.routed")
    assert (routed["subject"], routed["sequence"], routed["specversion"]) == (ANNA, "0000000001", "1.0")
    assert routed["data"]["owner"]["external_ids"]
    await qualify(house, BEN)
    second = await until(read, "lead.routed", 2)
    assert len({fact["id"] for fact in second}) == len(second)  # nothing twice


async def qualify(house: House, lead: str) -> None:
    """Scoring says that this is a lead."""
    headers = headers_of(
        service="scoring", event_id=event_id("scoring", lead, 1), type="lead.qualified", subject=lead, sequence=1,
        at=datetime.now(UTC), now=datetime.now(UTC), cause_id="test", playbook="1", trace=None,
    )  # fmt: skip
    data = {**example_of("lead.qualified"), "is_test": False}
    await house.engines["routing"].bus.publish(
        [Outgoing("leads.scoring", lane_of(lead, 2), lead, to_wire(headers), json.dumps(data).encode())]
    )


async def until(read: Any, kind: str, times: int) -> list[dict[str, Any]]:
    for _ in range(100):
        found: list[dict[str, Any]] = await read()
        if sum(fact["type"] == kind for fact in found) >= times:
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(f"no {kind} yet: {[fact['type'] for fact in found]}")


def shell(script: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        ["bash", "-eu", "-c", script], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout
