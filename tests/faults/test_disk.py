"""A disk that is full makes Baton say "not now"; it costs no lead, parks nothing, and is over once there is room."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from deploy.kafka.run import KafkaUnavailable
from deploy.postgres.run import PostgresUnavailable
from tests.faults import reader
from tests.faults.account import audit, read_account
from tests.faults.disk import Disk, NoDisk, small_disk
from tests.faults.drain import drain
from tests.faults.embedded import judge
from tests.faults.home import AUTHORIZED, Home, home
from tests.faults.leads import new_lead
from tests.faults.load import Load, promised
from tests.faults.plant import Plant, plant
from tests.faults.verdict import Verdict, Wanted, weigh
from tests.journeys.running import eventually
from tests.world.plugin import leave_out

WANTED = Wanted(leads=300, seconds=15, drain=90)
MEGABYTES = 96
"""Room for what these leads come to, and for a write-ahead log of four megabytes beside each of the six files."""
VOLUMES = {"base": 160, "pg_wal": 128}
"""Megabytes: eight databases and what these leads come to; as many segments of the log as there are at the start."""
SOON = 5.0
"""Seconds after which leads are taken in again once there is room."""


@contextlib.contextmanager
def disk_of(at: Path, megabytes: int) -> Iterator[Disk]:
    """Skips where nothing can be mounted, unless all is required and we are who may."""
    with contextlib.ExitStack() as stack:
        try:
            disk = stack.enter_context(small_disk(at, megabytes))
        except NoDisk as why:
            if os.environ.get("BATON_TEST_REQUIRE") == "all" and os.geteuid() == 0:
                pytest.fail(f"a small disk is required (BATON_TEST_REQUIRE) but {why}", pytrace=False)
            pytest.skip(f"a full disk: {why}")
        yield disk


def post(port: int, number: int) -> httpx.Response:
    """Twenty leads at once, others for every number, none of them among those of the load."""
    leads = [new_lead(f"full{number}", one) for one in range(20)]
    return httpx.post(f"http://127.0.0.1:{port}/intake/v1/leads", json=leads, headers=AUTHORIZED, timeout=30)


def refusal(port: int) -> httpx.Response | None:
    answer = post(port, time.monotonic_ns())
    return None if answer.is_success else answer


def await_refusal(port: int) -> None:
    """Fill what room is left inside the files, until nothing is taken in any more."""
    refused = eventually(lambda: refusal(port), "intake says that it cannot store")
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.headers["Content-Type"] == "application/problem+json"


def await_acceptance(port: int) -> None:
    eventually(lambda: post(port, time.monotonic_ns()).is_success, "leads are taken in again", SOON)


def why_not_ready(port: int) -> str:
    answer = httpx.get(f"http://127.0.0.1:{port}/intake/readyz", timeout=10)
    reason = answer.json()["checks"]["store"]["reason"]
    return reason if answer.status_code == 503 else ""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_an_embedded_baton_on_a_full_disk_waits_and_loses_nothing(tmp_path: Path) -> None:
    with disk_of(tmp_path / "disk", MEGABYTES) as disk, home(tmp_path, disk.path / "var") as baton:
        load = Load("disk", 1, WANTED.leads, WANTED.seconds, [baton.port], tmp_path / "promised.jsonl")
        load.start()
        eventually(lambda: load.log.stat().st_size, "some leads are in")
        disk.fill()
        await_refusal(baton.port)
        assert "disk is full" in eventually(lambda: why_not_ready(baton.port), "readyz says why")
        disk.make_room()
        await_acceptance(baton.port)
        disk.fill()
        await_refusal(baton.port)
        _start_on_a_full_disk(baton)
        disk.make_room()
        baton.await_ready()
        verdict = Verdict(WANTED)
        judge(baton, load, verdict)
        print(verdict.text())
        assert verdict.held, verdict.text()


def _start_on_a_full_disk(baton: Home) -> None:
    """It neither gives up nor does harm: it waits for room."""
    baton.kill()
    baton.start(anew=True)
    time.sleep(SOON)
    assert baton.process is not None
    assert baton.process.poll() is None, baton.log.read_text()[-2000:]


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(600)
@pytest.mark.parametrize("volume", ["base", "pg_wal"])
def test_five_services_wait_for_a_postgresql_whose_disk_is_full(volume: str, tmp_path: Path) -> None:
    """A full volume of data gives errors; a full volume of the write-ahead log ends the server, and we supervise it."""
    with plant_of() as found, disk_of(found.postgres.home / "disk", VOLUMES[volume]) as disk:
        _move(found, volume, disk)
        port = found.of("intake")[0].port
        load = Load("disk", 2, WANTED.leads, WANTED.seconds, [port], tmp_path / "promised.jsonl")
        load.start()
        eventually(lambda: load.log.stat().st_size, "some leads are in")
        disk.fill()
        if volume == "pg_wal":
            eventually(lambda: _is_gone(found), "PostgreSQL has ended", 60)
        await_refusal(port)
        assert eventually(lambda: why_not_ready(port), "readyz says why")
        disk.make_room()
        found.postgres.start()
        await_acceptance(port)
        verdict = _judged(found, load)
        found.postgres.stop("immediate")  # before its disk goes
    print(verdict.text())
    assert verdict.held, verdict.text()


@contextlib.contextmanager
def plant_of() -> Iterator[Plant]:
    """One process of each service; skips where there is no Kafka or PostgreSQL."""
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(plant({}, WANTED.lease))
        except KafkaUnavailable as why:
            leave_out("kafka", why)
        except PostgresUnavailable as why:
            leave_out("postgres", why)
        yield found


def _move(found: Plant, volume: str, disk: Disk) -> None:
    """Let this part of PostgreSQL's files lie on the small disk, as it does where it has a volume of its own."""
    found.postgres.stop()
    part = found.postgres.data / volume
    subprocess.run(["cp", "-a", str(part), str(disk.path)], check=True)
    shutil.rmtree(part)
    part.symlink_to(disk.path / volume)
    found.postgres.start()
    found.await_ready(*found.replicas.values())


def _is_gone(found: Plant) -> bool:
    """Use up what is left of the write-ahead log, segment by segment; True once the server has ended over it."""
    with contextlib.suppress(psycopg.Error), psycopg.connect(found.database("intake"), autocommit=True) as connection:
        connection.execute("SELECT pg_logical_emit_message(false, 'full', 'disk'), pg_switch_wal()")
    return not found.postgres.running()


def _judged(found: Plant, load: Load) -> Verdict:
    verdict, stores = Verdict(WANTED), reader.Stores(found.database)
    verdict.counts["leads offered"] = load.finish(WANTED.drain)
    client = reader.consumer(found.kafka.bootstrap)
    with contextlib.closing(client):
        drained = drain(stores, lambda: reader.ends(client), WANTED.drain)
    verdict.caught_up_in, verdict.drained_in, verdict.left = drained.caught_up, drained.quiet, drained.left
    audited = "" if drained.quiet is None else audit(found.environment_of_cli())
    facts = reader.said(found.kafka.bootstrap)
    weigh(read_account(stores, facts, promised(load.log)), load, audited, verdict)
    ended = [replica for replica in found.replicas.values() if replica.process and replica.process.poll() is not None]
    verdict.gave_up = [f"{replica.name} ended: {replica.said()[-1500:]}" for replica in ended]
    return verdict
