"""What cannot be handled is put aside, shown, mended and brought back by people; an outage puts nothing aside."""

from __future__ import annotations

import json
import re
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

from confluent_kafka import Producer

from tests.faults.leads import new_lead
from tests.journeys.running import eventually
from tests.outages.conftest import World
from tests.outages.people import first_clocks, first_promise, hot_leads, tell, touch
from tests.outages.planted import SITECUSTOMIZE

STRANGER = "00000000-0000-7000-8000-000000000001"
JUDGED_SECONDS = 5
"""A deadline is judged two seconds after it passed, and what was said before it is read."""
HEARERS = ["scoring", "routing", "sla-monitor", "reporting"]


def put(
    world: World, topic: str, key: str, value: bytes, headers: dict[str, str] | None = None, times: int = 1
) -> None:
    """Somebody else writes to our topic."""
    producer = Producer({"bootstrap.servers": world.kafka.bootstrap})
    sent = [(name, text.encode()) for name, text in (headers or {}).items()]
    for _ in range(times):
        producer.produce(topic, value, key, 0, headers=sent)
    assert producer.flush(20) == 0


def out_of_sequence(number: int) -> dict[str, str]:
    at = "2026-01-05T10:00:00.000000Z"
    return {
        "ce_id": f"stranger-{number}", "ce_source": "urn:baton:intake", "ce_type": "lead.engaged",
        "ce_subject": STRANGER, "ce_time": at, "ce_recordedtime": at, "ce_specversion": "1.0",
        "ce_sequence": f"{number:010d}",
    }  # fmt: skip


def plant(world: World) -> Path:
    """Start sla-monitor anew with a bug in it; what is returned unlinks to mend it."""
    flag = world.folder / "choke"
    flag.touch()
    planted = world.folder / "planted"
    planted.mkdir(exist_ok=True)
    (planted / "sitecustomize.py").write_text(SITECUSTOMIZE.format(flag=str(flag)))
    usual = world.baton.services["sla-monitor"]["PYTHONPATH"]
    world.kill("sla-monitor")
    world.start("sla-monitor", PYTHONPATH=f"{planted}:{usual}".rstrip(":"))
    return flag


def parked_of(world: World, lead_id: str) -> list[tuple[str, str]]:
    return [(service, reason) for service, _, subject, reason, *_ in world.parked() if subject == lead_id]


def test_a_bug_parks_one_lead_in_order_and_its_promise_waits_until_it_is_mended(world: World) -> None:
    flag = plant(world)
    stuck, free = leads = hot_leads(world, 2)
    clocks, now = first_clocks(world, leads), datetime.now(UTC)
    due = datetime.fromisoformat(clocks[stuck]["due_at"])
    assert now < due, "this machine is too busy: the promise ran out before anybody could call"
    outcomes = ((stuck, "moved"), (stuck, "reached"), (free, "reached"))
    tell(world, [touch(lead_id, clocks[lead_id], now, outcome) for lead_id, outcome in outcomes])
    behind_it = [("sla-monitor", "poison"), ("sla-monitor", "behind")]
    eventually(lambda: parked_of(world, stuck) == behind_it, "it is parked, and what comes after it waits behind it")
    eventually(lambda: first_promise(world, [free]) == [["sla.met"]], "the neighbour goes on")
    time.sleep(max(0.0, (due - datetime.now(UTC)).total_seconds()) + JUDGED_SECONDS)
    assert first_promise(world, [stuck]) == [[]]  # nobody may say that nobody called

    listed = world.baton.cli("dead", "list").stdout
    found = re.search(rf"sla-monitor +(\d+)  {stuck}  lead.touched  poison: RuntimeError", listed)
    assert found, listed
    shown = json.loads(world.baton.cli("dead", "show", "sla-monitor", found[1]).stdout)
    assert (shown["topic"], shown["type"], shown["reason"]) == ("leads.intake", "lead.touched", "poison")
    assert "in choking" in shown["stack"]
    assert shown["record_offset"] >= 0
    put(world, "leads.intake", STRANGER, b"{}", out_of_sequence(7))
    put(world, "leads.intake", STRANGER, b"\xff")
    eventually(lambda: len(parked_of(world, STRANGER)) == 2 * len(HEARERS), "what is none of ours is parked")
    still = world.baton.cli("dead", "replay", "--all", check=False)
    assert still.returncode == 1
    assert "Still poison" in still.stdout
    assert "has not said fact" in still.stdout
    assert "can only be discarded" in still.stdout
    assert "10 of 10 are left, of 5 leads" in still.stderr

    flag.unlink()
    mended = world.baton.cli("dead", "replay", "--all", check=False)
    assert f"sla-monitor {found[1]}: replayed, 0 of this lead still parked" in mended.stdout
    assert mended.returncode == 1  # the strangers are still there
    eventually(lambda: first_promise(world, [stuck]) == [["sla.met"]], "the call was in time")
    for service, number, *_ in world.parked():
        world.baton.cli("dead", "discard", service, str(number), "--reason", "written by a stranger")
    assert world.parked() == []
    told = json.loads(world.baton.cli("dead", "show", service, str(number)).stdout)["discarded"][-1]
    assert (told["by"], told["why"]) == ("admin", "written by a stranger")
    assert "written by a stranger" in world.baton.said(service)
    assert first_promise(world, [stuck]) == [["sla.met"]]


def test_a_database_and_a_broker_that_go_away_under_load_park_nothing(world: World) -> None:
    over, accepted = threading.Event(), 0

    def load() -> None:
        nonlocal accepted
        numbers = iter(range(0, 10**6, 5))
        while not over.is_set():
            first = next(numbers)
            leads = [new_lead("away", n) for n in range(first, first + 5)]
            while not world.baton.ask("POST", "/intake/v1/leads", json=leads).is_success:
                time.sleep(0.2)
            accepted += 5
            time.sleep(0.1)

    sender = threading.Thread(target=load)
    sender.start()
    try:
        time.sleep(2)
        with world.no_postgres():
            time.sleep(4)
        time.sleep(3)
        with world.no_broker():
            time.sleep(6)
        time.sleep(2)
    finally:
        over.set()
        sender.join()
    assert world.baton.ended() == ""
    world.await_quiet(150)
    assert world.parked() == []
    assert accepted >= 20
    assert world.one("intake", "SELECT count(*) FROM lead WHERE external_id LIKE 'away-%'") == accepted
    world.baton.cli("audit")


def test_more_than_ten_facts_parked_of_the_last_thousand_stop_the_process_loudly(world: World) -> None:
    """leads.roster is heard by three. What they had parked stays; started again, they go on."""
    put(world, "leads.roster", "nobody", b"?", times=11)
    for service in ("scoring", "sla-monitor", "reporting"):
        assert world.baton.processes[service].wait(60) != 0
        said = world.baton.said(service)
        assert '"service_must_stop"' in said
        assert "more than 10 facts were parked within 1000" in said
    assert {world.baton.processes[service].poll() for service in ("intake", "routing")} == {None}
    world.start("scoring", "sla-monitor", "reporting")
    assert [row[3] for row in world.parked()] == ["undecodable"] * 33
    for service, number, *_ in world.parked():
        world.baton.cli("dead", "discard", service, str(number), "--reason", "none of ours")
