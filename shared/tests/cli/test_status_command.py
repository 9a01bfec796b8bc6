"""`baton status` against services that show what a test says: once, as JSON, live, and with some of them away."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from click.testing import Result
from typer.testing import CliRunner

from baton.cli.faults import Exit, Fault
from baton.cli.main import app
from tests.world.outside import Asked, Outside, Says

PATIENCE = 60.0
COMMON = """
baton_build_info{{service="{service}",version="9.8.7"}} 1
baton_outbox_pending 4
baton_consumer_lag{{topic="leads.intake"}} 17
baton_consumer_lag{{topic="leads.routing"}} 1234
baton_parked_leads{{reason="poison"}} 2
baton_parked_leads{{reason="gap"}} 1
# TYPE baton_sequence_gaps counter
baton_sequence_gaps_total 5
"""
ROUTING = """
baton_held_leads{{reason="no_rule"}} 3
baton_held_leads{{reason="queued"}} 0
baton_held_leads{{reason="[odd]"}} 1
baton_deliveries_waiting{{endpoint="crm"}} 6
baton_endpoint_disabled{{endpoint="crm"}} 1
# TYPE baton_webhook_deliveries counter
baton_webhook_deliveries_total{{outcome="delivered"}} 7
baton_webhook_deliveries_total{{outcome="rejected"}} 2
baton_webhook_deliveries_total{{outcome="unreachable"}} 1
# TYPE baton_facts_published counter
baton_facts_published_total{{type="lead.routed"}} {routed}
# TYPE baton_handoff_seconds histogram
baton_handoff_seconds_bucket{{le="0.1"}} {routed}
baton_handoff_seconds_bucket{{le="+Inf"}} {routed}
"""
MONITOR = """
baton_sla_obligations{{policy="hot",state="open"}} 8
baton_sla_obligations{{policy="cold",state="open"}} 1
baton_sla_obligations{{policy="hot",state="at_risk"}} 2
baton_sla_obligations{{policy="hot",state="breached"}} 3
"""


class House:
    """Five services at one address."""

    def __init__(self) -> None:
        self.routed = 0
        self.reasons: dict[str, str] = {}
        """Service to why it is not ready."""

    async def answer(self, asked: Asked) -> Says:
        _, service, page = asked.path.partition("?")[0].split("/", 2)
        if page == "readyz":
            reason = self.reasons.get(service)
            checks = {"store": {"ok": reason is None, "reason": reason}}
            return Says(503 if reason else 200, orjson.dumps({"ready": reason is None, "checks": checks}))
        if asked.headers.get("authorization") != "Bearer secret":
            return Says(401)
        if page == "v1/ledger":
            return Says(body=orjson.dumps({"counts": {"leads": 12, "routed": 9, "in_flight": 3, "won": 0}}))
        self.routed += 10 * (service == "routing")
        text = COMMON + {"routing": ROUTING, "sla-monitor": MONITOR}.get(service, "")
        return Says(body=text.format(service=service, routed=self.routed).encode())


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
async def outside(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Outside]:
    """The house, reachable."""
    async with Outside(house.answer) as served:
        monkeypatch.setenv("BATON_URL", served.url)
        monkeypatch.setenv("BATON_TOKEN", "secret")
        yield served


async def status(*words: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["status", "--interval", "0.1", *words])


async def as_json() -> Any:
    done = await status("--json")
    assert done.exit_code == 0, done.output
    return orjson.loads(done.stdout)


async def test_one_json_document_has_it_all(outside: Outside) -> None:
    found = await as_json()
    assert found["services"]["scoring"] == {
        "answers": True,
        "is_ready": True,
        "problems": [],
        "version": "9.8.7",
        "outbox_pending": 4,
        "consumer_lag": {"leads.intake": 17, "leads.routing": 1234},
        "parked_leads": 3,
        "sequence_gaps": 5,
    }
    assert found["per_second"]["routed"] > 0
    assert found["per_second"]["received"] == found["per_second"]["delivered"] == 0
    assert found["handoff"] == {"count": 10, "p50_seconds": 0.05, "p99_seconds": 0.099}
    assert found["held"] == {"no_rule": 3, "queued": 0, "[odd]": 1}
    assert found["obligations"] == {"open": 9, "at_risk": 2, "breached": 3}
    assert found["webhooks"] == {"pending": 6, "failed_tries": 3, "given_up": 0, "disabled_endpoints": 1}
    assert found["fates"] == {"routed": 9, "in_flight": 3, "won": 0}


@pytest.mark.parametrize("words", [(), ("--once",)], ids=["no terminal", "once"])
async def test_it_is_printed_once(outside: Outside, words: tuple[str, ...]) -> None:
    done = await status(*words)
    assert done.exit_code == 0
    said = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "reporting ready 9.8.7 4 3 5 17 1,234" in said
    assert "hand-off p50 50 ms p99 99 ms of 10 in the interval" in said
    assert "held 4: no rule 3 [odd] 1" in said
    assert "promises open 9 at risk 2 breached 3" in said
    assert "webhooks pending 6 failed tries 3 given up 0 endpoints disabled 1" in said
    assert "leads 12: routed 9 in flight 3" in said
    assert "\x1b" not in done.stdout


async def test_a_service_that_is_away_is_a_line_and_the_others_go_on(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Outside() as gone:
        pass
    monkeypatch.setenv("BATON_URL_SLA_MONITOR", gone.url)
    done = await status()
    assert done.exit_code == 0
    said = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "sla-monitor no answer – – – – – –" in said
    assert any(line.startswith(f"sla-monitor: no answer from {gone.url}/sla-monitor/readyz") for line in said)
    assert "promises –" in said
    assert any(line.startswith("routing ready 9.8.7") for line in said)
    assert any(line.startswith("per second") and line.endswith("breaches –") for line in said)


async def test_a_service_that_hangs_is_waited_for_no_longer_than_others(
    outside: Outside, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("baton.cli.status.command.PATIENCE", 1.0)

    async def answer(asked: Asked) -> Says:
        if asked.path.startswith("/scoring/"):
            await asyncio.Event().wait()
        return await house.answer(asked)

    outside.answers = answer
    found = await as_json()
    assert found["services"]["scoring"]["answers"] is False
    assert "Timeout" in found["services"]["scoring"]["problems"][0]
    assert found["services"]["routing"]["is_ready"] is True


async def test_why_a_service_is_not_ready_is_said_beside_its_figures(outside: Outside, house: House) -> None:
    house.reasons = {"intake": "the disk is [full]\nand more"}
    done = await status()
    said = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert "intake not ready 9.8.7 4 3 5 17 1,234" in said
    assert "intake: store: the disk is [full]" in said


async def test_where_every_service_says_no_so_does_the_command(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATON_TOKEN", "another")
    fault = (await status()).exception
    assert isinstance(fault, Fault)
    assert fault.code == Exit.REFUSED
    assert fault.hint == "It needs a token with the scope metrics or admin."


async def test_without_the_right_to_read_ledgers_only_the_fates_are_missing(outside: Outside, house: House) -> None:
    async def answer(asked: Asked) -> Says:
        return Says(403) if asked.path.endswith("/ledger") else await house.answer(asked)

    outside.answers = answer
    found = await as_json()
    assert found["fates"] is None
    assert found["held"] == {"no_rule": 3, "queued": 0, "[odd]": 1}


async def test_on_a_terminal_it_goes_on_through_an_outage_and_ends_well_by_ctrl_c(
    outside: Outside, house: House
) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "baton.cli.main", "status", "--interval", "0.1"]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "LINES": "50"}
    process = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    try:
        await asyncio.to_thread(read_until, ours, b"Ctrl-C ends", b"Ctrl-C ends", b"routed 9")
        outside.answers = lambda _: Says(502)
        await asyncio.to_thread(read_until, ours, b"reporting: http", b"is no Baton")
        outside.answers = house.answer
        await asyncio.to_thread(read_until, ours, b"routed 9")
        process.send_signal(signal.SIGINT)
        said = await asyncio.to_thread(read_until, ours, b"\x1b[?25h")
        assert b"Traceback" not in said
        assert await asyncio.to_thread(process.wait, PATIENCE) == Exit.FINE
    finally:
        process.kill()
        os.close(ours)


def read_until(terminal: int, *words: bytes) -> bytes:
    """What is written until the words have come, one after the other."""
    said, place, give_up = b"", 0, time.monotonic() + PATIENCE
    for word in words:
        while (found := said.find(word, place)) < 0:
            assert time.monotonic() < give_up, said.decode()
            said += os.read(terminal, 65_536)
        place = found + len(word)
    return said
