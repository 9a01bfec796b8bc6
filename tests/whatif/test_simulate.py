"""`baton playbook simulate`: history through a draft, the same in every process, and a gate for pull requests."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from baton.cli.main import main
from baton.cli.simulate.compare import NAMES
from baton.cli.simulate.history import from_file
from baton.cli.simulate.world import World, live_through
from baton.playbook import load
from tests.whatif.history import LENDER, WIDER, write_draft, write_history

ORDER = ("playbook", "simulate")


@dataclass
class Done:
    """How a command ended, and what it wrote."""

    code: int
    stdout: str
    stderr: str


def apart(*options: str | Path, **environment: str) -> None:
    """The command in a process of its own."""
    command = [sys.executable, "-m", "baton.cli.main", *ORDER, *map(str, options)]
    done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr


@pytest.fixture
def simulate(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """The command as its user types it, where no Baton answers."""
    monkeypatch.setenv("BATON_URL", "http://127.0.0.1:9")

    def run(*options: str | Path, code: int = 0) -> Done:
        monkeypatch.setattr(sys, "argv", ["baton", *ORDER, *map(str, options)])
        before = signal.getsignal(signal.SIGPIPE)
        with pytest.raises(SystemExit) as ended:
            main()
        signal.signal(signal.SIGPIPE, before)  # a command may die of it, the tests may not
        written = capsys.readouterr()
        done = Done(int(ended.value.code or 0), written.out, written.err)
        assert done.code == code, done
        return done

    return run


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_history(tmp_path_factory.mktemp("history") / "events.jsonl")


@pytest.fixture(scope="module")
def draft(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_draft(tmp_path_factory.mktemp("drafts") / "wider", WIDER)


def test_who_moves_is_told_on_the_screen_as_json_and_as_a_page(
    simulate: Callable[..., Done], history: Path, draft: Path, tmp_path: Path
) -> None:
    to = tmp_path / "report.json", tmp_path / "report.html"
    done = simulate("--playbook", draft, "--against", LENDER, "--file", history, "--json", to[0], "--html", to[1])
    report: dict[str, Any] = json.loads(to[0].read_text())
    measures = report["measures"]
    assert set(measures) == set(NAMES)
    assert report["history"]["leads"] == 120
    assert report["history"]["unused"] == {"queued": 120}
    # Amounts run through 23 values from 4,000 on: 22 of them qualify, 7 reach 20,000, and 15 reach 12,000.
    assert measures["qualified_before"] == measures["qualified_after"] == pytest.approx(114 / 120, abs=1e-4)
    assert report["rules"]["large"]["before"] < report["rules"]["large"]["after"]
    assert sum(one["before"]["leads"] for one in report["owners"]) == 114
    moved = [one for one in report["changed"] if "owner" in one["what"]]
    assert measures["moved"] == pytest.approx(len(moved) / 114, abs=1e-4)
    by_rule = [one for one in moved if one["before"]["rule"] != one["after"]["rule"]]
    assert by_rule
    assert all("rule large (pool seniors) in place of rest (pool desk)" in one["why"] for one in by_rule)
    assert measures["rerouted"] == pytest.approx(len(by_rule) / 114, abs=1e-4)
    assert 0 < measures["sla_before"] < 1
    assert f"{measures['moved']:.1%} of the leads with an owner move" in done.stdout
    page = to[1].read_text()
    assert moved[0]["lead_id"] in page
    assert "Senior 1" in page
    assert "<script" not in page
    assert "http" not in page


def test_the_playbook_against_itself_moves_nobody(simulate: Callable[..., Done], history: Path, tmp_path: Path) -> None:
    to = tmp_path / "report.json"
    simulate("--playbook", LENDER, "--against", LENDER, "--file", history, "--json", to, "--fail-if", "changed > 0.0")
    report = json.loads(to.read_text())
    assert report["changed"] == []
    assert report["books"]["before"] == report["books"]["after"]


def test_a_gate_ends_with_one_when_its_condition_holds(
    simulate: Callable[..., Done], history: Path, draft: Path
) -> None:
    order = ("--playbook", draft, "--against", LENDER, "--file", history, "--fail-if")
    failed = simulate(*order, "moved > 0.05", code=1)
    assert "the draft fails: moved > 0.05" in failed.stderr
    simulate(*order, "moved > 0.99 || sla_after < 0.01")


def test_every_process_and_every_batch_gives_the_same_decisions_to_the_byte(
    history: Path, draft: Path, tmp_path: Path
) -> None:
    written = []
    for seed in ("1", "2"):  # in one process, then in two
        said, report = tmp_path / f"said-{seed}", tmp_path / f"report-{seed}"
        order = ("--playbook", draft, "--against", LENDER, "--file", history, "--decisions", said, "--json", report)
        apart(*order, "--processes", seed, PYTHONHASHSEED=seed)
        written.append((said.read_bytes(), report.read_bytes()))
    assert written[0] == written[1]
    lines = written[0][0].splitlines()
    assert b'"books"' in lines[-1]
    assert sum(b'"lead.routed"' in line for line in lines) == 114
    for batch in (1, 7, 500):
        said_again = io.BytesIO()
        events = from_file(history)
        world = World(load(draft), events, events.begins, said_again)
        live_through([world], events, batch)
        assert said_again.getvalue() == written[0][0]


def test_only_decisions_since_a_time_are_counted_on_the_books_as_they_were_by_then(
    simulate: Callable[..., Done], history: Path, draft: Path, tmp_path: Path
) -> None:
    whole, part = tmp_path / "whole.json", tmp_path / "part.json"
    order = ("--playbook", draft, "--against", LENDER, "--file", history)
    simulate(*order, "--json", whole)
    simulate(*order, "--json", part, "--since", "2026-11-03")
    all_of_it, late = json.loads(whole.read_text()), json.loads(part.read_text())
    assert late["books"] == all_of_it["books"]
    assert 0 < late["measures"]["leads"] < all_of_it["measures"]["leads"]
    sides = {one["lead_id"]: one["after"]["owner"] for one in all_of_it["changed"]}
    routed = [one for one in late["changed"] if one["after"]["owner"]]
    assert routed
    assert all(sides[one["lead_id"]] == one["after"]["owner"] for one in routed)


def test_history_may_be_compressed_and_may_be_facts_of_a_feed(
    simulate: Callable[..., Done], draft: Path, history: Path, tmp_path: Path
) -> None:
    packed = tmp_path / "events.jsonl.gz"
    packed.write_bytes(gzip.compress(history.read_bytes()))
    out = simulate("--playbook", draft, "--against", LENDER, "--file", packed)
    assert "120 leads" in out.stdout
    facts = tmp_path / "facts.ndjson"
    received = {
        "id": "f1", "type": "lead.received", "sequence": "0000000001",
        "subject": "0190bbbb-0000-7000-8000-000000000001",
        "time": "2026-11-02T09:00:00Z", "recordedtime": "2026-11-02T09:00:01Z", "topic": "leads.intake",
        "data": {"source": "web", "occurred_at": "2026-11-02T09:00:00Z", "contact": {}, "properties": {"amount": 9000}},
    }  # fmt: skip
    facts.write_text(json.dumps(received) + "\n")
    told = simulate("--playbook", draft, "--against", LENDER, "--file", facts)
    assert "routed" in told.stdout


def test_what_cannot_be_simulated_says_why(
    simulate: Callable[..., Done], history: Path, draft: Path, tmp_path: Path
) -> None:
    order = ("--playbook", draft, "--against", LENDER, "--file")
    broken, empty, early = tmp_path / "broken.jsonl", tmp_path / "empty.jsonl", tmp_path / "odd.jsonl"
    broken.write_text('{"t": "received", "lead": "1", "at": "2026-11-02T09:00:00Z"}\n{"t": \n')
    empty.write_text("")
    early.write_text('{"t": "received", "lead": "1", "at": "2026-11-02T09:00:00"}\n')
    said = {
        simulate(*order, tmp_path / "none.jsonl", code=2).stderr: "No such file",
        simulate(*order, broken, code=2).stderr: "broken.jsonl:2: not JSON",
        simulate(*order, empty, code=2).stderr: "there is no history in it",
        simulate(*order, early, code=2).stderr: "odd.jsonl:1: not a lead event: `at` 2026-11-02T09:00:00 has no offset",
        simulate(*order, history, "--since", "2020-01-01", code=2).stderr: "nothing older is kept",
        simulate(*order, history, "--since", "2030-01-01", code=2).stderr: "nothing has happened since",
        simulate(*order, history, "--fail-if", "mooved > 0.1", code=2).stderr: "undeclared reference to 'mooved'",
        simulate(*order, history, "--fail-if", "moved > 1", code=2).stderr: "write 5.0 for 5",
        simulate(*order, history, "--fail-if", "moved", code=2).stderr: "is not a condition",
        simulate(*order, history, "--json", tmp_path / "no/where.json", code=2).stderr: "No such file",
    }
    for stderr, words in said.items():
        assert words in stderr
        assert "Traceback" not in stderr
    spoilt = write_draft(tmp_path / "spoilt", ("routing.yaml", "lead.amount >= 20000.0", "lead.amuont >= 20000.0"))
    refused = simulate("--playbook", spoilt, "--against", LENDER, "--file", history, code=2)
    assert "did you mean 'amount'" in refused.stderr
    assert "routing.yaml:5:" in refused.stderr
    unanswered = simulate("--playbook", draft, "--file", history, code=3)
    assert "Or name a directory with --against." in unanswered.stderr
