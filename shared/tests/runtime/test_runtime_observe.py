"""The log says which lead and which trace, and nothing that a person typed; metrics count what is committed."""

from __future__ import annotations

import json

import pytest
from shared.tests.runtime.toy import Number
from sqlalchemy import Connection, text

from baton.runtime.observe import log, set_up_logs
from baton.runtime.store import after_commit
from baton.runtime.testing import Bench


async def test_every_fact_said_is_a_line_with_lead_and_trace_at_debug(
    bench: Bench, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    set_up_logs("debug")
    await bench.hear(Number(n=1), subject="lead-1")
    said = [json.loads(line) for line in capsysbinary.readouterr().err.splitlines() if b'"said"' in line]
    [fact] = await bench.said()
    assert [(line["lead_id"], line["event_id"], line["type"]) for line in said] == [("lead-1", fact.id, "toy.summed")]
    assert said[0]["trace_id"] in fact.headers["traceparent"]
    set_up_logs("warning")


async def test_an_error_of_the_store_carries_no_value_into_the_log(
    bench: Bench, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    set_up_logs("info")
    typed = "canary@example.com"
    try:
        await bench.engine.store.write(
            lambda tx: tx.execute(text("INSERT INTO toy (subject, total) VALUES (:typed, 1)"), {"typed": typed})
        )
    except Exception:  # noqa: BLE001  (what kind it is differs between the stores)
        log.critical("service_must_stop", exc_info=True)
    written = capsysbinary.readouterr().err
    assert b"service_must_stop" in written
    assert b"Error" in written
    assert b"canary" not in written
    set_up_logs("warning")


async def test_what_is_to_be_done_after_the_commit_is_not_done_before_it_nor_after_a_rollback(bench: Bench) -> None:
    called: list[str] = []

    def fails(tx: Connection) -> None:
        after_commit(tx, lambda: called.append("rolled back"))
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await bench.engine.store.write(fails)
    await bench.engine.store.write(lambda tx: after_commit(tx, lambda: called.append("committed")))
    await bench.engine.store.write(lambda tx: None)
    assert called == ["committed"]
