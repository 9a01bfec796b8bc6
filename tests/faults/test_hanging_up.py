"""What the harness found, told as directed tests."""

from __future__ import annotations

import signal
import time
from pathlib import Path

import pytest

from tests.journeys.running import ROOT, embedded


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="there is no such signal on Windows")
def test_a_connection_that_was_hung_up_while_it_was_written_to_does_not_end_the_server(tmp_path: Path) -> None:
    """Seed 1: the broker was killed in mid-write, and the write's SIGPIPE took the service along."""
    with embedded(tmp_path, ROOT / "deploy/playbook") as baton:
        baton.processes["up"].send_signal(signal.SIGPIPE)
        time.sleep(0.5)
        assert baton.processes["up"].poll() is None
        assert baton.get("/intake/readyz")["ready"]
