"""Five real services under fire keep every promise; tests/faults/run.py says what is broken and what is checked."""

from __future__ import annotations

import pytest

from deploy.kafka.run import KafkaUnavailable
from deploy.postgres.run import PostgresUnavailable
from tests.faults.run import run
from tests.faults.verdict import Wanted
from tests.world.plugin import leave_out

MANY = 20
"""Kills and stops without which a run has shown nothing."""


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_no_accepted_lead_is_lost_and_none_is_routed_twice_whatever_breaks() -> None:
    try:
        verdict = run(Wanted.from_environment())
    except KafkaUnavailable as why:
        leave_out("kafka", why)
    except PostgresUnavailable as why:
        leave_out("postgres", why)
    print(verdict.text())
    assert verdict.held, verdict.text()
    assert verdict.faults["kill"] + verdict.faults["freeze"] >= MANY, verdict.text()
    assert verdict.counts["leads accepted"] == verdict.counts["leads offered"], verdict.text()
