"""The import contracts of pyproject.toml hold: who may know whom."""

from __future__ import annotations

import subprocess
import sys

from tests.layout.tree import ROOT


def test_the_import_contracts_hold() -> None:
    code = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
    command = [sys.executable, "-c", code, "--no-logo", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
