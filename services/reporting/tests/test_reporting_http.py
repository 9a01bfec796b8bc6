"""What people ask reporting over HTTP, after it has heard facts."""

from __future__ import annotations

import csv
import io

from services.reporting.tests.conftest import LEAD, Desk
from services.reporting.tests.stories import (
    breached,
    disqualified,
    held,
    met,
    nurtured,
    qualified,
    reassigned,
    received,
    rep,
    routed,
    started,
    status,
    touched,
    waived,
)


def lead(n: int) -> str:
    return f"018f0000-0000-7000-8000-{n:012d}"


async def test_the_funnel_counts_each_lead_at_every_stage_it_has_reached(desk: Desk) -> None:
    await desk.tell_all(
        [
            (lead(1), [received(), qualified(1), routed(2), status(5, "accepted"), status(9, "won")]),
            (lead(2), [received(), qualified(1), routed(2), status(5, "accepted")]),
            (lead(3), [received(), qualified(1), held(2)]),
            (lead(4), [received(), nurtured(1)]),
            (lead(5), [received(), disqualified(1)]),
        ]
    )
    funnel = await desk.get("funnel")
    assert {s["stage"]: s["count"] for s in funnel["stages"]} == {
        "received": 5, "qualified": 3, "accepted": 2, "opportunity": 1, "won": 1,
    }  # fmt: skip
    assert [s["rate_from_previous"] for s in funnel["stages"]] == [None, 0.6, round(2 / 3, 6), 0.5, 1.0]
    assert funnel["now"] == {"nurtured": 1, "disqualified": 1, "held": 1, "accepted": 1, "won": 1}
    assert funnel["handed_over"] == 2


async def test_the_funnel_adds_up_by_source_and_by_team(desk: Desk) -> None:
    await desk.tell_all(
        [
            (lead(1), [received(source="web"), qualified(1), routed(2, "anna")]),
            (lead(2), [received(source="web"), qualified(1), routed(2, "bo")]),
            (lead(3), [received(source="fair"), nurtured(1)]),
        ]
    )
    for by, expected in {"source": {"fair": 1, "web": 2}, "team": {"": 1, "north": 1, "south": 1}}.items():
        groups = (await desk.get("funnel", by=by))["groups"]
        assert {g["key"]: g["stages"][0]["count"] for g in groups} == expected
    assert await desk.stages(source="web", team="north") == {
        "received": 1, "qualified": 1, "accepted": 0, "opportunity": 0, "won": 0,
    }  # fmt: skip


async def test_a_reassigned_lead_is_counted_for_its_new_team_and_no_longer_for_the_old(desk: Desk) -> None:
    await desk.tell(received(), qualified(1), routed(2, "anna"))
    await desk.tell(reassigned(70, "bo"))
    assert (await desk.stages(team="north"))["qualified"] == 0
    assert (await desk.stages(team="south"))["qualified"] == 1


async def test_test_leads_have_a_funnel_of_their_own(desk: Desk) -> None:
    await desk.tell(received(is_test=True), qualified(1))
    assert (await desk.stages())["received"] == 0
    assert (await desk.stages(test=True))["qualified"] == 1
    assert await desk.fate() == "test"


async def test_a_second_round_is_counted_by_itself_and_the_person_once(desk: Desk) -> None:
    back = status(10, "recycle")
    await desk.tell(received(), qualified(1), routed(2), status(5, "accepted"), back, nurtured(11, 1))
    await desk.tell(qualified(2000, 2, heard=3, statuses_from=back.at), routed(2001, round=2, heard=3, since=back.at))
    assert (await desk.stages())["accepted"] == 1
    assert await desk.stages(round=1) == {"received": 1, "qualified": 1, "accepted": 1, "opportunity": 0, "won": 0}
    assert await desk.stages(round=2) == {"qualified": 1, "accepted": 0, "opportunity": 0, "won": 0}
    assert await desk.fate() == "routed"


async def test_the_period_is_the_day_the_lead_came_in(desk: Desk) -> None:
    await desk.tell(received(), qualified(60 * 24 * 3))
    assert (await desk.stages(**{"from": "2026-03-02", "to": "2026-03-02"}))["qualified"] == 1
    assert (await desk.stages(**{"from": "2026-03-03"}))["received"] == 0
    answer = await desk.client.get("/reporting/v1/funnel", params={"from": "2026-03-03", "to": "2026-03-02"})
    assert answer.status_code == 422


async def test_follow_up_says_how_many_promises_were_kept_and_how_long_it_took(desk: Desk) -> None:
    await desk.tell_all(
        [
            (lead(n), [received(), qualified(1), routed(2), started(2), met(2, 2 + n), waived(2, 90, attempt=9)])
            for n in range(1, 11)
        ]
    )
    await desk.tell(received(), qualified(1), routed(2), started(2), breached(2), met(2, 122), lead=lead(11))
    [row] = (await desk.get("follow-up"))["items"]
    assert (row["team"], row["policy"], row["promise"]) == ("north", "standard", "first_response")
    assert (row["started"], row["met"], row["breached"], row["waived"], row["open"]) == (21, 10, 1, 10, 0)
    assert row["kept_rate"] == round(10 / 11, 6)
    assert 5.1 * 60 < row["seconds"]["p50"] < 6.9 * 60
    assert 2.55 * 60 < row["business_seconds"]["p50"] < 3.45 * 60
    assert 102 * 60 < row["seconds"]["p99"] < 138 * 60


async def test_a_correction_turns_a_breach_into_a_kept_promise(desk: Desk) -> None:
    await desk.tell(received(), qualified(1), routed(2), started(2), breached(2))
    assert (await desk.get("follow-up"))["items"][0]["breached"] == 1
    await desk.tell(met(2, 30, corrects=True))
    [row] = (await desk.get("follow-up"))["items"]
    assert (row["met"], row["breached"]) == (1, 0)


async def test_the_journey_tells_each_fact_with_its_reason_in_the_order_of_events(desk: Desk) -> None:
    await desk.bench.hear(rep("anna", "Anna Feldkamp"), subject="anna")
    await desk.tell(received(), qualified(1), routed(2), touched(30), started(2), met(2, 30))
    journey = await desk.get(f"leads/{LEAD}/journey")
    lines = [(entry["what"], entry["why"]) for entry in journey["entries"]]
    assert lines == [
        ("Received from web", "Brought along did: form contact."),
        ("Qualified by definition 2026.1, round 1", "Yes: Fits. Unknown: Has a budget."),
        ("Handed to Anna", "Rule: Everything. First attempt due 2026-03-02 13:02 UTC."),
        ("Promised: first attempt", "Due 2026-03-02 13:02 UTC."),
        ("Call to the person", "Outcome: reached."),
        ("Kept: first attempt", "After 28 minutes, 14 minutes of it in business time."),
    ]
    assert journey["entries"][4]["who_name"] == "Anna Feldkamp"
    assert journey["lead"]["fate"] == "routed"
    assert journey["lead"]["touches"] == 1


async def test_a_journey_can_be_read_page_by_page(desk: Desk) -> None:
    await desk.tell(received(), *(touched(n) for n in range(1, 8)))
    whole = await desk.get(f"leads/{LEAD}/journey")
    seen, after = [], None
    while True:
        part = await desk.get(f"leads/{LEAD}/journey", limit=3, **({"after": after} if after else {}))
        seen += part["entries"]
        after = part["next"]
        if after is None:
            break
    assert seen == whole["entries"]
    assert len(seen) == 8


async def test_csv_holds_what_json_holds_and_never_a_formula(desk: Desk) -> None:
    await desk.tell(received(source="=HYPERLINK(1)"), qualified(1), routed(2))
    answer = await desk.client.get("/reporting/v1/funnel", params={"by": "source", "format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["count"] for row in rows if row["group"] == "'=HYPERLINK(1)"] == ["1", "1", "0", "0", "0"]
    by_accept = await desk.client.get(f"/reporting/v1/leads/{LEAD}/journey", headers={"Accept": "text/csv"})
    assert len(by_accept.text.splitlines()) == 4


async def test_a_lead_nobody_has_heard_of_is_not_found(desk: Desk) -> None:
    answer = await desk.client.get(f"/reporting/v1/leads/{lead(99)}/journey")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


async def test_the_ledger_lists_every_lead_with_one_fate_page_by_page(desk: Desk) -> None:
    await desk.tell_all([(lead(n), [received(), nurtured(1)]) for n in range(1, 6)])
    await desk.tell(received(), lead=lead(6))
    counts = (await desk.get("ledger"))["counts"]
    assert (counts["leads"], counts["nurtured"], counts["in_flight"]) == (6, 5, 1)
    first = await desk.get("ledger", ids=1, limit=4)
    second = await desk.get("ledger", ids=1, limit=4, after=first["next"])
    assert [row["lead_id"] for row in first["leads"] + second["leads"]] == [lead(n) for n in range(1, 7)]
    assert second["next"] is None


async def test_reading_needs_a_token(desk: Desk) -> None:
    answer = await desk.client.get("/reporting/v1/funnel", headers={"Authorization": ""})
    assert answer.status_code == 401


async def test_outcomes_are_counted_in_the_metrics(desk: Desk) -> None:
    await desk.tell(received(), nurtured(1))
    await desk.tell(qualified(5), routed(6))
    text = desk.bench.engine.metrics_text().decode()
    assert 'baton_leads_total{outcome="nurtured"} 1.0' in text
    assert 'baton_leads_total{outcome="routed"} 1.0' in text
