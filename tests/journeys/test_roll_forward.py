"""One service's database is lost and comes back from a backup that is older than what the service has said since."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.journeys.losing import Plant, await_rest, distributed_plant, embedded_plant, take_in, what_is_wrong
from tests.journeys.people import HOT, somebody
from tests.journeys.running import eventually, playbook_with_short_promises
from tests.journeys.test_lead_journey import status, told, touched

pytestmark = pytest.mark.timeout(600)  # a whole life, and a second one

PUBLISHERS = ("intake", "scoring", "routing", "sla-monitor")
LOST = [
    ("embedded", ("intake", "sla-monitor")),  # coming to rest takes its time, so two at a time
    ("embedded", ("scoring", "routing")),
    ("distributed", ("intake", "sla-monitor")),
    ("distributed", ("scoring", "routing")),
]


@pytest.fixture(scope="module")
def plant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """A Baton with a life before and after the backup of each of its databases."""
    folder = tmp_path_factory.mktemp(request.param)
    playbook = playbook_with_short_promises(folder)
    with ExitStack() as stack:
        plant: Plant
        if request.param == "embedded":
            plant = stack.enter_context(embedded_plant(folder, playbook))
        else:
            kafka, postgres = request.getfixturevalue("own_kafka"), request.getfixturevalue("postgres")
            plant = stack.enter_context(distributed_plant(folder, playbook, kafka, postgres))
        known = before_the_backup(plant)
        for service in PUBLISHERS:
            plant.save(service)
        after_the_backup(plant, known)
        yield plant


def before_the_backup(plant: Plant) -> dict[str, str]:
    """Leads in every state; by name."""
    names = ("called", "won", "given_back", "claimed", "moved", "nurtured", "held", "junk")
    leads = [somebody() for _ in names]
    leads[names.index("moved")]["answers"] = HOT  # to be called within two seconds, which nobody does
    leads[names.index("nurtured")]["answers"] = {"product": "planning"}
    known = dict(zip(names, take_in(plant, *leads), strict=True))
    for name in ("called", "won", "given_back", "claimed", "junk"):
        plant.baton.await_fact("routing", "lead.routed", known[name])
        plant.baton.await_fact("sla-monitor", "sla.started", known[name])
    return known


def after_the_backup(plant: Plant, known: dict[str, str]) -> None:
    """Facts, commands, timers, new leads: all of it unknown to the backups."""
    baton = plant.baton
    touched(baton, known["called"], "anna")
    for word in ("accepted", "opportunity", "won"):
        status(baton, known["won"], word)
    status(baton, known["junk"], "junk", reason="never_fits")
    status(baton, known["given_back"], "recycle", reason="no_problem")
    baton.await_fact("routing", "lead.recycled", known["given_back"])
    baton.await_fact("scoring", "lead.nurtured", known["given_back"])
    told(baton, "activities", known["given_back"], kind="form", what="demo-request")
    baton.await_fact("routing", "lead.routed", known["given_back"], nth=2)
    baton.post(f"/routing/v1/leads/{known['claimed']}/claim", {"rep": "olivia"})
    leave = {"starts_at": _in(hours=1), "ends_at": _in(hours=30), "reason": "holiday"}
    baton.post("/routing/v1/reps/maja/time-off", leave)
    for question, value in HOT.items():
        told(baton, "answers", known["nurtured"], question=question, value=value)
    student = somebody()
    student["contact"]["job_title"] = "Working student"
    rejected, _, _, nowhere = take_in(plant, somebody(), student, somebody(country="US"), somebody(country="GB"))
    baton.await_fact("routing", "lead.routed", rejected)
    baton.post(f"/routing/v1/leads/{rejected}/reject", {"reason": "not mine"})
    baton.await_fact("routing", "lead.routed", nowhere)
    baton.await_fact("routing", "lead.held", known["moved"])
    baton.await_fact("routing", "lead.held", known["nurtured"])
    await_rest(plant)
    assert what_is_wrong(plant) == {}


def _in(**more: float) -> str:
    return (datetime.now(UTC) + timedelta(**more)).isoformat()


def live_on(plant: Plant, again: dict[str, Any]) -> None:
    """New leads come, an old one is called, and a post from before the loss comes once more."""
    new, called, _ = take_in(plant, somebody(), somebody(country="GB"), somebody())
    (repeated,) = plant.baton.post("/intake/v1/leads", again)
    assert repeated["status"] == "duplicate"
    plant.baton.await_fact("routing", "lead.routed", called)
    plant.baton.await_fact("sla-monitor", "sla.started", called)
    touched(plant.baton, called, "olivia")
    plant.baton.await_fact("sla-monitor", "sla.met", called)
    plant.baton.post(
        f"/routing/v1/leads/{called}/claim", {"rep": "niamh" if _owner(plant, called) != "niamh" else "olivia"}
    )
    plant.baton.await_fact("routing", "lead.routed", new)


def _owner(plant: Plant, lead_id: str) -> str:
    owner: str = plant.baton.get(f"/routing/v1/leads/{lead_id}")["owner"]["id"]
    return owner


def what_is_known(plant: Plant) -> dict[str, list[Any]]:
    """What each service knows of leads, clocks and reps, as far as it must come back to the last letter."""
    rows = plant.stores.rows
    leads = [
        (lead_id, json.loads(body)) for lead_id, body in rows("routing", "SELECT lead_id, body FROM lead ORDER BY 1")
    ]
    known = ("round", "attempt", "breaches", "had", "was_routed", "statuses_from", "marks", "work")
    warned = "CASE WHEN warned_at < due_at THEN warned_at END"  # a warning that comes too late is not given
    clock = f"lead_id, round, attempt, promise, state, due_at, warn_at, owner, closed_at, {warned}"
    people = "SELECT lead_id, source, external_id, is_test, contact, properties FROM lead ORDER BY 1"
    person = "lead_id, outcome, round, is_test, source, score, temperature"
    return {
        "intake": [(*row, json.loads(contact), json.loads(more)) for *row, contact, more in rows("intake", people)],
        "identities": rows("intake", "SELECT key, lead_id FROM identity ORDER BY 1"),
        "seen": rows("intake", "SELECT key, lead_id, event_id FROM seen ORDER BY 1"),
        "counted": rows("intake", "SELECT sum(received), sum(accepted) FROM tally"),
        "scoring": rows("scoring", f"SELECT {person} FROM person ORDER BY 1"),
        "routing": sorted((lead_id, [body[name] for name in known]) for lead_id, body in leads),
        "held": rows("routing", "SELECT lead_id, fate, waiting, pool, since FROM lead WHERE waiting IS NOT NULL"),
        "reps": rows("routing", "SELECT rep_id, body FROM rep ORDER BY 1"),
        "clocks": rows("sla-monitor", f"SELECT {clock} FROM obligation ORDER BY 1, 2, 3, 4"),
    }


@pytest.mark.parametrize(("plant", "lost"), LOST, indirect=["plant"], ids=str)
def test_a_lost_database_comes_back_and_nothing_is_said_twice(plant: Plant, lost: tuple[str, ...]) -> None:
    again = somebody()
    take_in(plant, again)
    await_rest(plant)
    before = what_is_known(plant)
    said = len({fact.id for fact in plant.said()})
    plant.put_back(*lost)
    plant.start(*lost, BATON_ROLL_FORWARD=",".join(lost))
    await_rest(plant)
    for what, rows in what_is_known(plant).items():
        assert sorted(rows) == sorted(before[what]), what
    assert len({fact.id for fact in plant.said()}) == said, "coming back is nothing to speak of"
    live_on(plant, again)
    await_rest(plant)
    assert what_is_wrong(plant) == {}
    assert plant.baton.cli("audit", "--quiet", "5", check=False).returncode == 0


@pytest.mark.parametrize("plant", ["distributed"], indirect=True)
def test_a_service_that_is_older_than_what_it_has_said_says_nothing_more(plant: Plant) -> None:
    ends = plant.ends()
    plant.put_back("routing")
    with pytest.raises(AssertionError, match="older than what it has said"):
        plant.start("routing")
    eventually(lambda: plant.baton.processes["routing"].poll(), "it has stopped")
    assert {place: end for place, end in plant.ends().items() if "rout" in place[0]} == {
        place: end for place, end in ends.items() if "rout" in place[0]
    }
    plant.start("routing", BATON_ROLL_FORWARD="intake, routing")
    await_rest(plant)
    assert what_is_wrong(plant) == {}


@pytest.mark.parametrize("plant", ["embedded", "distributed"], indirect=True)
def test_reporting_is_rebuilt_from_the_topics_and_from_journals_once_these_are_cut(plant: Plant) -> None:
    await_rest(plant)
    told = "SELECT lead_id, fate, round, owner, received_at FROM lead ORDER BY 1"
    before = plant.stores.rows("reporting", told)
    plant.put_back("reporting")
    plant.start("reporting")
    await_rest(plant)
    assert plant.stores.rows("reporting", told) == before
    plant.cut_topics()
    begins = plant.folder / "from.json"
    plant.baton.cli("republish", "--output", str(begins))
    (late,) = take_in(plant, somebody())
    plant.baton.await_fact("routing", "lead.routed", late)
    await_rest(plant)
    before = plant.stores.rows("reporting", told)
    plant.put_back("reporting")
    plant.start("reporting", BATON_START_FROM=str(begins))
    await_rest(plant)
    assert plant.stores.rows("reporting", told) == before
    assert plant.stores.rows("reporting", "SELECT * FROM parked") == []
    assert plant.baton.cli("audit", "--quiet", "5", check=False).returncode == 0
