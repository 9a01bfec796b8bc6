"""Bad input harms nobody: a clear refusal or quarantine, never a 5xx, and a 4xx leaves no trace."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

LEAD = {"source": "web", "contact": {"email": "a@example.com"}}
REF = {"lead": {"email": "a@example.com"}, "occurred_at": "2026-09-21T14:00:00Z"}
TOUCH = {**REF, "rep": "bo", "channel": "call", "direction": "out"}
STATUS = {**REF, "status": "accepted"}


async def nothing_was_kept(desk: Any) -> bool:
    kept = [await desk.rows(table) for table in ("raw", "lead", "quarantine", "identity", "seen", "answer")]
    return not any(kept) and (await desk.elements())["received"] == 0


NOT_JSON = [
    b"",
    b"{",
    b"{'a': 1}",
    b'{"a": NaN}',
    b'{"a": Infinity}',
    b'{"source": "\\ud800"}',
    b"\xff\xfe",
    b"[" * 5000,
]
TOO_DEEP = b'{"source":"web","properties":' + b'{"a":' * 40 + b"1" + b"}" * 41


@pytest.mark.parametrize("raw", [*NOT_JSON, TOO_DEEP])
async def test_what_is_not_json_or_too_deep_is_a_400(desk: Any, raw: bytes) -> None:
    answer = await desk.post("leads", raw=raw)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert await nothing_was_kept(desk)


WRONG = [
    ("leads", {}, "#/source"),
    ("leads", {**LEAD, "source": 7}, "#/source"),
    ("leads", {**LEAD, "is_test": "false"}, "#/is_test"),
    ("leads", {**LEAD, "contact": {"email": 1}}, "#/contact/email"),
    ("leads", {**LEAD, "properties": []}, "#/properties"),
    ("leads", {**LEAD, "activity": [{"kind": 1}]}, "#/activity/0/kind"),
    ("leads", {**LEAD, "occurred_at": 1790000000}, "#/occurred_at"),
    ("leads", {**LEAD, "occurred_at": "yesterday"}, "#/occurred_at"),
    ("leads", {**LEAD, "occurred_at": "9999-12-31T23:59:59-12:00"}, "#/occurred_at"),
    ("leads", 7, "#"),
    ("leads", "text", "#"),
    ("activities", {**REF, "what": "x"}, "#/kind"),
    ("activities", {"lead": {"email": "a@example.com"}, "kind": "visit"}, "#/occurred_at"),
    ("touches", {**TOUCH, "channel": "pigeon"}, "#/channel"),
    ("touches", {**TOUCH, "colour": "red"}, "#/colour"),
    ("touches", {**TOUCH, "lead": {"lead_id": "x", "email": "a@example.com"}}, "#/lead"),
    ("touches", {**TOUCH, "lead": {"system": "crm"}}, "#/lead"),
    ("touches", {**TOUCH, "lead": {"email": "a@example.com", "name": "A"}}, "#/lead/name"),
    ("answers", {**REF, "question": "cause"}, "#/value"),
    ("answers", {**REF, "question": "cause", "value": 1, "confidence": 2}, "#/confidence"),
    ("statuses", {**STATUS, "colour": "red"}, "#/colour"),
    ("statuses", {**STATUS, "value": "much"}, "#/value"),
]


@pytest.mark.parametrize(("door", "body", "pointer"), [case for case in WRONG if case[2]])
async def test_one_of_a_wrong_shape_is_a_422_that_points_at_the_fault(
    desk: Any, door: str, body: Any, pointer: str
) -> None:
    answer = await desk.post(door, body)
    assert answer.status_code == 422, answer.text
    assert pointer in [error["pointer"] for error in answer.json()["errors"]]
    assert await nothing_was_kept(desk)
    (receipt,) = (await desk.post(door, [body])).json()
    assert (receipt["status"], receipt["cause"]) == ("quarantined", "wrong_shape")
    assert len(await desk.rows("raw")) == 1


async def test_a_status_nobody_knows_is_refused_with_the_list_and_taken_once_the_word_is_known(desk: Any) -> None:
    await desk.post("leads", {**LEAD, "source": "hubspot", "external_id": "1"})
    status = {**STATUS, "lead": {"system": "hubspot", "id": "1"}, "status": "Ghosted"}
    answer = await desk.post("statuses", status)
    assert (answer.status_code, "unreachable" in answer.json()["detail"]) == (422, True)
    (receipt,) = (await desk.post("statuses", [status])).json()
    assert receipt["cause"] == "unknown_status"
    desk.change_sources(lambda sources: sources["status_words"][0]["statuses"].update(Ghosted="unreachable"))
    await desk.post(f"quarantine/{receipt['quarantine_id']}/replay", who="boss")
    (fact,) = await desk.said("lead.status_reported")
    assert (fact["status"], fact["raw"]) == ("unreachable", "Ghosted")


@pytest.mark.parametrize(
    "lead",
    [
        {"source": "web"},
        {"source": "web", "contact": {"first_name": "Nobody"}},
        {"source": "web", "contact": {"email": "not an address", "phone": "call me"}},
        {"source": "web", "external_id": None, "contact": {"email": "  "}},
    ],
)
async def test_a_lead_without_an_identity_is_quarantined_everywhere(desk: Any, lead: Any) -> None:
    single = (await desk.post("leads", lead)).json()
    array = (await desk.post("leads", [lead])).json()
    lines = (await desk.lines("leads", orjson.dumps(lead))).json()
    assert {receipt["cause"] for receipt in single + array + lines} == {"no_identity"}
    assert (await desk.elements())["quarantined"] == 3
    items = (await desk.get("quarantine"))["items"]
    assert [item["element"] for item in items] == [lead] * 3
    bodies = [orjson.loads(item["raw"]["text"]) for item in items]
    assert (bodies.count(lead), bodies.count([lead])) == (2, 1)


async def test_pages_of_the_quarantine_miss_none_and_repeat_none(desk: Any) -> None:
    await desk.post("leads", [{"source": "web"}] * 5)
    await desk.post("leads", [{"source": "fair"}])
    seen: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = await desk.get(f"quarantine?limit=2&source=web{f'&after={cursor}' if cursor else ''}")
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert len(seen) == len(set(seen)) == 5
    answer = await desk.post("quarantine/replay", who="boss")
    assert answer.json() == {"replayed": 6, "accepted": 0, "duplicate": 0, "quarantined": 6}
    assert (await desk.elements())["quarantined"] == 6


async def test_too_large_is_a_413_also_without_a_length(open_desk: Any) -> None:
    async with open_desk(max_body_bytes=2000, max_stream_bytes=9000, max_elements=50) as desk:
        large = orjson.dumps({**LEAD, "note": "x" * 2000})
        assert (await desk.post("leads", raw=large)).status_code == 413
        assert (await desk.mautic(large)).status_code == 413
        small = [orjson.dumps({**LEAD, "note": str(n)}) for n in range(40)]
        assert sum(map(len, small)) > 2000
        once = {"Idempotency_Key": "k"}
        assert (await desk.lines("leads", orjson.dumps(LEAD), large, **once)).status_code == 413
        assert (await desk.lines("leads", *(line + b" " * 300 for line in small), **once)).status_code == 413
        assert (await desk.lines("leads", *[b"{}"] * 51, **once)).status_code == 413
        assert (await desk.lines("leads", *small, **once)).status_code == 202
        assert (await desk.post("leads", [{}] * 51)).status_code == 413

        async def trickle() -> Any:
            for _ in range(30):
                yield b" " * 100

        headers = {"Authorization": "Bearer token-of-map", "Content-Type": "application/json"}
        assert (await desk.client.post("/intake/v1/leads", content=trickle(), headers=headers)).status_code == 413
        assert len(await desk.rows("raw")) == 1


async def test_a_lead_too_large_for_a_fact_is_refused_alone_and_quarantined_beside_others(desk: Any) -> None:
    large = {**LEAD, "note": "x" * 30_000}
    assert (await desk.post("leads", large)).status_code == 413
    busy = {**LEAD, "activity": [{"kind": "x"}] * 900}
    first, second, third = (await desk.post("leads", [large, busy, LEAD])).json()
    assert [first["cause"], second["cause"], third["status"]] == ["too_large", "too_large", "accepted"]


async def test_a_person_never_outgrows_a_fact(desk: Any) -> None:
    answers = []
    for number in range(6):
        more = {**LEAD, "event_id": str(number), "properties": {f"note_{number}": "ü" * 6000}}
        answers += (await desk.post("leads", [more])).json()
    assert [receipt["status"] for receipt in answers[:3]] == ["accepted"] * 3
    assert answers[-1]["cause"] == "too_large"
    small = (await desk.post("leads", {**LEAD, "contact": {**LEAD["contact"], "city": "Leeds"}})).json()  # type: ignore[dict-item]
    assert small[0]["status"] == "accepted"
    assert all(len(bytes(row.value)) <= 65_536 for row in await desk.rows("journal"))


@pytest.mark.parametrize(
    "headers",
    [
        {"Content_Type": "text/plain"},
        {"Content_Type": "application/xml"},
        {"Content_Type": "application/json; charset=utf-16"},
        {"Content_Encoding": "gzip"},
        {"Content_Type": "application/x-ndjson", "Content_Encoding": "br"},
        {"Content_Type": "application/x-ndjson", "Content_Encoding": "gzip", "Idempotency_Key": "k"},
    ],
)
async def test_another_media_type_is_a_415(desk: Any, headers: dict[str, str]) -> None:
    answer = await desk.post("leads", LEAD, **headers)
    assert answer.status_code == 415
    assert await nothing_was_kept(desk)


ALLOWED = [
    ("POST", "leads", LEAD, {"map", "boss"}),
    ("POST", "activities", {**REF, "kind": "x"}, {"map", "boss"}),
    ("POST", "touches", TOUCH, {"map", "rep", "boss"}),
    ("POST", "answers", {**REF, "question": "q", "value": 1}, {"map", "rep", "boss"}),
    ("POST", "statuses", STATUS, {"map", "rep", "boss"}),
    ("POST", "leads/search", {"email": "a@example.com"}, {"reader", "boss"}),
    ("GET", "leads/x", None, {"reader", "boss"}),
    ("GET", "quarantine", None, {"boss"}),
    ("POST", "quarantine/replay", None, {"boss"}),
    ("POST", "quarantine/x/replay", None, {"boss"}),
]


@pytest.mark.parametrize(("method", "path", "body", "allowed"), ALLOWED)
async def test_each_door_opens_to_its_scopes_only(
    desk: Any, method: str, path: str, body: Any, allowed: set[str]
) -> None:
    for who in ("map", "rep", "reader", "boss"):
        headers = {"Authorization": f"Bearer token-of-{who}"}
        answer = await desk.client.request(method, f"/intake/v1/{path}", json=body, headers=headers)
        assert (answer.status_code == 403) == (who not in allowed), (who, answer.text)
    for headers in ({}, {"Authorization": "Bearer nobody"}, {"Authorization": "Basic eDp5"}):
        answer = await desk.client.request(method, f"/intake/v1/{path}", json=body, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"]


async def test_no_character_or_number_reaches_the_store_that_it_could_not_keep(desk: Any) -> None:
    raw = (
        b'\xef\xbb\xbf{"source": "we\\u0000b", "contact": {"email": "z@example.com", "first_name": "Z\\u0000oe"},'
        b' "properties": {"k\\u0000": ["\\u0000", 123456789012345678901234567890, 9007199254740993]}}'
    )
    (receipt,) = (await desk.post("leads", raw=raw)).json()
    (fact,) = await desk.said()
    assert receipt["status"] == "accepted"
    assert (fact["source"], fact["contact"]["first_name"]) == ("web", "Zoe")
    assert fact["properties"] == {"k": ["", "123456789012345678901234567890", 9007199254740993]}


async def test_the_far_future_is_refused_and_the_near_future_is_now(desk: Any) -> None:
    answer = await desk.post("leads", {**LEAD, "occurred_at": "2026-09-23T00:00:00Z"})
    assert (answer.status_code, answer.json()["title"]) == (422, "In the future")
    (receipt,) = (await desk.post("touches", [{**TOUCH, "occurred_at": "2030-01-01T00:00:00Z"}])).json()
    assert receipt["cause"] == "in_the_future"
    soon = {"kind": "visit", "occurred_at": "2027-01-01T00:00:00Z"}
    await desk.post("leads", {**LEAD, "occurred_at": "2026-09-21T20:00:00+02:00", "activity": [soon]})
    (fact,) = await desk.said()
    assert fact["occurred_at"] == fact["activity"][0]["occurred_at"] == "2026-09-21T14:13:20Z"


async def test_a_lead_nobody_knows_is_a_404(desk: Any) -> None:
    for lead_id, status in (("x", 404), ("x" * 500, 404), ("%00", 400)):  # NUL is in no URL
        headers = {"Authorization": "Bearer token-of-reader"}
        assert (await desk.client.get(f"/intake/v1/leads/{lead_id}", headers=headers)).status_code == status
