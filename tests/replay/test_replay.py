"""`python -m bench.replay`: a lead log through the real services; their facts tell what the log holds."""

from __future__ import annotations

import json
import os
from collections import Counter
from datetime import datetime
from pathlib import Path
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from baton.playbook import load
from bench.replay.__main__ import PLAYBOOK, main
from bench.replay.figures import changes_of_clock, first_responses, responses
from bench.replay.living import Lived, live
from bench.replay.log import read_log
from bench.replay.telling import BEGIN, END

DATASETS = os.environ.get("BATON_DATASETS")
DAYS = 2
AMSTERDAM = ZoneInfo("Europe/Amsterdam")
WORDS = frozenset({"accepted", "offer_sent"})
HOURS = 3600.0

LOG: tuple[dict[str, Any], ...] = (
    {"t": "received", "lead": "1", "at": "2011-10-28T10:00:00+02:00", "amount": 25000.0, "channel": "system"},
    {"t": "queued", "lead": "1", "at": "2011-10-28T10:00:30+02:00", "rep": None, "task": "first call"},
    {"t": "touch_start", "lead": "1", "at": "2011-10-28T11:30:00+02:00", "rep": "7", "task": "first call"},
    {"t": "touch_end", "lead": "1", "at": "2011-10-28T11:40:00+02:00", "rep": "7", "task": "first call"},
    {"t": "status", "lead": "1", "at": "2011-10-28T11:41:00+02:00", "status": "accepted", "rep": "7"},
    # Asks for much, and is called three business hours later: quick is two.
    {"t": "received", "lead": "2", "at": "2011-10-28T19:00:00+02:00", "amount": 30000.0},
    {"t": "touch_start", "lead": "2", "at": "2011-10-29T11:00:00+02:00", "rep": 8, "task": "first call"},
    # Over the night in which the clocks are put back: 40 h 30 min on the wall, 41 h 30 min to live through.
    {"t": "received", "lead": "3", "at": "2011-10-29T16:00:00+02:00", "amount": 5000.0},
    # Nobody calls; the system declines at once.
    {"t": "received", "lead": "4", "at": "2011-10-29T16:10:00+02:00", "amount": 900.0},
    {"t": "lost", "lead": "4", "at": "2011-10-29T16:10:40+02:00", "rep": None, "reason": "declined_by_us"},
    {"t": "touch_start", "lead": "3", "at": "2011-10-31T08:30:00+01:00", "rep": None, "task": "first call"},
    {"t": "won", "lead": "1", "at": "2011-11-02T09:00:00+01:00", "rep": "7", "value": 25000.0},
    {"t": "lost", "lead": "2", "at": "2011-11-02T09:10:00+01:00", "rep": "8", "reason": "cancelled_or_no_answer"},
    {"t": "touch_start", "lead": "2", "at": "2011-11-02T09:20:00+01:00", "rep": "8", "task": "too late"},
)  # fmt: skip


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("log") / "events.jsonl"
    path.write_text("".join(json.dumps(event) + "\n" for event in LOG))
    return path


def lived_through(path: Path, days: int | None = None) -> Lived:
    return live(read_log(path, WORDS, days), PLAYBOOK, load(PLAYBOOK))


def test_the_facts_tell_how_long_each_waited_also_over_the_change_of_the_clocks(file: Path) -> None:
    lived = lived_through(file)
    found = {one.wall / HOURS: one.business / HOURS for one in responses(lived.record)}
    assert found == {1.5: 1.5, 16.0: 3.0, 41.5: 1.5}
    promised = Counter((one.policy, one.state) for one in first_responses(lived.record))
    assert promised == {
        ("quick", "met"): 1, ("quick", "breached"): 1, ("same_day", "met"): 1, ("same_day", "waived"): 1,
    }  # fmt: skip
    (change,) = changes_of_clock(responses(lived.record), AMSTERDAM)
    assert change.at.isoformat() == "2011-10-30T01:00:00+00:00"
    assert (change.count, change.naive) == (1, 1)
    assert lived.funnel["now"] == {"routed": 1, "won": 1, "lost": 2}
    assert lived.receipts == {"accepted": len(LOG) - 2}


def test_the_command_prints_the_figures_or_puts_them_on_a_page(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([str(file)]) == 0
    printed = capsys.readouterr().out
    assert "| quick | 1 | 1 | 0 | 0 | 50.0% |" in printed
    assert "| 2011-W43 | 2 | 1 | 1 | 0 | 66.7% |" in printed
    assert "| not named | 0 | 0 | 0 | 0 | – | 1 | 0 |" in printed
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nof yesterday\n{END}\nafter\n")
    assert main([str(file), "--page", str(page)]) == 0
    figures = page.read_text()
    assert "of yesterday" not in figures
    assert "| wall clock | 3 |" in figures
    assert "| wall clock, by a rep the log names | 2 |" in figures
    assert "Lines that nobody posts: queued 1, touch_end 1." in figures
    assert figures.endswith(f"{END}\nafter\n")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"t": "received", ', "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"lead": "9", "at": "2011-10-29T16:00:00+02:00"}', "`t` is missing"),
        ('{"t": "received", "at": "2011-10-29T16:00:00+02:00"}', "`lead` is missing"),
        ('{"t": "received", "lead": "9"}', "`at` is missing"),
        ('{"t": "received", "lead": "9", "at": "2011-10-29T16:00:00"}', "has no offset"),
        ('{"t": "received", "lead": "9", "at": "yesterday"}', "yesterday"),
        ('{"t": "received", "lead": "9", "at": "2011-10-29T16:00:00+02:00", "amount": "much"}', "not a number"),
        ('{"t": "sold", "lead": "9", "at": "2011-10-29T16:00:00+02:00"}', "`t` is 'sold', not one of received"),
        ('{"t": "touch_start", "lead": "9", "at": "2011-10-29T16:00:00+02:00"}', "`rep` is missing"),
        ('{"t": "received", "lead": {"id": 9}, "at": "2011-10-29T16:00:00+02:00"}', "`lead` is neither"),
    ],
)
def test_a_bad_line_is_named_with_what_is_wrong_with_it(
    line: str, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(json.dumps(LOG[0]) + "\n" + line + "\n")
    assert main([str(path)]) == 2
    said = capsys.readouterr().err
    assert f"bad.jsonl:2: {words}" in said or ("bad.jsonl:2: " in said and words in said)
    assert "Traceback" not in said


def test_a_file_or_page_that_cannot_be_used_is_named(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = tmp_path / "nobody.jsonl"
    nobody.write_text(json.dumps(LOG[1]) + "\n")
    damaged = tmp_path / "damaged.jsonl.xz"
    damaged.write_bytes(b"\xfd7zXZ\x00 and no more")
    for path, words in (
        (nobody, "no lead is received"),
        (damaged, "damaged.jsonl.xz"),
        (tmp_path / "no", "No such file"),
    ):
        assert main([str(path)]) == 2
        assert words in capsys.readouterr().err
    assert main([str(file), "--playbook", str(tmp_path)]) == 2
    assert str(tmp_path) in capsys.readouterr().err


def test_a_call_to_somebody_the_log_has_not_received_is_told_of_and_stops_nothing(tmp_path: Path) -> None:
    path = tmp_path / "begins-late.jsonl"
    path.write_text(
        "".join(json.dumps(event) + "\n" for event in LOG if event["lead"] != "2" or event["t"] != "received")
    )
    lived = lived_through(path)
    assert lived.receipts["quarantined"] == 3
    assert lived.refused[0].startswith("line 6: ")
    assert len(lived.record.routed) == 3


@pytest.mark.slow
@pytest.mark.skipif(DATASETS is None, reason="BATON_DATASETS is not set: no real log to live through")
def test_the_first_days_of_the_real_log_come_out_as_its_lines_say() -> None:
    path = Path(str(DATASETS)) / "bpi2012/events.jsonl.xz"
    lived = lived_through(path, DAYS)
    posts = read_log(path, WORDS, DAYS).posts
    received = {post.body["external_id"]: post.at for post in posts if post.kind == "lead"}
    fates = {post.body["lead"]["id"]: post.body["status"] for post in posts if post.kind == "status"}
    closed = {post.body["lead"]["id"]: post.at for post in posts if post.body.get("status") in ("won", "lost")}
    called: dict[str, datetime] = {}
    for post in posts:
        if post.kind == "touch":
            called.setdefault(post.body["lead"]["id"], post.at)
    wall = [(at - received[lead]).total_seconds() for lead, at in called.items() if at <= closed.get(lead, at)]
    assert len(received) > 50
    assert sorted(one.wall for one in responses(lived.record)) == pytest.approx(sorted(wall))
    now = Counter(fates.get(lead, "routed") for lead in received)
    assert lived.funnel["now"] == {_FATES.get(word, word): count for word, count in now.items()}
    assert median(wall) > 0


_FATES = {"offer_sent": "opportunity"}
