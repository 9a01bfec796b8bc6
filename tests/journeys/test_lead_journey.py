"""The journey of a lead, on both set-ups: in, judged, handed over, on the clock, followed up or not, and back again."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.journeys.people import HOT, somebody
from tests.journeys.running import Baton, eventually, signed_like_hubspot, signed_like_mautic

HUBSPOT = "/intake/v1/hooks/hubspot-workflow"


def taken_in(baton: Baton, lead: dict[str, Any]) -> str:
    (receipt,) = baton.post("/intake/v1/leads", lead)
    assert receipt["status"] == "accepted"
    return str(receipt["lead_id"])


def told(baton: Baton, door: str, lead_id: str, **what: Any) -> None:
    """Somebody tells intake something about a lead that happened just now."""
    about = {"lead": {"lead_id": lead_id}, "occurred_at": datetime.now(UTC).isoformat()}
    (receipt,) = baton.post(f"/intake/v1/{door}", about | what)
    assert receipt["status"] == "accepted"


def touched(baton: Baton, lead_id: str, rep: str, outcome: str = "reached") -> None:
    told(baton, "touches", lead_id, rep=rep, channel="call", direction="out", outcome=outcome)


def status(baton: Baton, lead_id: str, word: str, **more: Any) -> None:
    told(baton, "statuses", lead_id, status=word, **more)


def types(baton: Baton, service: str, lead_id: str) -> list[str]:
    return [fact["type"] for fact in baton.facts(service, lead_id)]


def journey_tells(baton: Baton, lead_id: str, *words: str) -> None:
    """Reporting's journey of the lead comes to name all of them."""

    def look() -> bool:
        answer = baton.ask("GET", f"/reporting/v1/leads/{lead_id}/journey")
        return answer.status_code == 200 and all(word in answer.text for word in words)

    eventually(look, f"the journey tells of {words}")


def test_a_lead_is_scored_routed_put_on_the_clock_called_in_time_and_won(baton: Baton) -> None:
    lead_id = taken_in(baton, somebody())
    routed = baton.await_fact("routing", "lead.routed", lead_id)
    assert routed["round"] == 1
    assert routed["policy"] == "standard"
    assert routed["owner"]["team"] == "dach_nordics"
    assert routed["owner"]["external_ids"]["hubspot"]
    assert routed["rule"]["id"] == "dach_nordics"
    assert any(reason["value"] is True for reason in routed["why"])
    started = baton.await_fact("sla-monitor", "sla.started", lead_id)
    assert started["due_at"] == routed["respond_by"]
    touched(baton, lead_id, routed["owner"]["id"])
    met = baton.await_fact("sla-monitor", "sla.met", lead_id)
    assert met["seconds"] >= 0
    for word in ("accepted", "opportunity", "won"):
        status(baton, lead_id, word)
    journey_tells(baton, lead_id, "lead.qualified", "lead.routed", "sla.met", "won")
    assert types(baton, "routing", lead_id).count("lead.routed") == 1


def test_a_lead_that_does_not_meet_the_definition_is_nurtured_until_it_does(baton: Baton) -> None:
    lead = somebody(answers={"product": "planning"})
    lead_id = taken_in(baton, lead)
    nurtured = baton.await_fact("scoring", "lead.nurtured", lead_id)
    assert "will_talk" in nurtured["unknown"]
    for question, value in HOT.items():
        told(baton, "answers", lead_id, question=question, value=value)
    assert baton.await_fact("routing", "lead.routed", lead_id)["temperature"] == "hot"


def test_a_student_is_disqualified_with_the_reason(baton: Baton) -> None:
    lead = somebody()
    lead["contact"]["job_title"] = "Working student"
    said = baton.await_fact("scoring", "lead.disqualified", taken_in(baton, lead))
    assert said["reason"] == "never_fits"
    assert said["final"]


def test_a_promise_nobody_keeps_moves_the_lead_twice_and_then_to_the_manager(baton: Baton) -> None:
    lead_id = taken_in(baton, somebody(country="GB", answers=HOT))
    first = baton.await_fact("routing", "lead.routed", lead_id)
    assert first["policy"] == "hot"
    owners = [first["owner"]["id"]]
    for attempt in (1, 2):
        moved = baton.await_fact("routing", "lead.reassigned", lead_id, nth=attempt)
        assert moved["reason"] == "breach"
        assert moved["previous_owner"] == owners[-1]
        owners.append(moved["owner"]["id"])
    assert len(set(owners)) == 3
    held = baton.await_fact("routing", "lead.held", lead_id)
    assert held["reason"] == "manager"
    assert types(baton, "sla-monitor", lead_id).count("sla.breached") == 3
    assert types(baton, "sla-monitor", lead_id).count("sla.warned") <= 3
    baton.post(f"/routing/v1/leads/{lead_id}/claim", {"rep": "olivia"})
    assert baton.await_fact("routing", "lead.reassigned", lead_id, nth=3)["owner"]["id"] == "olivia"


def test_a_lead_sales_gives_back_is_nurtured_and_returns_in_a_new_round(baton: Baton) -> None:
    lead_id = taken_in(baton, somebody(country="US"))
    baton.await_fact("routing", "lead.routed", lead_id)
    status(baton, lead_id, "recycle", reason="no_problem")
    recycled = baton.await_fact("routing", "lead.recycled", lead_id)
    assert recycled["reason"] == "no_problem"
    baton.await_fact("scoring", "lead.nurtured", lead_id)
    # The playbook marks a request for a demo as buying: it need not wait for the look-again date.
    told(baton, "activities", lead_id, kind="form", what="demo-request")
    again = baton.await_fact("routing", "lead.routed", lead_id, nth=2)
    assert again["round"] == 2
    assert [reason for reason in again["history"] if reason["kind"] == "status"]


def test_junk_stays_closed_whatever_comes_after(baton: Baton) -> None:
    lead_id = taken_in(baton, somebody())
    baton.await_fact("routing", "lead.routed", lead_id)
    status(baton, lead_id, "junk", reason="never_fits")
    eventually(lambda: baton.get(f"/routing/v1/leads/{lead_id}")["state"] == "junk", "junk")
    told(baton, "activities", lead_id, kind="form", what="demo-request")
    time.sleep(1)
    assert types(baton, "routing", lead_id).count("lead.routed") == 1


def test_a_signed_mautic_webhook_becomes_a_routed_lead_and_a_repeated_one_does_not(baton: Baton) -> None:
    def field(value: str) -> dict[str, str]:
        return {"type": "text", "value": value}

    core = {"email": field("ines@quayside.example"), "firstname": field("Inês"), "lastname": field("Duarte")}
    core |= {"company": field("Quayside"), "position": field("Head of Operations"), "country": field("Portugal")}
    core |= {
        "employees": field("800"),
        "cause": field("event"),
        "problem": field("known"),
        "horizon": field("3_months"),
    }
    core |= {"will_talk": field("yes"), "product": field("slotting")}
    contact = {"id": 52, "points": 0, "fields": {"core": core, "social": [], "personal": []}, "tags": [[]]}
    event = {"contact": contact, "timestamp": datetime.now(UTC).isoformat(timespec="seconds")}
    body = json.dumps({"mautic.lead_post_save_new": [event]}).replace("/", "\\/").encode()
    headers = {"Content-Type": "application/json", "Webhook-Signature": signed_like_mautic(body)}
    for _ in range(2):
        answer = httpx.post(baton.url("/intake/v1/hooks/mautic"), content=body, headers=headers)
        assert answer.status_code == 200
        assert answer.json()
    lead_id = found_by_email(baton, "ines@quayside.example")
    routed = baton.await_fact("routing", "lead.routed", lead_id)
    assert routed["contact"]["first_name"] == "Inês"
    assert routed["owner"]["team"] == "uk_emea"
    assert types(baton, "intake", lead_id) == ["lead.received"]


def test_a_signed_hubspot_workflow_becomes_a_routed_lead(baton: Baton) -> None:
    def value(text: str) -> dict[str, Any]:
        return {"value": text, "versions": [{"value": text, "source-type": "FORM", "selected": False}]}

    properties = {"email": "tom@kamen.example", "firstname": "Tomáš", "jobtitle": "CTO", "country": "Czech Republic"}
    properties |= {
        "numemployees": "201-500",
        "baton_horizon": "now",
        "baton_will_talk": "true",
        "baton_product": "labour",
    }
    record = {
        "vid": 3234574,
        "portal-id": 62515,
        "properties": {name: value(text) for name, text in properties.items()},
    }
    body, at = json.dumps(record).encode(), str(int(time.time() * 1000))
    headers = {
        "Content-Type": "application/json",
        "X-HubSpot-Request-Timestamp": at,
        "X-HubSpot-Signature-v3": signed_like_hubspot("POST", baton.url(HUBSPOT), body, at),
    }
    answer = httpx.post(baton.url(HUBSPOT), content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    routed = baton.await_fact("routing", "lead.routed", found_by_email(baton, "tom@kamen.example"))
    assert routed["contact"]["country"] == "CZ"


@pytest.mark.parametrize("source", ["mautic", "hubspot-workflow"])
def test_a_webhook_without_its_signature_is_refused(baton: Baton, source: str) -> None:
    late = str(int((datetime.now(UTC) - timedelta(minutes=6)).timestamp() * 1000))
    headers = {
        "Content-Type": "application/json",
        "Webhook-Signature": signed_like_mautic(b"another body"),
        "X-HubSpot-Request-Timestamp": late,
        "X-HubSpot-Signature-v3": signed_like_hubspot("POST", baton.url(HUBSPOT), b"{}", late),
    }
    assert httpx.post(baton.url(f"/intake/v1/hooks/{source}"), content=b"{}", headers=headers).status_code == 401


def found_by_email(baton: Baton, email: str) -> str:
    def look() -> str | None:
        found = baton.post("/intake/v1/leads/search", {"email": email})
        return str(found["leads"][0]["lead_id"]) if found.get("leads") else None

    return eventually(look, f"{email} is known")


def test_nobody_comes_in_without_a_token_or_with_another(baton: Baton) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        for method, path in (
            ("POST", "/intake/v1/leads"),
            ("GET", "/routing/v1/events"),
            ("GET", "/reporting/v1/funnel"),
        ):
            assert httpx.request(method, baton.url(path), headers=headers).status_code == 401, path


def test_the_books_balance_and_the_funnel_counts_every_lead(baton: Baton) -> None:
    taken_in(baton, somebody())
    done = baton.cli("audit", "--json")
    books = json.loads(done.stdout)
    assert books["balances"]
    assert books["leads"] == sum(books["fates"].values())
    assert books["elements"]["received"] == sum(
        books["elements"][name] for name in ("accepted", "duplicate", "quarantined")
    )


def test_the_doctor_finds_nothing_wrong(baton: Baton) -> None:
    findings = json.loads(baton.cli("doctor", "--json", check=False).stdout)
    assert [one for one in findings if not one["fine"]] == []


def test_the_status_shows_all_services_at_work(baton: Baton) -> None:
    taken_in(baton, somebody())

    def look() -> bool:
        found = json.loads(baton.cli("status", "--json").stdout)
        are_well = all(one["is_ready"] and not one["problems"] for one in found["services"].values())
        return are_well and None not in found["per_second"].values() and sum((found["fates"] or {}).values()) > 0

    eventually(look, "all are ready and counted, and reporting knows a lead")
