"""NDJSON of any length: taken in as it comes, told of line by line, and sent again after whatever went wrong."""

from __future__ import annotations

import asyncio
import gzip
import os
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import psycopg
import pytest
from services.intake.tests.streams import lead, sending, served
from sqlalchemy.engine import make_url

from baton.intake import streaming
from baton.intake.domain.lines import Lines
from baton.intake.incoming import Gunzip
from baton.runtime.http import Problem

LINES = {"Accept": "application/x-ndjson"}
NOTE = "x" * 19_000


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest) -> str | None:
    if request.param == "sqlite":
        return None
    found: str = request.getfixturevalue("postgres").new_database()
    return found


async def nothing_is_left(desk: Any) -> None:
    """No stream is counted, no byte is held, nobody waits."""
    async with asyncio.timeout(30):
        while desk.metric("baton_intake_streams"):
            await asyncio.sleep(0.05)
    assert [batch._weight for batch in desk.engine._batches if batch._weight] == []


def ended(desk: Any) -> dict[str, float]:
    ways = ("finished", "stopped", "cut")
    return {how: found for how in ways if (found := desk.metric("baton_intake_streams_ended_total", how=how))}


async def test_every_line_has_its_receipt_with_its_number_and_a_bad_one_ends_nothing(open_desk: Any) -> None:
    async with open_desk(max_body_bytes=2000) as desk:
        lines = [lead(1), b"", b'{"broken', b"\xff\xfe", lead(2) + b"\r", b'"' + b"x" * 2500, lead(1), b"{}", lead(3)]
        answer = await desk.lines("leads", *lines)
        assert (answer.status_code, answer.headers["content-type"]) == (202, "application/json")
        told = answer.json()
        assert [(one["line"], one["status"]) for one in told] == [
            (1, "accepted"),
            (3, "quarantined"),
            (4, "quarantined"),
            (5, "accepted"),
            (6, "refused"),
            (7, "duplicate"),
            (8, "quarantined"),
            (9, "accepted"),
        ]
        assert (told[1]["cause"], told[4]["cause"]) == ("unreadable", "too_large")
        assert "2501 bytes, 2000" in told[4]["detail"]
        bodies = [item["raw"] for item in (await desk.get("quarantine"))["items"]]
        assert lines[3] in bytes(next(iter(await desk.rows("raw"))).body)
        assert {body["bytes"] for body in bodies} == {sum(map(len, lines)) - 2501 + 6}  # without the blank, the refused
        assert await desk.elements() == {"received": 7, "accepted": 3, "duplicate": 1, "quarantined": 3}
        assert desk.metric("baton_intake_lines_refused_total") == 1
        assert ended(desk) == {"finished": 1}


async def test_a_stream_has_no_most_lines_and_no_most_bytes(open_desk: Any) -> None:
    async with open_desk(max_body_bytes=2000, max_stream_bytes=3000, max_elements=10) as desk:
        answer = await desk.lines("leads", *(lead(n, note="x" * 900) for n in range(30)))
        assert Counter(one["status"] for one in answer.json()) == {"accepted": 30}
        assert (await desk.lines("leads")).json() == []
        assert (await desk.lines("leads", b"", b" \t\r")).json() == []


async def test_what_is_too_much_under_an_idempotency_key_is_told_how_to_come_without(open_desk: Any) -> None:
    async with open_desk(max_body_bytes=2000, max_stream_bytes=3000, max_elements=10) as desk:
        for lines in ([lead(n, note="x" * 900) for n in range(4)], [lead(n) for n in range(11)]):
            refused = await desk.lines("leads", *lines, Idempotency_Key="much")
            assert refused.status_code == 413
            assert "Without the key NDJSON of any length" in refused.json()["detail"]
            answer = await desk.lines("leads", *lines)
            assert Counter(one["status"] for one in answer.json()) == {"accepted": len(lines)}
        again = await desk.lines("leads", *lines)
        assert Counter(one["status"] for one in again.json()) == {"duplicate": len(lines)}


async def test_a_stream_may_be_compressed_and_is_taken_as_far_as_it_can_be_unpacked(desk: Any) -> None:
    packed = gzip.compress(b"\n".join(map(lead, range(2)))) + gzip.compress(b"\n" + lead(2))  # members may follow
    coded = {"Content_Type": "application/x-ndjson", "Content_Encoding": "gzip"}
    answer = await desk.post("leads", raw=packed, **coded)
    assert [one["status"] for one in answer.json()] == ["accepted"] * 3
    for damaged in (packed[:-9], b"no gzip at all", gzip.compress(lead(9) + b"\n")[:-1]):
        assert (await desk.post("leads", raw=damaged, **coded)).status_code == 400
    assert ended(desk) == {"finished": 1, "stopped": 3}
    await nothing_is_left(desk)


async def test_each_line_is_told_of_as_soon_as_it_is_stored_while_more_is_still_to_come(
    open_desk: Any, url: str | None
) -> None:
    async with open_desk(url) as desk, served(desk.app) as port, sending(port, **LINES) as sender:
        for number in range(3):
            await sender.send(lead(number))
            assert number or await sender.status() == 202
            told = await sender.told()
            assert (told["line"], told["status"]) == (number + 1, "accepted")
            assert len(await desk.said()) == number + 1
        assert desk.metric("baton_intake_streams") == 1
        await sender.end()
        await nothing_is_left(desk)
        assert ended(desk) == {"finished": 1}


async def test_what_was_taken_before_a_cut_stays_and_the_same_stream_again_goes_on_after_it(
    open_desk: Any, url: str | None
) -> None:
    lines = [lead(n) for n in range(1300)]
    async with open_desk(url, intake_bytes=20_000) as desk, served(desk.app) as port:
        async with sending(port, **LINES) as sender:
            await sender.send(*lines[:700])
            assert await sender.status() == 202
            told = [await sender.told() for _ in range(700)]
            await sender.send_raw(b"fff\r\n" + lines[700][:10])
            sender.hang_up()
            await nothing_is_left(desk)
        assert ended(desk) == {"cut": 1}
        assert len(await desk.said()) == 700
        answer = (await desk.lines("leads", *lines)).json()
        assert Counter(one["status"] for one in answer) == {"duplicate": 700, "accepted": 600}
        assert [one["lead_id"] for one in answer[:700]] == [one["lead_id"] for one in told]
        assert len(await desk.said()) == 1300


async def test_a_sender_that_reads_nothing_until_it_has_sent_all_holds_nobody_up(open_desk: Any) -> None:
    """Its answer is larger than any socket's buffer; a server that waited for it to be read would wait for ever."""
    count = 60_000
    async with (
        open_desk(max_body_bytes=3) as desk,
        served(desk.app) as port,
        sending(port, **LINES) as sender,
        asyncio.timeout(60),
    ):
        sender.read_nothing()
        for _ in range(0, count, 1000):
            await sender.send(*[b"long"] * 1000)
        await sender.end()
        while not ended(desk):
            await asyncio.sleep(0.05)
        sender.read_on()
        assert await sender.status() == 202
        found = [await sender.told() for _ in range(count)]
        assert [one["line"] for one in found] == list(range(1, count + 1))
        assert sum(len(orjson.dumps(one)) for one in found) > 7_000_000


async def test_a_store_that_stands_still_makes_a_stream_wait_and_then_end_with_word_of_it(
    open_desk: Any, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming.Stream.__init__, "__defaults__", (0.3,))
    database = postgres.new_database()
    plain = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    async with open_desk(database) as desk, served(desk.app) as port, sending(port, **LINES) as sender:
        await sender.send(lead(1))
        assert (await sender.status(), (await sender.told())["status"]) == (202, "accepted")
        desk.engine._batches[0]._patience = 0.2
        with psycopg.connect(plain) as connection:
            connection.execute("LOCK TABLE journal")
            first = asyncio.create_task(desk.post("leads", {"source": "web", "external_id": "begun"}))
            while not desk.engine._batches[0]._weight:
                await asyncio.sleep(0.01)
            await sender.send(lead(2))
            told = await sender.told()
            assert (told["status"], told["cause"], told["line"]) == ("stopped", "503", None)
            late = await desk.lines("leads", lead(3))
            assert (late.status_code, late.headers["Retry-After"]) == (503, "2")
        assert (await first).status_code == 202
        await nothing_is_left(desk)
        assert Counter(one["status"] for one in (await desk.lines("leads", *map(lead, (1, 2, 3)))).json()) == {
            "duplicate": 1,
            "accepted": 2,
        }


async def test_streams_leave_room_for_those_who_cannot_wait(open_desk: Any, url: str | None) -> None:
    async with open_desk(url, intake_queue=1000, intake_bytes=300_000) as desk:
        streams = [desk.lines("leads", *(lead(n, run=run, note="x" * 50) for n in range(900))) for run in range(6)]
        singles = [desk.post("leads", {"source": "shop", "external_id": str(n)}) for n in range(20)]
        answers = await asyncio.gather(*streams, *singles)
        assert Counter(answer.status_code for answer in answers[6:]) == {202: 20}
        assert all(answer.status_code == 202 for answer in answers[:6])
        assert all(one["status"] == "accepted" for answer in answers[:6] for one in answer.json())


def repeated(number: int, times: int) -> AsyncIterator[bytes]:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(times):
            yield lead(number, note=NOTE) + b"\n"

    return body()


def highest_memory(pid: int) -> int:
    """Bytes that the process has held at most."""
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.split("VmHWM:")[1].split()[0])


@pytest.mark.slow
async def test_a_body_of_a_hundred_megabytes_takes_no_more_memory_than_one_of_ten(desk: Any) -> None:
    headers = {"Authorization": "Bearer token-of-map", "Content-Type": "application/x-ndjson"}
    peaks = []
    async with served(desk.app) as port, httpx.AsyncClient(timeout=120) as client:
        for run, times in enumerate((550, 5500)):
            answer = await client.post(
                f"http://127.0.0.1:{port}/intake/v1/leads", content=repeated(run, times), headers=headers
            )
            assert Counter(one["status"] for one in answer.json()) == {"accepted": 1, "duplicate": times - 1}
            peaks.append(highest_memory(os.getpid()))
    assert peaks[1] - peaks[0] < 25_000_000
    assert times * len(NOTE) > 100_000_000


def test_lines_are_the_same_however_they_are_cut_and_of_a_long_one_only_its_size_is_kept() -> None:
    body = b"\xef\xbb\xbfone\n\ntwo\r\n" + b"x" * 50 + b"\nlast"
    whole = Lines(20)
    expected = [*whole.add(body), *whole.close()]
    assert [(line.number, line.raw, line.is_blank, line.is_too_long) for line in expected] == [
        (1, b"one", False, False),
        (2, b"", True, False),
        (3, b"two\r", False, False),
        (4, b"", False, True),
        (5, b"last", False, False),
    ]
    for size in range(1, 12):
        lines = Lines(20)
        found = [line for start in range(0, len(body), size) for line in lines.add(body[start : start + size])]
        assert [*found, *lines.close()] == expected
        assert lines.held <= 20


def test_what_unpacks_to_very_much_is_unpacked_a_little_at_a_time() -> None:
    packed = gzip.compress(b"\n" * 30_000_000)
    pieces = [len(piece) for piece in Gunzip().unpack(packed, is_last=True)]
    assert (sum(pieces), max(pieces)) == (30_000_000, 65_536)
    with pytest.raises(Problem):
        list(Gunzip().unpack(packed[:-1], is_last=True))
