"""The command as typed: clear words, exit codes, nothing loaded that is not needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from baton.runtime.http.tokens import load_keyring
from baton.runtime.settings import Settings

BATON = str(Path(sys.executable).with_name("baton"))
ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = ROOT / "deploy/playbook"


def baton(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    command = [BATON, *arguments]
    return subprocess.run(
        command, env=kept | environment, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def nobody() -> str:
    """A URL at which nobody answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


@pytest.mark.parametrize(
    "command",
    [["audit"], ["dead", "list"], ["events", "tail"], ["send", "--count", "1"], ["status"], ["status", "--json"]],
    ids=" ".join,
)
def test_where_nobody_answers_there_is_one_line_and_a_hint(nobody: str, command: list[str]) -> None:
    done = baton(*command, BATON_URL=nobody)
    assert done.returncode == 3
    assert done.stdout.startswith("sent: nothing") or done.stdout == ""
    first, second = done.stderr.strip().splitlines()
    assert first.startswith(f"baton: no answer from {nobody}")
    assert second.startswith("  hint: ")


def test_the_doctor_names_every_service_that_does_not_answer(nobody: str) -> None:
    done = baton("doctor", BATON_URL=nobody)
    assert done.returncode == 1
    for service in ("intake", "scoring", "routing", "sla-monitor", "reporting"):
        assert f"ILL  {service}" in done.stdout


def test_help_comes_without_loading_what_commands_need() -> None:
    script = "import sys; import baton.cli.main; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    heavy = {"httpx", "sqlalchemy", "fastapi", "aiokafka", "cel_expr_python", "baton.playbook", "baton.runtime"}
    assert not heavy & set(loaded)


def test_the_command_imports_no_service() -> None:
    modules = [path for path in (ROOT / "shared/src/baton/cli").rglob("*.py") if path.name != "__init__.py"]
    for module in modules:
        text = module.read_text()
        for service in ("intake", "scoring", "routing", "sla_monitor", "reporting"):
            assert f"baton.{service}" not in text, module


def test_a_valid_playbook_is_named_by_its_version() -> None:
    done = baton("playbook", "check", str(EXAMPLE))
    assert done.returncode == 0
    assert "fine, version 2026." in done.stdout


def test_a_wrong_playbook_is_named_by_file_line_and_column(tmp_path: Path) -> None:
    playbook = tmp_path / "playbook"
    shutil.copytree(EXAMPLE, playbook)
    text = (playbook / "definition.yaml").read_text()
    broken = text.replace("lead.employees >= 50", "lead.employes >= 50")
    (playbook / "definition.yaml").write_text(broken)
    line = next(number for number, one in enumerate(broken.splitlines(), 1) if "employes" in one)
    done = baton("playbook", "check", str(playbook))
    assert done.returncode == 1
    assert f"{playbook}/definition.yaml:{line}:" in done.stdout
    assert "1 error" in done.stderr
    assert baton("playbook", "show", str(playbook)).returncode == 1


def test_show_says_in_words_what_the_example_decides() -> None:
    shown = baton("playbook", "show", str(EXAMPLE)).stdout
    for word in ("must: Is willing to talk to sales", "Sales must know:", "first attempt within 1 h of business time"):
        assert word in shown


def test_a_new_token_is_one_that_services_take(tmp_path: Path) -> None:
    done = baton("token", "new", 'CRM "east"', "--scope", "leads:read", "--scope", "sales:write")
    secret = next(line for line in done.stderr.splitlines() if line.startswith("baton_"))
    assert hashlib.sha256(secret.encode()).hexdigest() in done.stdout
    assert secret not in done.stdout
    path = tmp_path / "tokens.yaml"
    path.write_text(done.stdout)
    token = load_keyring(Settings(tokens=path, bus="kafka://nowhere:9092")).find(secret)
    assert token
    assert token.name == 'CRM "east"'
    assert token.scopes == {"leads:read", "sales:write"}


@pytest.mark.parametrize(
    "command",
    [
        ["token", "new", "x", "--scope", "everything"],
        ["run", "nonsense"],
        ["run", "intake"],
        ["events", "tail", "--topic", "leads.nowhere"],
        ["send", "--for", "soon"],
        ["dead", "list", "--service", "kitchen"],
        ["dead", "replay"],
        ["status", "--interval", "0"],
        ["import", "nowhere.csv", "--mapping", "nowhere.yaml"],
        ["frobnicate"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2_and_no_traceback(command: list[str], nobody: str) -> None:
    done = baton(*command, BATON_URL=nobody)
    assert done.returncode == 2
    assert done.stderr
    assert "Traceback" not in done.stderr


def test_a_taken_port_is_a_clear_word(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = baton("up", BATON_HOME=str(tmp_path / "var"), BATON_PORT=str(port))
    assert done.returncode == 1
    assert done.stderr.startswith(f"baton: cannot listen on 127.0.0.1:{port}: Address already in use")


def test_a_home_that_cannot_be_written_is_a_clear_word(tmp_path: Path) -> None:
    (tmp_path / "var").write_text("a file, not a directory")
    done = baton("up", BATON_HOME=str(tmp_path / "var" / "here"), BATON_PORT="0")
    assert done.returncode == 1
    assert done.stderr.startswith(f"baton: cannot keep anything in {tmp_path}/var/here: Not a directory")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        ("{", "is not what `baton republish` writes"),
        ('{"leads.intake": {"0": -1}}', "is not what"),
    ],
)
def test_a_file_that_does_not_say_where_to_begin_is_a_clear_word(
    tmp_path: Path, content: str | None, said: str
) -> None:
    file = tmp_path / "from.json"
    if content is not None:
        file.write_text(content)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = baton("up", BATON_HOME=str(tmp_path / "var"), BATON_PORT=str(port), BATON_START_FROM=str(file))
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_setting_that_cannot_be_is_named(tmp_path: Path) -> None:
    done = baton("up", BATON_HOME=str(tmp_path / "var"), BATON_PORT="many")
    assert done.returncode == 2
    assert done.stderr.startswith("baton: BATON_PORT: ")


def test_what_changed_between_two_playbooks_is_said_in_words(tmp_path: Path, nobody: str) -> None:
    draft = tmp_path / "draft"
    shutil.copytree(EXAMPLE, draft)
    scoring = draft / "scoring.yaml"
    scoring.write_text(
        scoring.read_text().replace("weight: 25, half_life_days: 21", "weight: 5, half_life_days: 21", 1)
    )
    done = baton("playbook", "diff", str(EXAMPLE), str(draft))
    assert (done.returncode, done.stdout) == (0, "scoring.yaml\n  signal “Asked for a demo”: weight 25 → 5\n")
    assert baton("playbook", "diff", str(EXAMPLE), str(EXAMPLE)).stdout == "Nothing that decides is different.\n"
    assert '"file": "scoring"' in baton("playbook", "diff", str(EXAMPLE), str(draft), "--json").stdout
    assert baton("playbook", "diff", str(EXAMPLE), str(tmp_path / "none")).returncode == 2
    assert baton("playbook", "diff", "current", str(draft), BATON_URL=nobody).returncode == 3
    (draft / "sla.yaml").write_text("policies: []")
    broken = baton("playbook", "diff", str(EXAMPLE), str(draft))
    assert broken.returncode == 1
    assert "is not valid: sla.yaml:1:11" in broken.stderr
