"""What scoring says over HTTP: the definition, who read it, how somebody stands, and the page for all of it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from baton.contracts import (
    Contact,
    LeadAnswered,
    LeadReceived,
    LeadRecycled,
    LeadStatusReported,
    LeadTouched,
    LeadUpdated,
)
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench

LEAD = "0198c0de-0000-7000-8000-00000000000{}"
ANSWERS = {"product": "planning", "horizon": "now", "will_talk": True, "cause": "event", "problem": "known"}
ADA = {"contact": {"job_title": "Head of Operations", "country": "DE"}, "properties": {"employees": 300}}


@pytest.fixture
async def web(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    """From the web: one that qualified, one that qualified and was recycled, one that nobody has asked yet."""
    token = ensure_admin_token(bench.engine.settings.home)
    now = bench.clock.now()
    for number, known in ((1, ANSWERS), (2, ANSWERS), (3, {})):
        said = [{"question": question, "value": value, "occurred_at": now} for question, value in known.items()]
        contact = Contact(email=f"ada{number}@acme.example", job_title="Head of Operations", country="DE")
        properties = {"employees": 300}
        body: dict[str, Any] = {"contact": contact, "properties": properties, "answers": said, "occurred_at": now}
        await bench.hear(LeadReceived(source="web", **body), subject=LEAD.format(number))
    await bench.hear(LeadRecycled(round=1, reason="wrong_time", status="recycle"), subject=LEAD.format(2))
    transport = httpx.ASGITransport(create_app(bench.engine))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


async def test_the_page_counts_who_ever_met_the_definition_also_after_being_recycled(web: httpx.AsyncClient) -> None:
    page = (await web.get("/scoring/")).text
    table = page[page.index("How many met it") :]
    titles = re.findall(r"<th[^>]*>([^<]*)</th>", table)[:8]
    assert titles[:3] == ["Source and campaign", "People", "Ever met it"]
    assert titles[-1] == "web"
    cells = [" ".join(re.sub("<[^>]*>", " ", cell).split()) for cell in re.findall(r"<td[^>]*>(.*?)</td>", table)]
    assert cells[:6] == ["3", "2", "66.7 %", "2", "0", "Looks for what we sell 1 no, 0 unknown"]


async def test_per_source_and_campaign_one_sees_who_met_it_and_what_failed_most(
    web: httpx.AsyncClient, bench: Bench
) -> None:
    small = {"contact": Contact(email="s@acme.example"), "occurred_at": bench.clock.now()}
    for number in (4, 5):
        spring = {"employees": 20, "utm_campaign": "spring"}
        await bench.hear(LeadReceived(source="web", properties=spring, **small), subject=LEAD.format(number))
    (source,) = (await web.get("/scoring/v1/sources")).json()
    assert (source["people"], source["met"], source["share"], source["nurtured"]) == (5, 2, 0.4, 4)
    (campaign,) = source["campaigns"]
    assert (campaign["campaign"], campaign["people"], campaign["met"]) == ("spring", 2, 0)
    failed = {one["criterion"]: (one["no"], one["unknown"]) for one in source["failed"]}
    assert failed["will_talk"] == (0, 3)
    assert campaign["failed"][0] == {
        "criterion": "fits_customer",
        "label": "Fits our ideal customer (50 employees or more)",
        "no": 2,
        "unknown": 0,
    }


async def test_reading_the_definition_is_confirmed_for_the_version_in_force_only(web: httpx.AsyncClient) -> None:
    definition = (await web.get("/scoring/v1/definition")).json()
    assert definition["read_by"] == []
    old = await web.post("/scoring/v1/definition/read", json={"version": "2020-old", "reader": "Bo"})
    assert (old.status_code, old.json()["version"]) == (409, definition["version"])
    for _ in range(2):
        read = await web.post("/scoring/v1/definition/read", json={"version": definition["version"], "reader": "Bo"})
        assert read.status_code == 201
    assert [one["reader"] for one in read.json()["read_by"]] == ["Bo"]
    assert "Bo" in (await web.get("/scoring/")).text


async def test_a_lead_shows_where_it_stands_and_what_is_unknown(web: httpx.AsyncClient) -> None:
    recycled = (await web.get(f"/scoring/v1/leads/{LEAD.format(2)}")).json()
    assert (recycled["outcome"], recycled["round"]) == ("nurtured", 1)
    unasked = (await web.get(f"/scoring/v1/leads/{LEAD.format(3)}")).json()
    assert unasked["outcome"] == "nurtured"
    assert "will_talk" in unasked["now"]["unknown"]
    assert (await web.get(f"/scoring/v1/leads/{LEAD.format(9)}")).status_code == 404


async def test_a_preview_judges_and_keeps_nothing(web: httpx.AsyncClient) -> None:
    ready = (await web.post("/scoring/v1/preview", json=ADA | {"answers": ANSWERS})).json()
    assert (ready["outcome"], ready["unmet"]) == ("qualified", [])
    unknown = (await web.post("/scoring/v1/preview", json=ADA)).json()
    assert unknown["outcome"] == "nurtured"
    assert (await web.post("/scoring/v1/preview", json=ADA | {"answers": []})).status_code == 422
    assert '<td class="number">3</td>' in (await web.get("/scoring/")).text


async def test_whom_a_rule_turns_down_is_summed_by_reason_with_the_hours_it_freed(
    web: httpx.AsyncClient, bench: Bench
) -> None:
    now = bench.clock.now()
    lead = {"source": "web", "contact": Contact(email="t@acme.example"), "occurred_at": now - timedelta(days=4)}
    nothing = [{"question": q, "value": "none", "occurred_at": now} for q in ("cause", "problem")]
    await bench.hear(LeadReceived(**lead), subject=LEAD.format(4))
    for channel in ("call", "meeting"):
        touch = LeadTouched(rep="bo", channel=channel, direction="out", outcome="reached", occurred_at=now)
        await bench.hear(touch, subject=LEAD.format(4))
    await bench.hear(LeadUpdated(**lead, answers=nothing), subject=LEAD.format(4))
    await bench.hear(LeadReceived(**lead | {"occurred_at": now}, answers=nothing), subject=LEAD.format(5))
    told = (await bench.said("lead.disqualified"))[0].body
    assert (told["rule"], told["days"], told["touches"], told["met"], told["hours_freed"]) == (
        "tyre_kicker",
        4.0,
        2,
        True,
        5.0,
    )
    assert told["yes_if"].startswith("Something happens")
    (row,) = (await web.get("/scoring/v1/disqualified")).json()
    assert row == {
        "reason": "no_cause",
        "label": "Nothing made them look now",
        "people": 2,
        "days": 2.0,
        "touches": 1.0,
        "before_meeting": 0.5,
        "hours_freed": 11.0,
    }
    assert "Hours freed are a rough estimate" in (await web.get("/scoring/")).text
    event = {"question": "cause", "value": "event", "occurred_at": now + timedelta(hours=1)}
    await bench.hear(LeadAnswered(answer=event), subject=LEAD.format(4))
    assert [row["people"] for row in (await web.get("/scoring/v1/disqualified")).json()] == [1]


async def test_a_lead_with_sales_shows_what_to_look_at_and_what_is_known(web: httpx.AsyncClient, bench: Bench) -> None:
    at = bench.clock.now()
    deal = {"stage": "Discovery", "details": {"buying_team": "Ida and Bo"}, "value": 9000.0, "currency": "EUR"}
    await bench.hear(LeadStatusReported(status="opportunity", occurred_at=at, **deal), subject=LEAD.format(1))
    lead = (await web.get(f"/scoring/v1/leads/{LEAD.format(1)}")).json()
    assert lead["deal"] == {"stage": "Discovery", "value": 9000.0, "currency": "EUR"}
    assert lead["details"]["buying_team"]["value"] == "Ida and Bo"
    assert (lead["questions"]["known"], lead["questions"]["of"]) == (1, 5)
    says = {alert["flag"]: alert["says"] for alert in lead["alerts"]}
    assert says["question_open:our_help"] == "Not known, though it should be by Discovery: How we would help"
    assert set(says) <= set(lead["flags"])
    assert lead["last_tested_at"].startswith("2026-11-02T09:00")
    assert lead["next_look_at"].startswith("2026-12-02T09:00")


async def test_a_known_person_is_previewed_with_values_changed_and_by_a_draft(web: httpx.AsyncClient) -> None:
    asked = {"lead_id": LEAD.format(3)}
    assert (await web.post("/scoring/v1/preview", json=asked)).json()["outcome"] == "nurtured"
    answered = (await web.post("/scoring/v1/preview", json=asked | {"answers": ANSWERS})).json()
    assert answered["outcome"] == "qualified"
    easy = "\n".join([
        "tracks: [{id: later, label: Later, look_again_days: 10}]",
        "default_track: later",
        "re_entry: {signals: [demo_request]}",
    ])  # fmt: skip
    drafted = (await web.post("/scoring/v1/preview", json=asked | {"draft": {"nurture.yaml": easy}})).json()
    assert (drafted["track"], answered["playbook"] != drafted["playbook"]) == ("later", True)
    assert (await web.post("/scoring/v1/preview", json=asked)).json()["track"] != "later"
    broken = await web.post("/scoring/v1/preview", json=asked | {"draft": {"nurture.yaml": "tracks: 5"}})
    assert (broken.status_code, broken.json()["title"]) == (422, "Invalid draft")
    unknown = await web.post("/scoring/v1/preview", json={"lead_id": LEAD.format(9)})
    assert unknown.json()["title"] == "Unknown lead"
