"""Who is whom: what recognises a person, and two leads that become one and two again."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest
from services.intake.tests.test_intake_native import receipts

from baton.intake import store_erasure


async def lead(desk: Any, contact: dict[str, Any], source: str = "webinar", **more: Any) -> str:
    (receipt,) = receipts(await desk.post("leads", {"source": source, "contact": contact, **more}))
    return str(receipt["lead_id"])


async def two(desk: Any) -> tuple[str, str]:
    """Ann by the webinar, and Ann again, older knowledge, by the fair."""
    ann = {"email": "ann@acme.example", "first_name": "Ann", "company": "Acme"}
    one = await lead(desk, ann, external_id="w-1", occurred_at="2026-09-20T10:00:00Z", properties={"employees": 120})
    desk.clock.advance(timedelta(seconds=1))
    other = await lead(
        desk,
        {"email": "ann.lee@mail.example", "last_name": "Lee", "company": "ACME Ltd", "phone": "+442079460958"},
        "fair",
        external_id="f-1",
        occurred_at="2026-09-19T10:00:00Z",
        properties={"booth": 7},
        answers={"cause": "named_event"},
        consent={"purpose": "sales", "wording": "Call me."},
        activity=[{"kind": "download", "what": "paper", "occurred_at": "2026-09-18T10:00:00Z"}],
    )
    assert one != other
    return one, other


async def test_a_merge_is_one_fact_on_each_and_the_survivor_knows_what_both_knew(desk: Any) -> None:
    one, other = await two(desk)
    touch = {"lead": {"system": "fair", "id": "f-1"}, "rep": "bo", "channel": "call", "direction": "out"}
    receipts(await desk.post("touches", {**touch, "occurred_at": "2026-09-20T09:00:00Z"}, who="rep"))
    answer = await desk.post(f"leads/{other}/merge", {"into": one}, who="rep")
    assert (answer.status_code, answer.json()) == (200, {"lead_id": other, "merged_into": one})
    merged, updated = (await desk.said())[-2:]
    assert (merged["type"], merged["subject"], merged["into"]) == ("lead.merged", other, one)
    assert (merged["because"], merged["by"]) == ("by_hand", "rep")
    assert (updated["type"], updated["subject"], updated["absorbed"]) == ("lead.updated", one, other)
    contact = updated["contact"]
    assert (contact["email"], contact["first_name"], contact["last_name"]) == ("ann@acme.example", "Ann", "Lee")
    assert (contact["company"], contact["phone"]) == ("Acme", "+442079460958")  # the newer wins, the older fills gaps
    assert updated["properties"] == {"employees": 120, "booth": 7}
    assert [a["question"] for a in updated["answers"]] == ["cause"]
    assert [a["what"] for a in updated["activity"]] == ["paper"]
    assert updated["consent"]["wording"] == "Call me."
    assert [(h["kind"], h["what"]) for h in updated["history"]] == [("touch", "call out")]
    assert updated["occurred_at"] == "2026-09-19T10:00:00Z"  # merging is nothing the person did


async def test_whatever_names_the_loser_afterwards_reaches_the_survivor(desk: Any) -> None:
    one, other = await two(desk)
    await desk.post(f"leads/{other}/merge", {"into": one}, who="boss")
    before = len(await desk.said())
    at = "2026-09-21T10:00:00Z"
    status = {"lead": {"system": "fair", "id": "f-1"}, "status": "accepted", "occurred_at": at}
    touch = {"rep": "bo", "channel": "call", "direction": "out", "occurred_at": at}
    view = {"kind": "page_view", "occurred_at": at}
    receipts(await desk.post("statuses", status))
    receipts(await desk.post("touches", {"lead": {"lead_id": other}, **touch}))
    receipts(await desk.post("activities", {"lead": {"email": "ann.lee@mail.example"}, **view}))
    assert await lead(desk, {"city": "York"}, "fair", external_id="f-1") == one
    assert await lead(desk, {"city": "York"}, "webinar", external_id="w-1") == one
    assert {fact["subject"] for fact in (await desk.said())[before:]} == {one}
    shown = await desk.get(f"leads/{other}", who="reader")
    assert (shown["merged_into"], shown["known_by"]) == (one, [])
    shown = await desk.get(f"leads/{one}", who="reader")
    assert shown["absorbed"] == [other]
    assert {"system": "fair", "id": "f-1"} in shown["known_by"]
    ledger = await desk.get("ledger", who="reader")
    assert ledger["counts"]["leads"] == {"taken_in": 2, "test": 0, "merged": 1}


async def test_undone_each_is_again_who_it_was_and_what_was_posted_meanwhile_stays(desk: Any) -> None:
    one, other = await two(desk)
    whole = await desk.get(f"leads/{one}", who="reader")
    apart = await desk.get(f"leads/{other}", who="reader")
    await desk.post(f"leads/{other}/merge", {"into": one}, who="boss")
    await lead(desk, {"city": "York"}, "fair", external_id="f-1", properties={"hall": "B"})
    answer = await desk.post(f"leads/{other}/unmerge", who="boss")
    assert answer.json() == {"lead_id": other, "restored_from": one}
    facts = {fact["subject"]: fact for fact in (await desk.said())[-2:]}
    assert {fact["type"] for fact in facts.values()} == {"lead.updated"}
    assert (facts[one]["restored"], facts[other]["restored"]) == (other, one)
    now = await desk.get(f"leads/{other}", who="reader")
    assert {name: now[name] for name in ("contact", "properties", "as_of", "known_by")} == {
        name: apart[name] for name in ("contact", "properties", "as_of", "known_by")
    }
    now = await desk.get(f"leads/{one}", who="reader")
    assert now["contact"] == {**whole["contact"], "city": "York"}
    assert now["properties"] == {"employees": 120, "hall": "B"}
    assert now["known_by"] == whole["known_by"]
    assert await lead(desk, {"city": "Hull"}, "fair", external_id="f-1") == other
    ledger = await desk.get("ledger", who="reader")
    assert ledger["counts"]["leads"]["merged"] == 0


async def test_merging_and_undoing_may_be_repeated_and_what_was_undone_says_nothing_of_it_twice(desk: Any) -> None:
    one, other = await two(desk)
    for _ in range(2):
        for _ in range(2):
            assert (await desk.post(f"leads/{other}/merge", {"into": one}, who="boss")).status_code == 200
        assert (await desk.post(f"leads/{other}/unmerge", who="boss")).status_code == 200
        assert (await desk.post(f"leads/{other}/unmerge", who="boss")).status_code == 409
    assert [len(await desk.said(kind)) for kind in ("lead.merged", "lead.updated")] == [2, 2 + 4]
    await desk.post(f"leads/{one}/merge", {"into": other}, who="boss")  # and the other way round: nothing of its own
    *_, updated = await desk.said("lead.updated")
    assert (updated["subject"], updated["absorbed"], updated["activity"]) == (other, one, [])


async def test_a_chain_is_undone_from_its_end(desk: Any) -> None:
    one, other = await two(desk)
    third = await lead(desk, {"email": "lee@third.example"})
    await desk.post(f"leads/{other}/merge", {"into": one}, who="boss")
    answer = await desk.post(f"leads/{other}/merge", {"into": third}, who="boss")
    assert (answer.status_code, answer.json()["merged_into"]) == (409, one)
    assert (await desk.post(f"leads/{one}/merge", {"into": third}, who="boss")).status_code == 200
    *_, updated = await desk.said("lead.updated")
    assert [a["what"] for a in updated["activity"]] == ["paper"]
    assert await lead(desk, {"city": "York"}, "fair", external_id="f-1") == third
    activity = {"lead": {"lead_id": other}, "kind": "page_view", "occurred_at": "2026-09-21T10:00:00Z"}
    (receipt,) = receipts(await desk.post("activities", activity))
    assert receipt["lead_id"] == third
    assert (await desk.post(f"leads/{other}/unmerge", who="boss")).status_code == 409
    assert (await desk.post(f"leads/{one}/unmerge", who="boss")).status_code == 200
    assert await lead(desk, {"city": "Hull"}, "fair", external_id="f-1") == one
    assert (await desk.post(f"leads/{other}/unmerge", who="boss")).status_code == 200
    assert await lead(desk, {"city": "Leeds"}, "fair", external_id="f-1") == other


async def test_what_may_not_be_merged_is_said_and_changes_nothing(desk: Any) -> None:
    one, other = await two(desk)
    test = await lead(desk, {"email": "test@acme.example"}, is_test=True)
    facts = len(await desk.said())
    refusals = [
        (one, one, 422), (one, "nobody", 404), ("nobody", one, 404), (one, test, 409), (test, one, 409)
    ]  # fmt: skip
    for loser, into, status in refusals:
        assert (await desk.post(f"leads/{loser}/merge", {"into": into}, who="boss")).status_code == status
    assert (await desk.post(f"leads/{other}/merge", {"onto": one}, who="boss")).status_code == 422
    assert (await desk.post(f"leads/{other}/merge", {"into": one}, who="reader")).status_code == 403
    assert (await desk.post(f"leads/{other}/unmerge", who="map")).status_code == 403
    assert (await desk.post(f"leads/{one}/unmerge", who="boss")).status_code == 409
    assert len(await desk.said()) == facts


async def test_two_with_more_properties_than_a_fact_holds_stay_two(desk: Any) -> None:
    half = {f"field_{n}": "x" * 900 for n in range(18)}
    ids = []
    for number in range(2):
        for part in range(2):
            names = {f"{number}_{part}_{name}": value for name, value in half.items()}
            ids.append(await lead(desk, {"email": f"{number}@acme.example"}, properties=names))
    answer = await desk.post(f"leads/{ids[0]}/merge", {"into": ids[-1]}, who="boss")
    assert (answer.status_code, answer.json()["title"]) == (409, "Too large together")
    assert not await desk.said("lead.merged")


async def test_a_long_story_is_told_in_as_many_facts_as_it_takes(desk: Any) -> None:
    one, other = await two(desk)
    for number in range(12):
        did = [
            {"kind": "page_view", "what": f"{number}-{n} " + "x" * 150, "occurred_at": "2026-09-20T10:00:00Z"}
            for n in range(60)
        ]
        await lead(desk, {}, "fair", external_id="f-1", activity=did)
    assert (await desk.post(f"leads/{other}/merge", {"into": one}, who="boss")).status_code == 200
    told = [fact for fact in await desk.said("lead.updated") if fact.get("absorbed")]
    assert len(told) > 1
    whats = [a["what"] for fact in told for a in fact["activity"]]
    assert len(whats) == len(set(whats)) == 12 * 60 + 1


BOTH: dict[str, Any] = {"external_id": "w-1", "contact": {"email": "ann.lee@mail.example"}}
"""A post that names one lead by its external id and the other by its address."""


async def test_by_default_two_leads_in_one_post_are_a_proposal_and_the_stronger_identity_decides(desk: Any) -> None:
    one, other = await two(desk)
    assert await lead(desk, BOTH["contact"], external_id="w-1") == one
    page = await desk.get("merges?state=proposed", who="reader")
    (pair,) = page["items"]
    assert (sorted(pair["leads"]), pair["because"], pair["state"]) == (sorted([one, other]), "email", "proposed")
    assert (await desk.get(f"leads/{other}", who="reader"))["may_be"] == [one]
    assert not await desk.said("lead.merged")
    assert (await desk.post(f"leads/{other}/keep-apart", {"from": one}, who="rep")).status_code == 200
    assert await lead(desk, {**BOTH["contact"], "city": "York"}, external_id="w-1") == one
    assert (await desk.get("merges?state=proposed", who="reader"))["items"] == []
    assert [pair["decided_by"] for pair in (await desk.get("merges", who="reader"))["items"]] == ["rep"]


async def test_the_playbook_may_want_them_merged_at_once_and_the_older_goes_on(desk: Any) -> None:
    desk.change_sources(lambda sources: sources.update(identity={"when_two": {"email": "merge"}}))
    one, other = await two(desk)
    assert await lead(desk, BOTH["contact"], external_id="w-1") == one
    (merged,) = await desk.said("lead.merged")
    assert (merged["subject"], merged["into"], merged["because"]) == (other, one, "email")
    assert await lead(desk, {"city": "York"}, "fair", external_id="f-1") == one
    assert desk.metric("baton_merges_total", what="merged", because="email") == 1
    await desk.post(f"leads/{other}/unmerge", who="boss")
    # The address is the other's again, and the post still names both: they stay two, as somebody said.
    assert await lead(desk, {**BOTH["contact"], "city": "Hull"}, external_id="w-1") == one
    assert len(await desk.said("lead.merged")) == 1


async def test_a_merge_that_was_interrupted_is_done_by_the_next_look(desk: Any) -> None:
    desk.change_sources(lambda sources: sources.update(identity={"when_two": {"email": "merge"}}))
    one, other = await two(desk)

    async def interrupted() -> int:
        return 0

    reception_merge, desk.service._matchmaker.merge_due = desk.service._matchmaker.merge_due, interrupted
    await lead(desk, BOTH["contact"], external_id="w-1")
    assert not await desk.said("lead.merged")
    assert await reception_merge() == 1
    (merged,) = await desk.said("lead.merged")
    assert (merged["subject"], merged["into"]) == (other, one)


async def test_apart_means_that_nobody_is_told(desk: Any) -> None:
    desk.change_sources(lambda sources: sources.update(identity={"when_two": {"email": "apart"}}))
    one, _ = await two(desk)
    assert await lead(desk, BOTH["contact"], external_id="w-1") == one
    assert (await desk.get("merges", who="reader"))["items"] == []


@pytest.mark.parametrize("is_trusted", [False, True])
async def test_a_trusted_systems_telephone_number_recognises_beside_an_address(desk: Any, is_trusted: bool) -> None:
    trusted = ["dialler"] if is_trusted else ["telesales"]
    desk.change_sources(lambda sources: sources.update(identity={"trust_phone": trusted}))
    phone = {"phone": "+442079460958"}
    first = await lead(desk, phone, "dialler")
    again = await lead(desk, {**phone, "email": "ann@acme.example"}, "dialler")
    assert (first == again) is is_trusted
    elsewhere = await lead(desk, {**phone, "email": "lee@acme.example"}, "webinar")
    assert elsewhere != first


async def test_a_source_may_recognise_by_its_own_ids_alone_and_the_order_is_the_playbooks(desk: Any) -> None:
    def kiosk(sources: dict[str, Any]) -> None:
        kiosk = {"id": "kiosk", "label": "A stand's screen", "kind": "csv", "recognise_by": ["external_id"]}
        mapping = [{"id": "all", "external_id": "id", "contact": {"email": "mail"}}]
        sources["sources"].append({**kiosk, "mapping": mapping})
        sources["identity"] = {"recognise_by": ["email", "external_id"]}

    desk.change_sources(kiosk)
    shared = {"email": "stand@fair.example"}
    one = await lead(desk, shared, "kiosk", external_id="k-1")
    assert await lead(desk, shared, "kiosk", external_id="k-2") != one
    (receipt,) = receipts(await desk.post("leads", [{"source": "kiosk", "contact": shared}]))
    assert receipt["detail"] == "a lead needs (source, external_id)"
    by_id = await lead(desk, {"email": "a@acme.example"}, external_id="w-9")
    by_mail = await lead(desk, {"email": "b@acme.example"})
    assert await lead(desk, {"email": "b@acme.example"}, external_id="w-9") == by_mail != by_id


async def test_a_source_that_recognises_by_what_it_does_not_give_is_refused_with_its_place(desk: Any) -> None:
    def bad(sources: dict[str, Any]) -> None:
        sources["sources"][-1]["recognise_by"] = ["phone"]

    with pytest.raises(AssertionError, match=r"sources\.yaml:\d+:\d+.*gives nothing that recognise_by names"):
        desk.change_sources(bad)


async def test_who_is_erased_is_erased_under_every_lead_and_is_merged_no_more(desk: Any) -> None:
    one, other = await two(desk)
    third = await lead(desk, {"email": "lee@third.example"})
    await desk.post(f"leads/{other}/merge", {"into": one}, who="boss")
    answer = await desk.client.delete(
        f"/intake/v1/leads/{other}/personal-data", headers={"Authorization": "Bearer token-of-boss"}
    )
    assert answer.is_success, answer.text
    assert {fact["subject"] for fact in await desk.said("lead.erased")} == {one, other}
    held = repr([await desk.rows(table) for table in ("lead", "merge", "identity", "raw")])
    assert "lee@third.example" in held
    assert "ann" not in held.lower().replace("channel", "")
    assert (await desk.post(f"leads/{third}/merge", {"into": one}, who="boss")).status_code == 409


async def test_who_is_merged_while_the_other_is_erased_is_erased_as_well(
    desk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = await two(desk)
    proper = store_erasure.quarantined_with_bodies

    def merged_meanwhile(tx: Any, after: str, limit: int) -> Any:
        """What the first look at the quarantine finds; between it and the next, somebody has merged the two."""
        monkeypatch.setattr(store_erasure, "quarantined_with_bodies", proper)
        loop.call_soon_threadsafe(merging.set)
        assert merged.wait(20)
        return proper(tx, after, limit)

    async def merge() -> None:
        await merging.wait()
        answer = await desk.post(f"leads/{other}/merge", {"into": one}, who="boss")
        merged.set()
        assert answer.status_code == 200, answer.text

    loop, merging, merged = asyncio.get_running_loop(), asyncio.Event(), threading.Event()
    monkeypatch.setattr(store_erasure, "quarantined_with_bodies", merged_meanwhile)
    await asyncio.gather(erased(desk, other), merge())
    assert {fact["subject"] for fact in await desk.said("lead.erased")} == {one, other}


async def test_two_who_ask_for_the_same_erasure_get_the_same_answer(desk: Any) -> None:
    one, _ = await two(desk)
    answers = await asyncio.gather(*(erased(desk, one) for _ in range(4)))
    assert all(answer == answers[0] for answer in answers), answers
    assert len(await desk.said("lead.erased")) == 1


async def test_an_erasure_names_the_leads_that_tell_of_the_person_from_when_they_were_one(desk: Any) -> None:
    one, other = await two(desk)
    third = await lead(desk, {"email": "lee@third.example"})
    await desk.post(f"leads/{other}/merge", {"into": one}, who="boss")
    await desk.post(f"leads/{one}/merge", {"into": third}, who="boss")
    await desk.post(f"leads/{one}/unmerge", None, who="boss")
    await desk.post(f"leads/{other}/unmerge", None, who="boss")
    assert (await erased(desk, other))["told_in"] == sorted([one, third])
    assert (await erased(desk, one))["told_in"] == [third]
    assert (await erased(desk, other))["told_in"] == [third]
    assert (await erased(desk, third))["told_in"] == []


async def erased(desk: Any, lead_id: str) -> dict[str, Any]:
    headers = {"Authorization": "Bearer token-of-boss"}
    answer = await desk.client.delete(f"/intake/v1/leads/{lead_id}/personal-data", headers=headers)
    assert answer.status_code == 202, answer.text
    said: dict[str, Any] = answer.json()
    return said
