"""The native API: what is answered, what is said, what is kept."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import orjson
import pytest

ANN: dict[str, Any] = {
    "source": "webinar",
    "external_id": "a-1",
    "contact": {"email": "Ann@Example.com", "phone": "020 7946 0958", "country": "United Kingdom", "first_name": "Ann"},
    "properties": {"employees": 120},
    "answers": {"cause": "named_event"},
    "activity": [{"kind": "download", "what": "paper", "occurred_at": "2026-09-20T10:00:00Z"}],
}


def receipts(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 202, answer.text
    found: list[dict[str, Any]] = answer.json()
    return found


async def test_a_lead_is_one_fact_with_its_activity_and_answers(desk: Any) -> None:
    (receipt,) = receipts(await desk.post("leads", ANN))
    assert receipt.keys() == {"status", "lead_id", "event_id"}
    assert receipt["status"] == "accepted"
    (fact,) = await desk.said()
    assert (fact["type"], fact["subject"], fact["id"]) == ("lead.received", receipt["lead_id"], receipt["event_id"])
    assert fact["contact"]["email"] == "Ann@example.com"
    assert fact["contact"]["email_raw"] == "Ann@Example.com"
    assert (fact["contact"]["phone"], fact["contact"]["phone_raw"]) == ("+442079460958", "020 7946 0958")
    assert (fact["contact"]["country"], fact["contact"]["country_raw"]) == ("GB", "United Kingdom")
    assert fact["properties"] == {"employees": 120}
    assert [(a["question"], a["value"]) for a in fact["answers"]] == [("cause", "named_event")]
    assert [(a["kind"], a["occurred_at"]) for a in fact["activity"]] == [("download", "2026-09-20T10:00:00Z")]


async def test_the_body_is_kept_as_it_came(desk: Any) -> None:
    raw = b' {"source": "webinar",\n "contact": {"email": "ann@example.com"}} '
    receipts(await desk.post("leads", raw=raw, User_Agent="map/1"))
    (row,) = await desk.rows("raw")
    assert (bytes(row.body), row.door, row.source) == (raw, "lead", "webinar")
    assert row.headers["user-agent"] == "map/1"
    assert "authorization" not in row.headers


async def test_the_same_person_is_recognised_by_id_or_by_mail_and_updated(desk: Any) -> None:
    (first,) = receipts(await desk.post("leads", ANN))
    (by_id,) = receipts(await desk.post("leads", {**ANN, "contact": {"company": "Acme"}, "answers": {}}))
    (by_mail,) = receipts(
        await desk.post("leads", {"source": "fair", "contact": {"email": "ANN@example.com", "last_name": "Lee"}})
    )
    assert first["lead_id"] == by_id["lead_id"] == by_mail["lead_id"]
    received, one, two = await desk.said()
    assert [received["type"], one["type"], two["type"]] == ["lead.received", "lead.updated", "lead.updated"]
    assert one["changed"] == ["company"]
    assert one["contact"]["first_name"] == "Ann"
    assert (two["contact"]["company"], two["contact"]["last_name"]) == ("Acme", "Lee")
    assert two["properties"] == {"employees": 120}
    assert [fact["sequence"] for fact in (received, one, two)] == [1, 2, 3]


async def test_an_address_learned_later_leads_to_the_same_person(desk: Any) -> None:
    (first,) = receipts(await desk.post("leads", {"source": "crm", "external_id": "7"}))
    receipts(await desk.post("leads", {"source": "crm", "external_id": "7", "contact": {"email": "bo@example.com"}}))
    (third,) = receipts(await desk.post("leads", {"source": "fair", "contact": {"email": "bo@example.com"}}))
    assert third["lead_id"] == first["lead_id"]


async def test_a_telephone_number_is_an_identity_only_where_there_is_nothing_else(desk: Any) -> None:
    number = {"phone": "+44 20 7946 0958"}
    (first,) = receipts(await desk.post("leads", {"source": "fair", "contact": number}))
    (again,) = receipts(await desk.post("leads", {"source": "call", "contact": {**number, "first_name": "Cy"}}))
    (other,) = receipts(await desk.post("leads", {"source": "web", "contact": {**number, "email": "di@example.com"}}))
    assert first["lead_id"] == again["lead_id"] != other["lead_id"]


async def test_a_late_post_only_fills_gaps(desk: Any) -> None:
    new = {"email": "ann@example.com", "company": "New Ltd"}
    old = {"email": "ann@example.com", "company": "Old Ltd", "city": "Leeds"}
    receipts(await desk.post("leads", {"source": "web", "contact": new, "occurred_at": "2026-09-20T00:00:00Z"}))
    receipts(await desk.post("leads", {"source": "web", "contact": old, "occurred_at": "2026-09-01T00:00:00Z"}))
    *_, last = await desk.said()
    assert (last["contact"]["company"], last["contact"]["city"]) == ("New Ltd", "Leeds")


async def test_a_test_lead_stays_one_and_a_real_lead_never_becomes_one(desk: Any) -> None:
    trial = {"source": "web", "contact": {"email": "qa@example.com"}}
    receipts(await desk.post("leads", {**trial, "is_test": True}))
    receipts(await desk.post("leads", trial))
    real = {"source": "web", "contact": {"email": "real@example.com"}}
    receipts(await desk.post("leads", real))
    receipts(await desk.post("leads", {**real, "is_test": True}))
    assert [fact["is_test"] for fact in await desk.said()] == [True, True, False, False]
    ledger = await desk.get("ledger?ids=true", who="reader")
    assert ledger["counts"]["leads"] == {"taken_in": 2, "test": 1, "merged": 0}
    assert sorted(lead["fate"] for lead in ledger["leads"]) == ["taken_in", "test"]


async def test_the_same_element_again_is_a_duplicate_with_the_first_ids(desk: Any) -> None:
    (first,) = receipts(await desk.post("leads", ANN))
    reordered = dict(reversed(ANN.items()))
    (second,) = receipts(await desk.post("leads", reordered))
    assert second == {**first, "status": "duplicate"}
    assert len(await desk.said()) == 1


async def test_an_event_id_decides_what_is_the_same(desk: Any) -> None:
    first = {**ANN, "event_id": "e-1"}
    (one,) = receipts(await desk.post("leads", first))
    (two,) = receipts(await desk.post("leads", {**first, "contact": {"email": "else@example.com"}}))
    (three,) = receipts(await desk.post("leads", {**ANN, "event_id": "e-2"}))
    assert [two["status"], two["event_id"]] == ["duplicate", one["event_id"]]
    assert three["status"] == "accepted"


async def test_an_array_and_lines_are_answered_in_the_order_sent(desk: Any) -> None:
    people = [{"source": "web", "contact": {"email": f"p{n}@example.com"}} for n in range(5)]
    broken: list[Any] = [people[0], {"source": 7}, people[1], people[0], {"source": "web", "contact": {}}, "text", None]
    statuses = ["accepted", "quarantined", "accepted", "duplicate", "quarantined", "quarantined", "quarantined"]
    assert [r["status"] for r in receipts(await desk.post("leads", broken))] == statuses
    lines = [orjson.dumps(people[2]), b"", b"{broken", orjson.dumps(people[0]), orjson.dumps(people[3]) + b"\r"]
    answer = receipts(await desk.lines("leads", *lines))
    assert [r["status"] for r in answer] == ["accepted", "quarantined", "duplicate", "accepted"]
    assert await desk.elements() == {"received": 11, "accepted": 4, "duplicate": 2, "quarantined": 5}
    assert desk.metric("baton_intake_elements_total", source="other", outcome="accepted") == 4
    assert receipts(await desk.post("leads", [])) == []


async def test_more_than_one_transaction_of_lines_keeps_the_order(desk: Any) -> None:
    lines = [orjson.dumps({"source": "web", "external_id": str(n)}) for n in range(1203)]
    answer = receipts(await desk.lines("leads", *lines))
    assert len({receipt["lead_id"] for receipt in answer}) == 1203
    facts = {fact["subject"]: fact["external_id"] for fact in await desk.said()}
    assert [facts[receipt["lead_id"]] for receipt in answer] == [str(n) for n in range(1203)]
    bodies = b"\n".join(bytes(row.body) for row in await desk.rows("raw"))
    assert sorted(bodies.splitlines()) == sorted(lines)


async def test_unknown_keys_of_leads_activities_and_answers_are_kept(desk: Any) -> None:
    lead = {
        **ANN,
        "campaign": "spring",
        "contact": {**ANN["contact"], "fax": "1"},
        "consent": {"purpose": "mail", "x": 1},
    }
    receipts(await desk.post("leads", lead))
    ref = {"lead": {"email": "ann@example.com"}, "occurred_at": "2026-09-21T10:00:00Z"}
    receipts(await desk.post("activities", {**ref, "kind": "visit", "what": "pricing", "seconds": 12}))
    receipts(await desk.post("answers", {**ref, "question": "cause", "value": "told_to_look", "interviewer": "Zed"}))
    received, engaged, answered = await desk.said()
    assert received["properties"] == {"employees": 120, "campaign": "spring", "fax": "1", "consent": {"x": 1}}
    assert received["consent"]["purpose"] == "mail"
    assert engaged["activity"]["properties"] == {"seconds": 12}
    assert answered["answer"]["properties"] == {"interviewer": "Zed"}


REF: dict[str, Any] = {"lead": {"system": "webinar", "id": "a-1"}, "occurred_at": "2026-09-21T14:00:00Z"}
SAID: list[tuple[str, dict[str, Any], str]] = [
    ("activities", {**REF, "kind": "page_view", "what": "pricing"}, "lead.engaged"),
    ("touches", {**REF, "rep": "bo", "channel": "call", "direction": "out", "outcome": "reached"}, "lead.touched"),
    ("answers", {**REF, "question": "problem", "value": {"goal": "x"}, "said_by": "Ann"}, "lead.answered"),
    (
        "statuses",
        {**REF, "status": "accepted", "stage": "2", "details": {"a": 1}, "value": 12.5},
        "lead.status_reported",
    ),
]


@pytest.mark.parametrize(("door", "body", "type_"), SAID)
async def test_whatever_is_said_of_a_lead_becomes_its_fact(desk: Any, door: str, body: Any, type_: str) -> None:
    (lead,) = receipts(await desk.post("leads", ANN))
    one = receipts(await desk.post(door, {**body, "event_id": "1"}, who="map"))
    many = receipts(await desk.post(door, [{**body, "event_id": "1"}, {**body, "event_id": "2"}]))
    lines = receipts(
        await desk.lines(door, orjson.dumps({**body, "event_id": "3", "lead": {"lead_id": lead["lead_id"]}}))
    )
    assert [r["status"] for r in one + many + lines] == ["accepted", "duplicate", "accepted", "accepted"]
    assert {r["lead_id"] for r in one + many + lines} == {lead["lead_id"]}
    assert [fact["type"] for fact in await desk.said()] == ["lead.received", type_, type_, type_]


async def test_homework_is_an_answer_however_it_is_written(desk: Any) -> None:
    receipts(await desk.post("leads", ANN))
    homework = {"task": "pick two points", "state": "set", "due_at": "2026-09-21T16:00:00Z"}
    for body in (homework, {"question": "homework", **homework}, {"question": "homework", "value": homework}):
        receipts(await desk.post("answers", {**REF, **body}))
    answers = [fact["answer"] for fact in await desk.said("lead.answered")]
    assert [(a["question"], a["value"]) for a in answers] == [("homework", homework)] * 3


@pytest.mark.parametrize(
    ("question", "value"),
    [
        ("wish.channel", "pigeon"),
        ("wish.chanel", "call"),
        ("wish.interval", True),
        ("wish.not_before", "soon"),
        ("wish.not_before", 7),
        ("justification.", "x"),
        ("homework", {"task": "x", "state": "forgotten"}),
        ("homework", "done"),
    ],
)
async def test_reserved_questions_are_judged(desk: Any, question: str, value: Any) -> None:
    answer = await desk.post("answers", {**REF, "question": question, "value": value})
    assert answer.status_code == 422
    posted = receipts(await desk.post("leads", [{**ANN, "answers": {question: value}}]))
    assert posted[0]["status"] == "quarantined"


async def test_reserved_questions_rightly_used_are_taken(desk: Any) -> None:
    receipts(await desk.post("leads", ANN))
    said = [
        ("wish.channel", ["email", "call"]),
        ("wish.channel", "none"),
        ("wish.interval", "2w"),
        ("wish.not_before", "2026-12-01"),
        ("justification.budget", "asked twice"),
    ]
    posted = [{**REF, "question": question, "value": value} for question, value in said]
    assert [r["status"] for r in receipts(await desk.post("answers", posted))] == ["accepted"] * 5


async def test_a_touch_says_when_both_sides_agreed_to_speak_next(desk: Any) -> None:
    receipts(await desk.post("leads", ANN))
    touch = {**REF, "rep": "bo", "channel": "call", "direction": "out", "next_at": "2026-12-01T10:00:00+01:00"}
    receipts(await desk.post("touches", touch))
    [told] = await desk.said("lead.touched")
    assert told["next_at"] == "2026-12-01T09:00:00Z"
    assert (await desk.post("touches", {**touch, "next_at": "next week"})).status_code == 422


async def test_status_words_of_the_crm_become_ours_and_are_kept(desk: Any) -> None:
    receipts(await desk.post("leads", {"source": "hubspot", "external_id": "9"}))
    lead = {"lead": {"system": "hubspot", "id": "9"}, "occurred_at": "2026-09-21T14:00:00Z"}
    receipts(await desk.post("statuses", {**lead, "status": "bad_timing", "reason": "BAD_TIMING"}))
    receipts(await desk.post("statuses", {**lead, "status": "won", "value": 900, "currency": "EUR"}))
    first, second = await desk.said("lead.status_reported")
    assert (first["status"], first["raw"], first["reason"], first["system"]) == (
        "recycle",
        "bad_timing",
        "wrong_time",
        "hubspot",
    )
    assert (second["status"], second["raw"], second["value"]) == ("won", "won", 900.0)


async def test_what_is_said_of_an_unknown_lead_waits_and_is_said_when_the_lead_turns_up(desk: Any) -> None:
    touch = {**SAID[1][1], "lead": {"email": "Ann@example.com"}}
    (waiting,) = receipts(await desk.post("touches", touch, who="rep"))
    (other,) = receipts(await desk.post("activities", {**SAID[0][1], "lead": {"lead_id": "nobody"}}))
    assert (waiting["status"], waiting["lead_id"], waiting["cause"]) == ("quarantined", None, "unknown_lead")
    assert other["status"] == "quarantined"
    assert await desk.said() == []
    (lead,) = receipts(await desk.post("leads", ANN))
    _, touched = await desk.said()
    assert (touched["type"], touched["subject"], touched["sequence"]) == ("lead.touched", lead["lead_id"], 2)
    assert await desk.elements() == {"received": 3, "accepted": 2, "duplicate": 0, "quarantined": 1}
    (again,) = receipts(await desk.post("touches", touch))
    assert (again["status"], again["event_id"]) == ("duplicate", touched["id"])
    assert desk.metric("baton_intake_replayed_total", outcome="accepted") == 1


async def test_a_known_person_is_found_by_mail_and_by_id(desk: Any) -> None:
    (lead,) = receipts(await desk.post("leads", ANN))
    found = (await desk.post("leads/search", {"email": "ANN@EXAMPLE.com"}, who="reader")).json()["leads"]
    assert [one["lead_id"] for one in found] == [lead["lead_id"]]
    shown = await desk.get(f"leads/{lead['lead_id']}", who="reader")
    assert shown == found[0]
    assert shown["contact"]["phone"] == "+442079460958"
    assert {"system": "webinar", "id": "a-1"} in shown["known_by"]
    assert (await desk.post("leads/search", {"email": "no@example.com"}, who="reader")).json() == {"leads": []}
    assert (await desk.post("leads/search", {"email": "not an address"}, who="reader")).json() == {"leads": []}


async def test_the_same_idempotency_key_gives_the_same_receipts(desk: Any) -> None:
    first = await desk.post("leads", ANN, Idempotency_Key='"k-1"')
    again = await desk.post("leads", ANN, Idempotency_Key="k-1")
    assert receipts(again) == receipts(first)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert await desk.elements() == {"received": 1, "accepted": 1, "duplicate": 0, "quarantined": 0}
    assert len(await desk.rows("raw")) == 1
    other = await desk.post("leads", {**ANN, "external_id": "b"}, Idempotency_Key="k-1")
    assert other.status_code == 422
    somebody_else = await desk.post("leads", ANN, who="boss", Idempotency_Key="k-1")
    assert receipts(somebody_else)[0]["status"] == "duplicate"
    assert (await desk.post("leads", ANN, Idempotency_Key="x" * 256)).status_code == 400


async def test_a_key_still_in_flight_is_answered_409(desk: Any) -> None:
    many = [{"source": "web", "external_id": str(n)} for n in range(300)]
    answers = await asyncio.gather(*(desk.post("leads", many, Idempotency_Key="k") for _ in range(2)))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert len(await desk.said()) == 300


async def test_consents_and_their_withdrawal_travel_with_the_lead_and_all_are_kept(desk: Any) -> None:
    given = {"purpose": "sales", "basis": "consent", "wording": "Call me.", "evidence": "form 7, 10.0.0.1"}
    lead = {"source": "web", "external_id": "c-1", "occurred_at": "2026-09-20T10:00:00Z"}
    (receipt,) = receipts(await desk.post("leads", {**lead, "consent": given}))
    receipts(
        await desk.post("leads", {**lead, "consent": {"purpose": "sales", "withdrawn_at": "2026-09-21T10:00:00Z"}})
    )
    first, second = await desk.said()
    assert first["consent"] == {**given, "given_at": "2026-09-20T10:00:00Z"}
    assert second["consent"] == {"purpose": "sales", "withdrawn_at": "2026-09-21T10:00:00Z"}
    shown = await desk.get(f"leads/{receipt['lead_id']}/consents", who="reader")
    assert [(c["purpose"], c.get("wording"), c.get("withdrawn_at")) for c in shown["consents"]] == [
        ("sales", "Call me.", None),
        ("sales", None, "2026-09-21T10:00:00Z"),
    ]
