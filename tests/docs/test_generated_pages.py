"""Settings, metrics and events are documented by the code itself."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.layout.tree import ROOT, files

GENERATED = ("settings.md", "metrics.md", "events.md", "asyncapi.yaml", "consume.md")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    shutil.copy(ROOT / "docs/consume.md", folder)  # only its tables are written
    command = [sys.executable, "-m", "baton.cli.docs", "--write", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("page", GENERATED)
def test_a_generated_page_is_what_the_code_says_today(page: str, fresh: Path) -> None:
    assert (ROOT / "docs" / page).read_text() == (fresh / page).read_text(), "run `make docs`"


def test_every_setting_the_code_names_is_documented() -> None:
    sources = [path for path in files() if path.suffix == ".py" and "src" in path.parts]
    sources += [Path("docker-compose.yml"), Path("deploy/Dockerfile")]
    named = {name for path in sources for name in re.findall(r"\bBATON_[A-Z_]*[A-Z]\b", (ROOT / path).read_text())}
    assert named <= set(re.findall(r"BATON_[A-Z_]+", (ROOT / "docs/settings.md").read_text()))


def test_every_metric_that_alerts_and_pages_name_exists() -> None:
    documented = set(re.findall(r"\bbaton_[a-z_]+", (ROOT / "docs/metrics.md").read_text()))
    pages = [path for path in files() if path.suffix == ".md" or path.parts[:2] == ("deploy", "prometheus")]
    named = set()
    for path in pages:
        named |= set(re.findall(r"(?<![\w/.])baton_[a-z_]+[a-z](?![\w/.])", (ROOT / path).read_text()))
    exposed = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in named}
    # A field that CRMs are given, and databases of tests.
    assert {name for name in exposed - {"baton_lead_id"} if not name.startswith("baton_test_")} <= documented
