"""A backup taken while leads pour in can be put back, and Baton goes on from it as if nothing had been."""

from __future__ import annotations

import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

from tests.journeys.people import somebody
from tests.journeys.running import ROOT, embedded, up


def backup(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "deploy/backup.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_a_backup_of_a_busy_home_is_of_one_moment_and_goes_on_where_it_was(tmp_path: Path) -> None:
    home, saved = tmp_path / "var", tmp_path / "saved"
    with embedded(tmp_path, ROOT / "bench/x_education/playbook") as baton:
        before = baton.post("/intake/v1/leads", [somebody() for _ in range(50)])
        stop = threading.Event()

        def pour() -> None:
            while not stop.is_set():
                baton.post("/intake/v1/leads", [somebody() for _ in range(20)])

        stream = threading.Thread(target=pour)
        stream.start()
        try:
            done = backup("save", str(home), str(saved))
        finally:
            stop.set()
            stream.join()
        assert done.returncode == 0, done.stderr
        assert "6 databases" in done.stdout
        assert backup("save", str(home), str(saved)).returncode == 1, "a backup is never written over"
        assert backup("restore", str(saved), str(home)).returncode == 1, "data is never written over"
        baton.stop()
        home.rename(tmp_path / "lost")
        assert backup("restore", str(saved), str(home)).returncode == 0
        up(baton, tmp_path)
        known = {receipt["lead_id"] for receipt in before}
        assert known <= {lead["lead_id"] for lead in baton.get("/intake/v1/ledger", ids=1, limit=10_000)["leads"]}
        # A lead the backup knows is told something new: its sequence goes on without a gap or a repetition.
        about = {"lead": {"lead_id": next(iter(known))}, "occurred_at": datetime.now(UTC).isoformat()}
        baton.post("/intake/v1/activities", about | {"kind": "form", "what": "contact"})
        baton.post("/intake/v1/leads", [somebody() for _ in range(20)])
        assert baton.cli("audit").returncode == 0
        assert baton.cli("dead", "list").stdout.strip() == "nothing is parked"
