"""Several replicas, all leads at once, people who interfere, a replica that dies: no cap exceeded, no double owner."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.burst.house import Size
from tests.burst.run import burst


@pytest.mark.slow
async def test_replicas_under_a_burst_decide_as_one_desk_would(postgres: Any, tmp_path: Path) -> None:
    outcome = await burst(postgres.new_database(), tmp_path, Size(leads=240, reps=12, pools=3), 2, kill=True)
    assert outcome.account.wrong == []
    assert outcome.account.decisions > 150
    assert outcome.account.held > 0, "there was not room for all"
