"""One Baton on one directory, and what it has accepted it keeps: through a polite stop, through kill -9."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.people import somebody
from tests.journeys.running import BATON, ROOT, Baton, embedded, free_port, up


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Baton]:
    with embedded(tmp_path, ROOT / "deploy/playbook") as baton:
        yield baton


def test_kill_9_in_the_middle_loses_nothing_that_was_accepted(own: Baton, tmp_path: Path) -> None:
    leads = [somebody() for _ in range(100)]
    receipts = own.post("/intake/v1/leads", leads)
    own.kill()
    up(own, tmp_path)
    again = own.post("/intake/v1/leads", leads)
    assert {receipt["status"] for receipt in receipts} == {"accepted"}
    assert {receipt["status"] for receipt in again} == {"duplicate"}
    for receipt in receipts:
        own.await_fact("routing", "lead.routed", receipt["lead_id"])
    assert own.cli("audit").returncode == 0


def test_a_polite_stop_ends_with_0_and_the_next_start_goes_on(own: Baton, tmp_path: Path) -> None:
    (receipt,) = own.post("/intake/v1/leads", somebody())
    assert own.stop() == {"up": 0}
    up(own, tmp_path)
    own.await_fact("routing", "lead.routed", receipt["lead_id"])


def test_ctrl_c_stops_it_as_cleanly(own: Baton) -> None:
    own.processes["up"].send_signal(signal.SIGINT)
    assert own.processes["up"].wait(30) == 0
    assert "Traceback" not in own.said("up")


@pytest.mark.parametrize("again", ["up on the same port", "up on another port", "run scoring over Kafka"])
def test_a_second_instance_on_the_same_directory_is_refused_with_a_clear_word(own: Baton, again: str) -> None:
    environment = dict(own.environment)
    if again != "up on the same port":
        environment["BATON_PORT"] = str(free_port())
    if again == "run scoring over Kafka":
        environment["BATON_BUS"] = f"kafka://127.0.0.1:{free_port()}"
    arguments = ["run", "scoring"] if again.startswith("run") else ["up"]
    second = subprocess.run(
        [*BATON, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert second.returncode == 5
    assert second.stderr.count("\n") <= 2
    assert "another Baton works on" in second.stderr
    assert own.get("/intake/readyz")["ready"]


def test_commands_find_the_baton_of_their_home_on_whatever_port(own: Baton) -> None:
    told = own.cli("doctor", BATON_URL="").stdout
    assert f"asking http://127.0.0.1:{own.environment['BATON_PORT']}" in told


def test_the_admin_token_is_for_its_owner_only(own: Baton) -> None:
    token = Path(own.environment["BATON_HOME"]) / "token"
    assert token.stat().st_mode & 0o777 == 0o600
    assert own.token not in own.said("up")


def test_a_broken_playbook_at_start_is_named_by_file_line_and_column(tmp_path: Path) -> None:
    playbook = tmp_path / "playbook"
    playbook.mkdir()
    for file in (ROOT / "deploy/playbook").iterdir():
        (playbook / file.name).write_bytes(file.read_bytes())
    text = (playbook / "definition.yaml").read_text()
    (playbook / "definition.yaml").write_text(text.replace("lead.employees >= 50", "lead.employes >= 50"))
    environment = {"BATON_HOME": str(tmp_path / "var"), "BATON_PORT": str(free_port()), "BATON_PLAYBOOK": str(playbook)}
    done = subprocess.run(
        [*BATON, "up"], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "definition.yaml:" in done.stderr
    assert "Traceback" not in done.stderr
