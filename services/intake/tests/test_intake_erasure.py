"""A person is forgotten by intake: nothing of the person stays, nothing of others goes, and nothing comes back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest
from services.intake.tests.posting import NOW

from baton.intake.domain.posts import LeadReference
from baton.intake.erasing import Erasing

ZOE: dict[str, Any] = {
    "source": "webinar",
    "external_id": "zoe-77001",
    "contact": {"email": "Zoe.Canary@example.com", "phone": "020 7946 0958", "first_name": "Zoecanary"},
    "properties": {"hobby": "canary-keeping"},
    "answers": {"cause": "canary-cause"},
    "activity": [{"kind": "download", "what": "canary-paper", "occurred_at": "2026-09-20T10:00:00Z"}],
    "consent": {"purpose": "mail", "wording": "canary-wording"},
}
BOB: dict[str, Any] = {"source": "webinar", "external_id": "bob-1", "contact": {"email": "bob@example.com"}}
WORDS = (b"zoe", b"canary", b"79460958", b"7946 0958")


async def taken(desk: Any, lead: dict[str, Any]) -> str:
    (receipt,) = (await desk.post("leads", lead)).json()
    assert receipt["status"] == "accepted", receipt
    return str(receipt["lead_id"])


async def erase(desk: Any, lead_id: str, who: str = "boss") -> Any:
    headers = {"Authorization": f"Bearer token-of-{who}"}
    return await desk.client.delete(f"/intake/v1/leads/{lead_id}/personal-data", headers=headers)


async def traces(desk: Any) -> list[str]:
    """The tables in which a word of Zoe's stands."""
    found = []
    for name in desk.service.metadata.tables:
        text = b"".join(repr(tuple(row)).lower().encode() for row in await desk.rows(name))
        found += [name for word in WORDS if word in text]
    return sorted(set(found))


async def test_nothing_of_an_erased_person_stays_and_nothing_of_others_goes(desk: Any) -> None:
    zoe, bob = await taken(desk, ZOE), await taken(desk, BOB)
    assert set(await traces(desk)) == {"raw", "lead", "identity", "journal"}
    answer = await erase(desk, zoe)
    assert answer.status_code == 202
    said = answer.json()
    assert (said["lead_id"], said["status"], said["sealed_bodies"]) == (zoe, "erased", 0)
    assert said["gone_by"] == (NOW + timedelta(days=30)).isoformat().replace("+00:00", "Z")
    assert await traces(desk) == []
    assert (await desk.get(f"leads/{bob}"))["contact"]["email"] == "bob@example.com"
    shown = await desk.client.get(f"/intake/v1/leads/{zoe}", headers={"Authorization": "Bearer token-of-boss"})
    assert shown.status_code == 404
    assert [bytes(row.body) != b"" for row in await desk.rows("raw")] == [False, True]


async def test_facts_of_an_erased_lead_stay_in_their_places_without_the_person(desk: Any) -> None:
    zoe = await taken(desk, ZOE)
    await desk.post("leads", {**ZOE, "event_id": "again", "properties": {"hobby": "canaries"}})
    before = await desk.rows("journal")
    await erase(desk, zoe)
    after = await desk.rows("journal")
    assert [(r.event_id, r.sequence, r.type) for r in after[:2]] == [(r.event_id, r.sequence, r.type) for r in before]
    assert [r.headers.get("ce_erased") for r in after] == ["true", "true", None]
    received, updated, erased = await desk.said()
    assert (received["source"], received["contact"]) == ("webinar", {})
    assert updated["changed"] == []
    assert (erased["type"], erased["sequence"]) == ("lead.erased", 3)


async def test_erasing_twice_is_erasing_once_and_nobody_unknown_is_erased(desk: Any) -> None:
    zoe = await taken(desk, ZOE)
    first = await erase(desk, zoe)
    desk.clock.advance(timedelta(days=3))
    again = await erase(desk, zoe)
    assert (again.status_code, again.json()) == (202, first.json())
    assert len(await desk.said("lead.erased")) == 1
    assert desk.metric("baton_erasures_total") == 1
    assert (await erase(desk, "0190bbbb-0000-7000-8000-000000000001")).status_code == 404
    assert (await erase(desk, zoe, "reader")).status_code == 403


async def test_who_comes_again_is_somebody_new_and_what_came_before_is_no_news(desk: Any) -> None:
    zoe = await taken(desk, ZOE)
    await erase(desk, zoe)
    (repeated,) = (await desk.post("leads", ZOE)).json()
    assert (repeated["status"], repeated["lead_id"]) == ("duplicate", zoe), "a platform's retry brings nobody back"
    assert await traces(desk) == []
    new = await taken(desk, {**ZOE, "event_id": "comes-again"})
    assert new != zoe
    ledger = await desk.get("ledger?ids=1", who="reader")
    assert {lead["lead_id"]: lead["fate"] for lead in ledger["leads"]} == {zoe: "erased", new: "taken_in"}
    assert ledger["counts"]["leads"]["taken_in"] == 2
    assert [lead["lead_id"] for lead in (await desk.get("ledger?erased=1", who="reader"))["erased"]] == [zoe]


async def test_what_is_said_of_an_erased_lead_afterwards_is_not_kept(desk: Any) -> None:
    zoe = await taken(desk, ZOE)
    await erase(desk, zoe)
    touch = {"lead": {"lead_id": zoe}, "rep": "ada", "channel": "call", "direction": "out", "purpose": "canary-call",
             "occurred_at": "2026-09-21T10:00:00Z"}  # fmt: skip
    (receipt,) = (await desk.post("touches", touch)).json()
    assert (receipt["status"], receipt["cause"], receipt["quarantine_id"]) == ("quarantined", "erased_lead", None)
    assert await traces(desk) == []
    assert await desk.rows("quarantine") == []
    assert (await desk.elements())["quarantined"] == 1


async def test_quarantine_forgets_the_person_and_keeps_what_waits_for_others(desk: Any) -> None:
    zoe = await taken(desk, ZOE)
    shapeless = {"source": "webinar", "contact": {"email": "zoe.canary@example.com"}, "activity": 5}
    await desk.post("leads", [shapeless, {"source": "webinar", "contact": {"email": "eve@example.com"}, "activity": 5}])
    await desk.feed({"strangers": [{"who": "zoe.canary@example.com"}]})
    await desk.feed({"strangers": [{"who": "zoe.canary@example.com"}, {"who": "carl@example.com"}]})
    assert len(await desk.rows("quarantine")) == 4
    answer = await erase(desk, zoe)
    left = await desk.rows("quarantine")
    assert [row.form and row.form["contact"]["email"] for row in left] == ["eve@example.com", None]
    assert answer.json()["sealed_bodies"] == 0, "the last body is of nobody that is known"
    assert await traces(desk) == ["raw"], "Carl still waits in a body that names both"
    assert (await desk.elements())["quarantined"] == 4


async def test_what_was_posted_before_an_erasure_does_not_come_back_out_of_quarantine(desk: Any) -> None:
    zoe = await taken(desk, {**BOB, "contact": {"email": "zoe.canary@example.com"}})
    await desk.feed({"strangers": [{"kind": "person", "mail": "zoe.canary@example.com"},
                                   {"kind": "person", "mail": "carl@example.com"}]})  # fmt: skip
    await erase(desk, zoe)
    desk.clock.advance(timedelta(minutes=1))
    desk.change_sources(_takes_strangers)
    answer = await desk.post("quarantine/replay", who="boss")
    assert answer.json() == {"replayed": 1, "accepted": 1, "duplicate": 0, "quarantined": 1}
    assert [fact["contact"].get("email") for fact in await desk.said("lead.received")] == [None, "carl@example.com"]
    assert await desk.rows("quarantine") == []
    await desk.service.forget_old(desk.engine)
    assert b"zoe" not in repr([row.body for row in await desk.rows("raw")]).encode()


def _takes_strangers(sources: dict[str, Any]) -> None:
    feed = next(source for source in sources["sources"] if source["id"] == "feed")
    feed["mapping"].append({"id": "strangers", "each": "strangers[]", "contact": {"email": "mail"}})


async def test_a_body_of_two_is_sealed_until_the_other_is_settled(desk: Any) -> None:
    unread = {"kind": "person", "mail": 5, "note": "carl@example.com"}
    await desk.feed({"people": [{"kind": "person", "mail": "zoe.canary@example.com"}, unread]})
    (lead,) = await desk.rows("lead")
    (waiting,) = await desk.rows("quarantine")
    answer = await erase(desk, lead.lead_id)
    assert waiting.form is None, "it can only be read from the body"
    assert answer.json()["sealed_bodies"] == 1
    shown = await desk.get("quarantine")
    assert "zoe" not in str(shown).lower()
    desk.clock.advance(timedelta(days=91))
    await desk.service.forget_old(desk.engine)
    assert await traces(desk) == []
    assert desk.metric("baton_intake_quarantine_given_up_total") == 1


@pytest.mark.parametrize("how", [{"email": "ZOE.canary@example.com"}, {"system": "webinar", "id": "zoe-77001"}])
async def test_a_platform_erases_by_what_it_knows(desk: Any, how: dict[str, str]) -> None:
    zoe = await taken(desk, ZOE)
    erasing = Erasing(desk.engine)
    erased = await erasing.erase_known_by(LeadReference(**how), NOW)
    assert erased is not None
    assert erased.lead_id == zoe
    assert await erasing.erase_known_by(LeadReference(**how), NOW) is None, "nobody is known by that any more"


async def test_an_erasure_of_somebody_unknown_takes_what_waits_for_him(desk: Any) -> None:
    touch = {"lead": {"email": "zoe.canary@example.com"}, "rep": "ada", "channel": "call", "direction": "out",
             "purpose": "canary-call", "occurred_at": "2026-09-21T10:00:00Z"}  # fmt: skip
    await desk.post("touches", touch)
    assert await traces(desk) != []
    assert await Erasing(desk.engine).erase_known_by(LeadReference(email="zoe.canary@example.com")) is None
    assert await traces(desk) == []


async def test_whoever_asks_is_told_all_that_is_known(desk: Any) -> None:
    zoe = await taken(desk, ZOE)
    told = await desk.get(f"leads/{zoe}/personal-data")
    text = orjson.dumps(told).lower()
    for word in ("zoe.canary@example.com", "canary-keeping", "canary-cause", "canary-paper", "canary-wording"):
        assert word.encode() in text
    assert told["kept"]["known_by"] == ["email:zoe.canary@example.com", "id:webinar:zoe-77001"]
    assert [fact["type"] for fact in told["said"]] == ["lead.received"]
    await erase(desk, zoe)
    told = await desk.get(f"leads/{zoe}/personal-data")
    assert told["erased_at"] is not None
    assert not any(word in orjson.dumps(told).lower() for word in WORDS)


async def test_an_id_of_ours_gives_an_erased_lead_no_new_identity(desk: Any) -> None:
    zoe = await taken(desk, ZOE)
    await erase(desk, zoe)
    touch = {"lead": {"lead_id": zoe}, "rep": "ada", "channel": "call", "direction": "out",
             "occurred_at": "2026-09-21T10:00:00Z"}  # fmt: skip
    await desk.post("touches", [touch, {**touch, "lead": {"email": "eve@example.com"}}])
    assert [row.lead_id for row in await desk.rows("identity")] == [None]
    assert [row.awaits for row in await desk.rows("quarantine")] == ["email:eve@example.com"]
