"""Five real services under fire keep every promise; tests/faults/run.py says what is broken and what is checked."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.kafka.run import KafkaUnavailable, jars, java
from deploy.postgres.run import PostgresUnavailable, binaries
from tests.journeys.running import ROOT
from tests.world.plugin import leave_out

MANY_KILLS, MANY_LEADS = 40, 10_000
"""Below these a run of a minute has not shown what it is for."""


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.postgres
@pytest.mark.timeout(600)
def test_no_accepted_lead_is_lost_and_none_is_routed_twice_whatever_breaks(tmp_path: Path) -> None:
    """In a process of its own, which may go into a network namespace of its own."""
    try:
        java(), jars(), binaries()
    except KafkaUnavailable as why:
        leave_out("kafka", why)
    except PostgresUnavailable as why:
        leave_out("postgres", why)
    environment = {**os.environ, "BATON_FAULTS_OUT": str(tmp_path / "result")}
    done = subprocess.run(
        [sys.executable, "-m", "tests.faults"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    said = done.stdout + done.stderr
    print(said)
    assert done.returncode == 0, said
    found = json.loads((tmp_path / "result.json").read_text())
    assert found["faults"]["kill"] >= MANY_KILLS, said
    assert found["counts"]["leads accepted"] == found["counts"]["leads offered"] >= MANY_LEADS, said
