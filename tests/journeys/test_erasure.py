"""A person who exists nowhere else goes through everything there is, is erased, and is looked for in every store."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import httpx
import psycopg
import pytest

from deploy.postgres.run import binaries
from tests.journeys.losing import Distributed, Embedded, Plant, distributed_plant, embedded_plant, take_in
from tests.journeys.people import somebody
from tests.journeys.running import SERVICES, eventually, playbook_with_short_promises, signed_like_mautic
from tests.journeys.test_lead_journey import status, told

pytestmark = pytest.mark.timeout(300)

WORD = "qzxcanary"
PHONE = "8976543210"
TRACES = (WORD.encode(), PHONE.encode(), b"89 7654 3210")
EMAIL = f"{WORD}.mail@{WORD}-home.example"
CANARY: dict[str, Any] = {
    "source": "website",
    "external_id": f"{WORD}-77001",
    "event_id": f"{WORD}-first",
    "contact": {
        "email": EMAIL,
        "first_name": f"{WORD} First",
        "last_name": f"{WORD} Last",
        "full_name": f"{WORD} Full",
        "salutation": f"{WORD} Dr",
        "job_title": f"Head of Logistics {WORD}",
        "company": f"{WORD} GmbH",
        "website": f"https://{WORD}.example",
        "phone": "+49 89 7654 3210",
        "street": f"{WORD} Street",
        "city": f"{WORD} City",
        "postal_code": "10115",
        "region": f"{WORD} Region",
        "country": "DE",
    },
    "properties": {"employees": 420, "industry": "wholesale", "warehouses": 3, "technology": ["sap"], "note": WORD},
    "answers": somebody()["answers"] | {"remark": f"{WORD} said"},
    "activity": [{"kind": "download", "what": f"{WORD} paper", "occurred_at": "2026-09-20T10:00:00Z", "value": WORD}],
    "consent": {"purpose": f"{WORD} mail", "wording": f"{WORD} agrees", "evidence": f"{WORD} form"},
}


@pytest.fixture(scope="module", params=["embedded", "distributed"])
def plant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.mktemp(request.param)
    playbook = playbook_with_short_promises(folder)
    with ExitStack() as stack:
        if request.param == "embedded":
            yield stack.enter_context(embedded_plant(folder, playbook))
        else:
            kafka, postgres = request.getfixturevalue("own_kafka"), request.getfixturevalue("postgres")
            yield stack.enter_context(distributed_plant(folder, playbook, kafka, postgres))


def goes_through_everything(plant: Plant) -> str:
    """Native, hook, all doors, quarantine in three ways, routed, claimed, on the clock, parked; the lead's id."""
    baton = plant.baton
    (receipt,) = baton.ask("POST", "/intake/v1/leads", json=CANARY, headers={"Idempotency-Key": "once"}).json()
    lead = str(receipt["lead_id"])
    fields = {alias: {"alias": alias, "value": value} for alias, value in {"email": EMAIL, "lastname": WORD}.items()}
    contact = {"id": 70077, "fields": {"core": fields}}
    hook(plant, {"mautic.lead_post_save_update": [{"contact": contact, "timestamp": "2026-09-21T14:10:00+00:00"}]})
    hook(plant, {"mautic.something_else": [{"contact": contact}]})
    shapeless = {"source": "website", "contact": {"email": EMAIL}, "activity": f"{WORD} activity"}
    baton.post("/intake/v1/leads", [shapeless])
    baton.post("/intake/v1/activities", {"lead": {"system": "elsewhere", "id": "9"}, "kind": "form", "what": EMAIL,
                                         "occurred_at": "2026-09-21T10:00:00Z"})  # fmt: skip
    baton.await_fact("routing", "lead.routed", lead)
    told(baton, "activities", lead, kind="form", what=f"{WORD} form", properties={"page": WORD})
    told(baton, "answers", lead, question="remark", value=f"{WORD} again", said_by=WORD)
    told(baton, "touches", lead, rep="anna", channel="call", direction="out", purpose=f"{WORD} call", outcome=WORD)
    baton.post(f"/routing/v1/leads/{lead}/claim", {"rep": "olivia"})
    baton.await_fact("sla-monitor", "sla.started", lead, nth=2)
    status(baton, lead, "accepted", raw=WORD, reason=f"{WORD} reason", stage=WORD, details={"note": WORD})
    baton.post("/intake/v1/leads/search", {"email": EMAIL})
    eventually(lambda: WORD in baton.ask("GET", f"/reporting/v1/leads/{lead}/journey").text, "reporting has heard")
    park(plant, "scoring", lead)
    return lead


def hook(plant: Plant, body: Any) -> None:
    raw = json.dumps(body).encode()
    headers = {"Webhook-Signature": signed_like_mautic(raw), "Content-Type": "application/json"}
    answer = httpx.post(plant.baton.url("/intake/v1/hooks/mautic"), content=raw, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text


def park(plant: Plant, service: str, lead: str) -> None:
    """A fact of the lead waits there for one that never comes."""
    row = (lead, 0, "leads.intake", 10**6, "lead.updated", "intake", 99, "[]", WORD.encode(), "gap")
    names = "subject, lane, topic, record_offset, type, source, sequence, headers, value, reason, parked_at"
    if isinstance(plant, Embedded):
        with contextlib.closing(sqlite3.connect(plant.home / f"{service}.db", timeout=20)) as store:
            at = int(time.time() * 1_000_000)
            store.execute(f"INSERT INTO parked ({names}) VALUES ({', '.join('?' * 11)})", (*row, at))
            store.commit()
    else:
        assert isinstance(plant, Distributed)
        with psycopg.connect(plant.database(service)) as connection:
            connection.execute(
                f"INSERT INTO parked ({names}) VALUES ({', '.join(['%s'] * 11)})".encode(), (*row, datetime.now(UTC))
            )


def erase(plant: Plant, lead: str) -> None:
    said = plant.baton.cli("personal-data", "erase", lead, "--yes").stdout
    assert f"{lead} is erased" in said
    eventually(lambda: all(lead in erased_by(plant, service) for service in SERVICES), "everybody has wiped the lead")


def erased_by(plant: Plant, service: str) -> list[str]:
    return [one["lead_id"] for one in plant.baton.get(f"/{service}/v1/ledger", erased=1)["erased"]]


def traces(plant: Plant) -> list[str]:
    """Where a word of the canary's stands: databases whole (free pages and write-ahead logs too), logs, metrics."""
    places = {path.name: path.read_bytes() for path in plant.folder.rglob("*.log")}
    if isinstance(plant, Embedded):
        places |= {path.name: path.read_bytes() for path in plant.home.rglob("*") if path.is_file()}
    else:
        assert isinstance(plant, Distributed)
        for service in SERVICES:
            dump = [str(binaries() / "pg_dump"), "--inserts", plant.database(service)]
            text = subprocess.run(dump, check=True, capture_output=True).stdout
            # Bytes stand as hexadecimals in a dump.
            hexed = b"".join(trace for trace in TRACES if trace.hex().encode() in text.lower())
            places[f"{service} as dumped"] = text + hexed
    for service in SERVICES:
        places[f"metrics of {service}"] = plant.baton.ask("GET", f"/{service}/metrics").content
    return sorted(name for name, text in places.items() if any(trace in text.lower() for trace in TRACES))


def await_nothing(plant: Plant) -> None:
    """Files are cleared with the next housekeeping of each service."""
    give_up = time.monotonic() + 30
    while (left := traces(plant)) and time.monotonic() < give_up:
        time.sleep(0.5)
    assert left == []


def test_an_erased_person_is_found_nowhere_and_the_books_balance(plant: Plant) -> None:
    (other,) = take_in(plant, somebody())
    lead = goes_through_everything(plant)
    known = plant.baton.cli("personal-data", "export", lead).stdout
    assert json.loads(known)["services"].keys() == set(SERVICES)
    for word in (EMAIL, "+498976543210", f"{WORD} said", f"{WORD} paper", f"{WORD} agrees", f"{WORD} call"):
        assert word in known, word
    before = traces(plant)
    where = ("intake", "scoring", "routing", "reporting")  # the SLA monitor keeps times, and no words
    assert all(any(name.startswith(service) for name in before) for service in where), before
    erase(plant, lead)
    left = plant.baton.cli("personal-data", "export", lead).stdout
    assert WORD not in left
    await_nothing(plant)
    assert [fact for service in SERVICES[:4] for fact in plant.baton.facts(service, lead) if WORD in str(fact)] == []
    assert plant.baton.ask("POST", f"/routing/v1/leads/{lead}/claim", json={"rep": "anna"}).status_code == 404
    ended = [fact["data"]["rule"] for fact in plant.baton.facts("sla-monitor", lead) if fact["type"] == "sla.stopped"]
    assert ended in ([], ["erased"])
    audit = plant.baton.cli("audit", "--quiet", "10", "--json", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr
    assert json.loads(audit.stdout)["fates"]["erased"] == 1
    assert plant.baton.ask("GET", f"/intake/v1/leads/{other}").status_code == 200


def test_a_backup_from_before_the_erasure_forgets_again(plant: Plant) -> None:
    """Its own facts, as they were published, still stand on the topics; they must not come back with the backup."""
    again = {**CANARY, "event_id": f"{WORD}-comes-back", "external_id": f"{WORD}-77002"}
    (lead,) = take_in(plant, again)
    plant.baton.await_fact("sla-monitor", "sla.started", lead)
    lost = ("intake", "scoring", "routing", "sla-monitor")
    for service in lost:
        plant.save(service)
    told(plant.baton, "activities", lead, kind="form", what=f"{WORD} after the backup")
    erase(plant, lead)
    plant.put_back(*lost)
    plant.start(*lost, BATON_ROLL_FORWARD=",".join(lost))
    eventually(lambda: all(lead in erased_by(plant, service) for service in SERVICES), "wiped once more")
    for saved in plant.folder.glob("*.saved"):
        saved.unlink()
    await_nothing(plant)
    audit = plant.baton.cli("audit", "--quiet", "10", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr


def test_nothing_of_an_erased_person_stays_where_another_lead_told_of_him(plant: Plant) -> None:
    """The two were one for a time, and the other one lives on: what was said of it meanwhile told of both."""
    baton = plant.baton
    (other,) = take_in(plant, somebody())
    (lead,) = take_in(plant, {**CANARY, "event_id": f"{WORD}-is-another", "external_id": f"{WORD}-77003"})
    for one in (other, lead):
        baton.await_fact("routing", "lead.routed", one)
    baton.post(f"/intake/v1/leads/{lead}/merge", {"into": other})
    journey = f"/reporting/v1/leads/{other}/journey"
    eventually(lambda: f"{WORD} paper" in baton.ask("GET", journey).text, "reporting has heard that they are one")
    eventually(lambda: "paper" in baton.ask("GET", f"/scoring/v1/leads/{other}").text, "so has scoring")
    eventually(
        lambda: WORD in str(baton.get(f"/routing/v1/leads/{other}/personal-data")["kept"]["lead"]), "so has routing"
    )
    baton.post(f"/routing/v1/leads/{other}/claim", {"rep": "olivia"})
    assert WORD in str(baton.await_fact("routing", "lead.reassigned", other))
    baton.ask("POST", f"/intake/v1/leads/{lead}/unmerge").raise_for_status()
    eventually(lambda: "Not the same person" in baton.ask("GET", journey).text, "reporting has heard that they are two")
    before = traces(plant)
    erase(plant, lead)
    give_up = time.monotonic() + 30
    while (left := [name for name in traces(plant) if not name.startswith("bus.db")]) and time.monotonic() < give_up:
        time.sleep(0.5)
    assert left == [], "the embedded log keeps it until `gone_by`, as topics do"
    assert len(before) > len(left)
    assert [fact for service in SERVICES[:4] for fact in baton.facts(service, other) if WORD in str(fact)] == []
    assert baton.get(f"/intake/v1/leads/{other}")["contact"]["full_name"].startswith("Head")
    baton.post(f"/routing/v1/leads/{other}/claim", {"rep": "anna"})
    again = baton.await_fact("routing", "lead.reassigned", other, nth=2)
    assert again["contact"]["full_name"].startswith("Head")
    assert WORD not in str(again)
    audit = baton.cli("audit", "--quiet", "10", check=False)
    assert audit.returncode == 0, audit.stdout + audit.stderr
