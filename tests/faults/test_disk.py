"""A disk that is full makes Baton say "not now"; it costs no lead, parks nothing, and is over once there is room."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.faults.disk import Disk, NoDisk, small_disk
from tests.faults.embedded import judge
from tests.faults.home import AUTHORIZED, Home, home
from tests.faults.leads import new_lead
from tests.faults.load import Load
from tests.faults.verdict import Verdict, Wanted
from tests.journeys.running import eventually

WANTED = Wanted(leads=300, seconds=15, drain=90)
MEGABYTES = 96
"""Room for what these leads come to, and for a write-ahead log of four megabytes beside each of the six files."""
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
