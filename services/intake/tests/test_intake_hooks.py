"""Hooks: platforms post what they like; who they are is proved, what they said is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from services.intake.tests.posting import (
    HUBSPOT_URL,
    NOW,
    SECRETS,
    hubspot_record,
    mautic_event,
    sign_hubspot,
    sign_mautic,
)

from baton.intake.domain.accounts import account_of_domain


async def test_a_mautic_contact_becomes_a_lead(desk: Any) -> None:
    answer = await desk.mautic(mautic_event())
    assert answer.status_code == 200
    (fact,) = await desk.said()
    summary = answer.json()
    assert summary == {
        "status": "accepted",
        "lead_id": fact["subject"],
        "event_id": fact["id"],
        "accepted": 1,
        "duplicate": 0,
        "quarantined": 0,
    }
    assert (fact["type"], fact["source"], fact["external_id"]) == ("lead.received", "mautic", "77")
    assert fact["occurred_at"] == "2026-09-21T14:10:00Z"
    given = {name: value for name, value in fact["contact"].items() if value is not None}
    assert given == {
        "email": "noor.haddad@example.com",
        "first_name": "Noor",
        "last_name": "Haddad",
        "salutation": "Dr",
        "company": "Brückenbau Süd GmbH",
        "job_title": "Leiterin Einkauf",
        "phone": "+498912345678",
        "phone_raw": "089 12345678",
        "city": "München",
        "postal_code": "80331",
        "country": "DE",
        "country_raw": "Germany",
        "locale": "de_DE",
        "website": "https://www.example.com",
        "account_id": account_of_domain("example.com"),
        "company_domain": "example.com",
        "is_free_mail": False,
        "is_disposable_mail": False,
    }


async def test_a_mautic_batch_of_several_types_is_taken_apart_and_repeats_are_known(desk: Any) -> None:
    first, second = mautic_event(), mautic_event(contact_id=78, email="li@example.com")
    body = {**first, "mautic.email_on_send": [{"email": {"id": 3}}], "mautic.unheard_of": [{"contact": {"id": 77}}]}
    body["mautic.lead_post_save_new"] += second["mautic.lead_post_save_new"]
    assert (await desk.mautic(body)).json()["accepted"] == 2
    assert (await desk.mautic(first)).json()["status"] == "duplicate"
    form = {
        "mautic.form_on_submit": [
            {
                "submission": {
                    "id": "5",
                    "form": {"alias": "demo"},
                    "lead": {"id": 78, "fields": {"core": {"email": {"value": "li@example.com"}}, "social": []}},
                    "results": {"horizon": "3_months"},
                    "referer": "https:\\/\\/example.com",
                },
                "timestamp": "2026-09-21T14:12:00+00:00",
            }
        ]
    }
    assert (await desk.mautic(form)).json()["accepted"] == 1
    *_, updated = await desk.said()
    assert (updated["type"], [a["what"] for a in updated["activity"]]) == ("lead.updated", ["demo"])
    assert [(a["question"], a["value"]) for a in updated["answers"]] == [("horizon", "3_months")]


async def test_a_hubspot_record_becomes_a_lead_known_by_its_vid(desk: Any) -> None:
    raw = orjson.dumps(hubspot_record())
    answer = await desk.post("hooks/hubspot-workflow", raw=raw, who=None, **sign_hubspot(raw))
    assert answer.status_code == 200, answer.text
    (fact,) = await desk.said()
    assert (fact["external_id"], fact["contact"]["country"], fact["contact"]["phone"]) == ("9001", "SE", "+46812345678")
    assert fact["contact"]["first_name"] == "Åsa"
    again = await desk.post("hooks/hubspot-workflow", raw=raw, who=None, **sign_hubspot(raw))
    assert again.json()["status"] == "duplicate"
    status = {"lead": {"system": "hubspot", "id": "9001"}, "status": "CONNECTED", "occurred_at": "2026-09-21T14:00:00Z"}
    assert (await desk.post("statuses", status)).json()[0]["lead_id"] == fact["subject"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Webhook_Signature": ""},
        {"Webhook_Signature": "é"},
        {"Webhook_Signature": "AAAA"},
        {"Webhook_Signature": sign_mautic(b"{}", "another secret")},
        {"Webhook_Signature": sign_mautic(b"{} ")},
        {"Authorization": "Bearer token-of-boss"},
    ],
)
async def test_whoever_cannot_sign_is_refused_and_nothing_is_kept(desk: Any, headers: dict[str, str]) -> None:
    answer = await desk.post("hooks/mautic", raw=b"{}", who=None, **headers)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert await desk.rows("raw") == []
    assert desk.metric("baton_intake_hooks_refused_total", source="mautic") == 1


@pytest.mark.parametrize("minutes", [-6, 6])
async def test_a_hubspot_signature_from_another_time_is_refused(desk: Any, minutes: int) -> None:
    raw = orjson.dumps(hubspot_record())
    signed = sign_hubspot(raw, NOW + timedelta(minutes=minutes))
    assert (await desk.post("hooks/hubspot-workflow", raw=raw, who=None, **signed)).status_code == 401


async def test_a_hubspot_signature_for_another_url_or_with_a_query_of_its_own_is_checked(desk: Any) -> None:
    raw = orjson.dumps(hubspot_record())
    elsewhere = sign_hubspot(raw, url="http://evil.example/intake/v1/hooks/hubspot-workflow")
    assert (await desk.post("hooks/hubspot-workflow", raw=raw, who=None, **elsewhere)).status_code == 401
    with_query = sign_hubspot(raw, url=f"{HUBSPOT_URL}?a=b:c")
    answer = await desk.post("hooks/hubspot-workflow?a=b%3Ac", raw=raw, who=None, **with_query)
    assert answer.status_code == 200


async def test_an_unknown_source_is_not_found(desk: Any) -> None:
    assert (await desk.post("hooks/nobody", {}, who=None)).status_code == 404
    assert (await desk.post("hooks/nobody", {}, who="boss")).status_code == 404


@pytest.mark.parametrize(
    ("url", "headers", "status"),
    [
        ("hooks/shop?token=new-shop-token", {}, 200),
        ("hooks/shop?token=old-shop-token", {}, 200),
        ("hooks/shop", {"token": "old-shop-token"}, 200),
        ("hooks/shop", {"token": "new-shop-tokeN"}, 401),
        ("hooks/shop?token=", {}, 401),
        ("hooks/shop?token=wrong&token=new-shop-token", {}, 401),
        ("hooks/shop", {}, 401),
    ],
)
async def test_a_token_is_compared_with_both_secrets(desk: Any, url: str, headers: dict[str, str], status: int) -> None:
    form = b"contact%5Bemail%5D=eva%40example.com"
    sent = {"Content_Type": "application/x-www-form-urlencoded", **headers}
    assert (await desk.post(url, raw=form, who=None, **sent)).status_code == status


async def test_a_form_becomes_a_lead_of_its_system(desk: Any) -> None:
    form = (
        b"contact%5Bid%5D=12&contact%5Bemail%5D=eva%40example.com&contact%5Bname%5D=Eva+Z%C3%BClch&contact%5Bphone%5D="
        b"020+7946+0958&interest%5B%5D=a&interest%5B%5D=b;c&empty=&nothing=null"
    )
    sent = {"Content_Type": "application/x-www-form-urlencoded; charset=utf-8"}
    answer = await desk.post("hooks/shop?token=new-shop-token", raw=form, who=None, **sent)
    assert answer.json()["status"] == "accepted"
    (fact,) = await desk.said()
    assert (fact["contact"]["full_name"], fact["contact"]["phone"]) == ("Eva Zülch", "+442079460958")
    assert fact["properties"] == {"interests": ["a", "b;c"]}
    found = await desk.post("leads", {"source": "crm", "external_id": "12"})
    assert found.json()[0]["lead_id"] == fact["subject"]


async def test_one_bad_element_does_not_sink_the_others(desk: Any) -> None:
    body = {
        "people": [
            {"kind": "person", "mail": "one@example.com"},
            {"kind": "robot", "mail": "no@example.com"},
            {"kind": "person", "mail": "no address"},
            "nobody",
            {"kind": "person", "mail": "two@example.com"},
        ],
        "views": [
            {"who": "one@example.com", "at": 1789999940000, "page": "pricing"},
            {"who": "one@example.com", "at": "yesterday", "page": "pricing"},
            {"page": "whose?"},
        ],
        "deals": [{"contact": "003", "at": "2026-09-21T14:00:00Z", "stage": "Closed Won", "amount": "1200"}],
    }
    summary = await desk.feed(body)
    assert (summary["accepted"], summary["quarantined"]) == (3, 4)
    assert [fact["type"] for fact in await desk.said()] == ["lead.received", "lead.received", "lead.engaged"]
    causes = sorted(item["cause"] for item in (await desk.get("quarantine"))["items"])
    assert causes == ["no_identity", "unknown_lead", "unmapped", "unmapped"]
    assert (await desk.feed(body))["duplicate"] == 3
    await desk.post("leads", {"source": "salesforce", "external_id": "003"})
    won = (await desk.said("lead.status_reported"))[0]
    assert (won["status"], won["raw"], won["value"], won["currency"]) == ("won", "Closed Won", 1200.0, "EUR")


ODD = [
    b"",
    b"not json",
    b'{"a": NaN}',
    b'{"a": "\\ud800"}',
    b"\xff\xfe\x00",
    b"[" * 5000,
    b"[" * 40 + b"]" * 40,
    b"[]",
    b"null",
    b'"text"',
    b'{"mautic.lead_points_change": []}',
    b'{"mautic.lead_post_save_new": {"contact": [], "timestamp": 5}}',
    b'{"mautic.lead_post_save_new": [null, [], 7, {"contact": {"id": 1, "fields": []}, "timestamp": "never"}]}',
]


TYPES = ["application/json", "text/plain", "image/png", "application/x-www-form-urlencoded"]


@pytest.mark.parametrize("raw", ODD)
async def test_whatever_a_genuine_sender_posts_is_stored_and_answered_200(desk: Any, raw: bytes) -> None:
    for content_type in TYPES:
        answer = await desk.mautic(raw, Content_Type=content_type)
        assert answer.status_code == 200
        assert answer.json()["status"] == "quarantined"
    assert [bytes(row.body) for row in await desk.rows("raw")] == [raw] * 4
    counts = await desk.elements()
    assert counts["accepted"] == 0
    assert counts["quarantined"] >= 4


async def test_a_body_nobody_could_map_is_taken_in_once_the_mapping_is_mended(desk: Any) -> None:
    event = mautic_event()
    renamed = {"mautic.contact_brand_new": event["mautic.lead_post_save_new"] * 1}
    assert (await desk.mautic(renamed)).json()["status"] == "quarantined"
    (item,) = (await desk.get("quarantine"))["items"]
    assert (item["source"], item["cause"]) == ("mautic", "unmapped")
    assert orjson.loads(item["raw"]["text"]) == renamed
    again = await desk.post(f"quarantine/{item['id']}/replay", who="boss")
    assert (again.status_code, again.json()["status"]) == (200, "quarantined")

    def mend(sources: dict[str, Any]) -> None:
        mautic = next(source for source in sources["sources"] if source["id"] == "mautic")
        mautic["mapping"][0]["each"] = '"mautic.contact_brand_new"[]'

    desk.change_sources(mend)
    answer = await desk.post(f"quarantine/{item['id']}/replay", who="boss")
    (fact,) = await desk.said()
    assert (answer.json()["status"], answer.json()["lead_id"]) == ("accepted", fact["subject"])
    assert fact["contact"]["first_name"] == "Noor"
    assert (await desk.get("quarantine"))["items"] == []
    assert await desk.elements() == {"received": 1, "accepted": 1, "duplicate": 0, "quarantined": 0}
    assert (await desk.post(f"quarantine/{item['id']}/replay", who="boss")).status_code == 404


async def test_one_element_of_a_body_can_be_mended_without_taking_in_the_others_twice(desk: Any) -> None:
    people = [{"kind": "person", "mail": "one@example.com"}, {"kind": "person", "address": "two@example.com"}]
    assert (await desk.feed({"people": people}))["quarantined"] == 1

    def mend(sources: dict[str, Any]) -> None:
        feed = next(source for source in sources["sources"] if source["id"] == "feed")
        feed["mapping"][0]["contact"]["email"] = {"first_of": ["mail", "address"]}

    desk.change_sources(mend)
    answer = await desk.post("quarantine/replay?source=feed", who="boss")
    assert answer.json() == {"replayed": 1, "accepted": 1, "duplicate": 0, "quarantined": 0}
    assert [fact["contact"]["email"] for fact in await desk.said()] == ["one@example.com", "two@example.com"]


async def test_a_source_without_a_secret_is_our_fault_and_not_the_senders(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("BATON_MAUTIC_SECRET")
    answer = await desk.mautic(mautic_event())
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert "No secret of the source mautic is set" in answer.json()["detail"]
    monkeypatch.setenv("BATON_MAUTIC_SECRET", SECRETS["BATON_MAUTIC_SECRET"])
    assert (await desk.mautic(mautic_event())).status_code == 200


async def test_a_new_source_is_open_and_a_removed_one_is_closed_without_a_restart(desk: Any) -> None:
    def change(sources: dict[str, Any]) -> None:
        kept = [source for source in sources["sources"] if source["id"] not in ("shop", "feed")]
        shop = next(source for source in sources["sources"] if source["id"] == "shop")
        sources["sources"] = [*kept, {**shop, "id": "outlet"}]

    desk.change_sources(change)
    sent = {"Content_Type": "application/x-www-form-urlencoded", "token": "new-shop-token"}
    form = b"contact%5Bemail%5D=eva%40example.com"
    assert (await desk.post("hooks/shop", raw=form, who=None, **sent)).status_code == 404
    assert (await desk.post("hooks/outlet", raw=form, who=None, **sent)).json()["status"] == "accepted"


async def test_a_broken_playbook_is_refused_and_the_old_sources_stay(desk: Any) -> None:
    (desk.playbook / "sources.yaml").write_text("sources: [{id: mautic}]")
    assert not desk.service.book.poll()
    assert (await desk.mautic(mautic_event())).status_code == 200
    ready = await desk.client.get("/intake/readyz")
    assert "sources.yaml" in ready.json()["checks"]["playbook"]["reason"]
