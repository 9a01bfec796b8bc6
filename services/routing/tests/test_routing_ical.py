"""A rep's calendar becomes his absences: what counts, from when to when, and what a second import changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from baton.contracts import Rep, TimeOff
from baton.routing import ical
from baton.routing.domain.absences import AbsenceWords
from baton.runtime.http import ensure_admin_token
from baton.runtime.http.app import create_app
from baton.runtime.testing import Bench

ADA = "/routing/v1/reps/ada/time-off/ical"
"""Ada is in Berlin; it is Monday, 2026-11-02T09:00Z."""
SUMMER = """BEGIN:VTIMEZONE
TZID:Office hours of the house
BEGIN:STANDARD
DTSTART:19701025T030000
TZOFFSETFROM:-0300
TZOFFSETTO:-0400
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
TZOFFSETFROM:-0400
TZOFFSETTO:-0300
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
END:VTIMEZONE
"""


def event(uid: str, *lines: str, summary: str = "Vacation") -> str:
    return "\n".join(("BEGIN:VEVENT", f"UID:{uid}", f"SUMMARY:{summary}", *lines, "END:VEVENT\n"))


def calendar(*parts: str) -> bytes:
    text = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//House//EN\n" + "".join(parts) + "END:VCALENDAR\n"
    return text.replace("\n", "\r\n").encode()


@asynccontextmanager
async def door(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    token = ensure_admin_token(bench.engine.settings.home)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "text/calendar; charset=utf-8"}
    transport = httpx.ASGITransport(create_app(bench.engine))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers) as client:
        yield client


@pytest.fixture
async def web(bench: Bench) -> AsyncIterator[httpx.AsyncClient]:
    async with door(bench) as client:
        yield client


@pytest.fixture
async def on_sqlite(desk: Bench) -> AsyncIterator[httpx.AsyncClient]:
    """For what is decided before anything is stored."""
    async with door(desk) as client:
        yield client


async def imported(web: httpx.AsyncClient, *parts: str, **params: Any) -> dict[str, Any]:
    answer = await web.post(ADA, content=calendar(*parts), params=params)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def times(web: httpx.AsyncClient) -> list[tuple[str, str]]:
    ada = (await web.get("/routing/v1/reps/ada")).json()
    return [(off["starts_at"], off["ends_at"]) for off in ada["time_off"]]


WEEK = event("week", "DTSTART;VALUE=DATE:20261221", "DTEND;VALUE=DATE:20261224")
TWO_HOURS = event("two", "DTSTART:20261110T080000Z", "DURATION:PT2H", summary="Dentist (PTO)")


async def test_whole_days_are_the_reps_own_and_the_last_is_not_among_them(web: httpx.AsyncClient) -> None:
    await imported(web, WEEK)
    assert await times(web) == [("2026-12-20T23:00:00Z", "2026-12-23T23:00:00Z")]


async def test_a_day_without_an_end_is_that_day_also_where_the_clock_goes_forward(web: httpx.AsyncClient) -> None:
    await imported(web, event("day", "DTSTART;VALUE=DATE:20270328"))
    assert await times(web) == [("2027-03-27T23:00:00Z", "2027-03-28T22:00:00Z")]


@pytest.mark.parametrize(
    ("start", "begins"),
    [
        ("DTSTART:20261110T090000", "2026-11-10T08:00:00Z"),
        ("DTSTART:20261110T090000Z", "2026-11-10T09:00:00Z"),
        ("DTSTART;TZID=America/New_York:20261110T090000", "2026-11-10T14:00:00Z"),
        ("DTSTART;TZID=W. Europe Standard Time:20261110T090000", "2026-11-10T08:00:00Z"),
        ("DTSTART;TZID=Office hours of the house:20261110T090000", "2026-11-10T13:00:00Z"),
    ],
)
async def test_times_are_in_their_zone_and_without_one_in_the_reps(
    on_sqlite: httpx.AsyncClient, start: str, begins: str
) -> None:
    await imported(on_sqlite, SUMMER, event("one", start, "DURATION:PT2H"))
    assert [starts for starts, _ in await times(on_sqlite)] == [begins]


async def test_a_series_keeps_its_wall_clock_over_the_change_of_clocks_and_leaves_out_what_it_says(
    web: httpx.AsyncClient,
) -> None:
    series = event(
        "series",
        "DTSTART;TZID=Europe/Berlin:20270305T090000",
        "DTEND;TZID=Europe/Berlin:20270305T170000",
        "RRULE:FREQ=WEEKLY;UNTIL=20270409T070000Z",
        "EXDATE;TZID=Europe/Berlin:20270312T090000,20270319T090000",
    )
    await imported(web, series)
    assert await times(web) == [
        ("2027-03-05T08:00:00Z", "2027-03-05T16:00:00Z"),
        ("2027-03-26T08:00:00Z", "2027-03-26T16:00:00Z"),
        ("2027-04-02T07:00:00Z", "2027-04-02T15:00:00Z"),
        ("2027-04-09T07:00:00Z", "2027-04-09T15:00:00Z"),
    ]


async def test_one_of_a_series_may_be_moved_and_another_cancelled(web: httpx.AsyncClient) -> None:
    series = event("s", "DTSTART;VALUE=DATE:20261106", "RRULE:FREQ=WEEKLY;COUNT=3")
    moved = event("s", "RECURRENCE-ID;VALUE=DATE:20261113", "DTSTART;VALUE=DATE:20261112")
    gone = event("s", "RECURRENCE-ID;VALUE=DATE:20261120", "DTSTART;VALUE=DATE:20261120", "STATUS:CANCELLED")
    told = await imported(web, series)
    assert len(told["added"]) == 3
    told = await imported(web, series, moved, gone)
    assert [len(told[name]) for name in ("added", "changed", "removed", "kept")] == [0, 1, 1, 1]
    assert [starts for starts, _ in await times(web)] == ["2026-11-05T23:00:00Z", "2026-11-11T23:00:00Z"]
    assert [one["reason"] for one in told["ignored"]] == ["it is cancelled"]


async def test_an_endless_series_is_known_for_400_days(on_sqlite: httpx.AsyncClient) -> None:
    told = await imported(on_sqlite, event("s", "DTSTART;VALUE=DATE:20240105", "RRULE:FREQ=WEEKLY;BYDAY=FR"))
    assert len(told["added"]) == 57
    assert told["added"][0]["starts_at"] == "2026-11-05T23:00:00Z"


@pytest.mark.parametrize(
    ("summary", "lines", "reason"),
    [
        ("Jahresurlaub", ["DTSTART:20261110T080000Z", "DURATION:PT2H"], None),
        ("Conference", ["DTSTART;VALUE=DATE:20261110"], None),
        ("Away", ["DTSTART:20261110T080000Z", "DURATION:PT2H", "X-MICROSOFT-CDO-BUSYSTATUS:OOF"], None),
        ("Anna", ["DTSTART:20261110T080000Z", "DURATION:PT2H", "CATEGORIES:Team,Out of Office"], None),
        ("Standup", ["DTSTART:20261110T080000Z", "DURATION:PT2H"], "appointment"),
        ("The upton account", ["DTSTART:20261110T080000Z", "DURATION:PT2H"], "appointment"),
        ("Mum's birthday", ["DTSTART;VALUE=DATE:20261110", "TRANSP:TRANSPARENT"], "busy"),
        ("At home", ["DTSTART;VALUE=DATE:20261110", "X-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE"], "busy"),
        ("Vacation", ["DTSTART;VALUE=DATE:20261110", "STATUS:CANCELLED"], "cancelled"),
        ("Vacation", ["DTSTART;VALUE=DATE:20261010"], "over"),
        ("Vacation", ["DTSTART;VALUE=DATE:20281010"], "400 days"),
        ("Vacation", ["DTSTART:20261110T080000Z"], "no length"),
        ("Vacation", ["DTSTART:not a day"], "DTSTART"),
        ("Vacation", ["DTSTART:20261110T080000Z", "DURATION:PT2H", *["RECURRENCE-ID:20261110T080000Z"] * 2], "RECURR"),
        ("Vacation", ["DTSTART;TZID=Mars/Olympus:20261110T080000", "DURATION:PT2H"], "Mars/Olympus"),
        ("Vacation", ["DTSTART:20261110T080000Z", "DURATION:PT2H", "RRULE:FREQ=SECONDLY"], "rule"),
        ("Vacation", ["DTSTART;VALUE=DATE:20261110", "RRULE:FREQ=DAILY;INTERVAL=0"], "INTERVAL"),
    ],
)
async def test_absence_is_what_says_so_or_takes_whole_busy_days(
    on_sqlite: httpx.AsyncClient, summary: str, lines: list[str], reason: str | None
) -> None:
    told = await imported(on_sqlite, event("one", *lines, summary=summary))
    if reason is None:
        assert (len(told["added"]), told["ignored"]) == (1, [])
    else:
        assert [(one["uid"], one["summary"]) for one in told["ignored"]] == [("one", summary)]
        assert reason in told["ignored"][0]["reason"]
        assert await times(on_sqlite) == []


async def test_the_same_file_twice_changes_nothing_and_what_was_entered_by_hand_stays(
    web: httpx.AsyncClient, bench: Bench
) -> None:
    await bench.command("time_off", "ada", TimeOff.model_validate_json(HAND))
    told = await imported(web, WEEK, TWO_HOURS)
    assert [len(told[name]) for name in ("added", "changed", "removed", "kept")] == [2, 0, 0, 0]
    said = len(await bench.said())
    told = await imported(web, WEEK, TWO_HOURS)
    assert [len(told[name]) for name in ("added", "changed", "removed", "kept")] == [0, 0, 0, 2]
    assert len(await bench.said()) == said
    told = await imported(web, TWO_HOURS)
    assert [len(told[name]) for name in ("added", "changed", "removed", "kept")] == [0, 0, 1, 1]
    assert await times(web) == [
        ("2026-11-10T08:00:00Z", "2026-11-10T10:00:00Z"),
        ("2026-12-30T00:00:00Z", "2026-12-31T00:00:00Z"),
    ]
    told = await imported(web)
    assert len(told["removed"]) == 1
    assert await times(web) == [("2026-12-30T00:00:00Z", "2026-12-31T00:00:00Z")]


HAND = '{"starts_at": "2026-12-30T00:00:00Z", "ends_at": "2026-12-31T00:00:00Z"}'


async def test_titles_are_not_kept_and_what_is_shown_can_be_sent_back(web: httpx.AsyncClient) -> None:
    told = await imported(web, TWO_HOURS)
    assert "Dentist" not in str(told)
    ada = (await web.get("/routing/v1/reps/ada")).json()
    assert ada["time_off"][0]["reason"] == "calendar"
    put = await web.put("/routing/v1/reps/ada", json=ada, headers={"Content-Type": "application/json"})
    assert put.status_code == 200
    assert len((await imported(web, TWO_HOURS))["kept"]) == 1


async def test_who_is_off_by_his_calendar_gets_nothing_and_hands_over_what_he_has_not_accepted(
    web: httpx.AsyncClient, bench: Bench, facts: Any
) -> None:
    await bench.hear(facts.qualified(country="SE"), subject=facts.lead_id(1))
    before = (await web.get(f"/routing/v1/leads/{facts.lead_id(1)}")).json()["owner"]["id"]
    now = event("now", "DTSTART;VALUE=DATE:20261102", "DTEND;VALUE=DATE:20261104")
    answer = await web.post(
        f"/routing/v1/reps/{before}/time-off/ical", content=calendar(now), params={"hand_over": True}
    )
    assert answer.status_code == 200
    await bench.settle()
    after = (await web.get(f"/routing/v1/leads/{facts.lead_id(1)}")).json()["owner"]["id"]
    assert after != before


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        (b"", "BEGIN:VCALENDAR"),
        (b"<html>Please sign in</html>", "BEGIN:VCALENDAR"),
        (b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nEND:VCALENDAR\r\n", "not whole"),
        (calendar(WEEK)[:-20], "not whole"),
        (b"BEGIN:VCALENDAR\r\nno line of a calendar\r\nEND:VCALENDAR\r\n", "read"),
        (b"BEGIN:VCALENDAR\r\nX:\xff\r\nEND:VCALENDAR\r\n", "UTF-8"),
        (calendar(*[event(str(n), "DTSTART;VALUE=DATE:20261110") for n in range(1001)]), "1001 events"),
        (calendar(event("one", "DTSTART;VALUE=DATE:20261110", "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")), "no day"),
        (calendar(event("one", "DTSTART;VALUE=DATE:19261110", "RRULE:FREQ=DAILY")), "20000"),
    ],
)
async def test_what_is_no_calendar_or_too_much_of_one_is_refused_with_the_reason(
    on_sqlite: httpx.AsyncClient, body: bytes, detail: str
) -> None:
    await imported(on_sqlite, WEEK)
    answer = await on_sqlite.post(ADA, content=body)
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert detail in answer.json()["detail"]
    assert len(await times(on_sqlite)) == 1


async def test_size_kind_and_rep_are_checked(on_sqlite: httpx.AsyncClient) -> None:
    assert (await on_sqlite.post(ADA, content=b"x" * 1_048_577)).status_code == 413
    plain = await on_sqlite.post(ADA, content=calendar(), headers={"Content-Type": "text/plain"})
    assert plain.status_code == 415
    assert (await on_sqlite.post(ADA.replace("ada", "nobody"), content=calendar())).status_code == 404
    many = event("s", "DTSTART;VALUE=DATE:20261106", "RRULE:FREQ=DAILY;COUNT=201")
    assert (await on_sqlite.post(ADA, content=calendar(many))).status_code == 409


def test_a_roster_from_before_there_were_calendars_keeps_its_hash() -> None:
    off = TimeOff.model_validate_json(HAND)
    assert "calendar_key" not in off.model_dump(mode="json")
    rep = Rep(id="ada", name="Ada", zone="Europe/Berlin", calendar="always", time_off=[off])
    assert "calendar_key" not in rep.model_dump_json()


def test_no_calendar_however_broken_ends_in_anything_but_an_answer(facts: Any) -> None:
    import random

    whole = calendar(SUMMER, WEEK, TWO_HOURS, event("s", "DTSTART:20261110T080000Z", "DTEND:20261110T090000Z",
                     "RRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=3", "EXDATE:20261207T080000Z")).decode()  # fmt: skip
    chance, words = random.Random(7), AbsenceWords.of("vacation,pto")
    read = 0
    for _ in range(400):
        text = list(whole)
        for _ in range(chance.randint(1, 6)):
            text[chance.randrange(30, len(text))] = chance.choice(";:=,-0129TZA\x00é\n ")
        try:
            ical.read_calendar("".join(text), "Europe/Berlin", facts.monday, words, hand_over=False)
            read += 1
        except ical.CalendarRefused:
            pass
    assert read > 0
