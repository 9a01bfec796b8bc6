"""Broken installations, each in another way: `baton doctor` names what it is. One service is enough for that."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.running import BATON, ROOT, SERVICES, Baton, eventually, free_port, plain_environment

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
RUN = (*BATON, "run", "scoring")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ill")
    shutil.copytree(ROOT / "deploy/playbook", folder / "playbook")
    return folder


@pytest.fixture(scope="module")
def scoring(folder: Path) -> Iterator[Baton]:
    """Scoring, whose Kafka is away; nothing else runs."""
    url = f"http://127.0.0.1:{free_port()}"
    nobody = dict.fromkeys(SERVICES, f"http://127.0.0.1:{free_port()}") | {"scoring": url}
    settings = {f"BATON_URL_{name.upper().replace('-', '_')}": at for name, at in nobody.items()}
    settings |= {"BATON_HOME": str(folder), "BATON_PORT": url.rpartition(":")[2], "BATON_TOKEN": "made-up"}
    settings |= {"BATON_BUS": f"kafka://127.0.0.1:{free_port()}", "BATON_PLAYBOOK": str(folder / "playbook")}
    baton = Baton(nobody, "", plain_environment(**settings))
    baton.start("scoring", RUN, baton.environment, folder / "scoring.log")
    try:
        eventually(lambda: "scoring is up" in baton.said("scoring"), "scoring is up")
        yield baton
    finally:
        baton.stop()


def ill(baton: Baton, **more: str) -> dict[str, list[str]]:
    """What the doctor finds and is not fine, by what it is about."""
    done = baton.cli("doctor", "--json", check=False, **more)
    assert done.returncode == 1
    assert "secret" not in done.stdout
    found: dict[str, list[str]] = {}
    findings: list[dict[str, Any]] = json.loads(done.stdout)
    for one in findings:
        if not one["fine"]:
            assert one["hint"], one
            found.setdefault(one["about"], []).append(one["what"])
    return found


@contextmanager
def broken(path: Path) -> Iterator[None]:
    """A file with a line that does not belong there, as long as it lasts."""
    text = path.read_text()
    path.write_text(text + "\nnobody_knows_this: 1\n")
    yield
    path.write_text(text)


def test_a_broker_and_services_and_a_database_that_are_away_and_a_wrong_token(scoring: Baton) -> None:
    elsewhere = f"127.0.0.1:{free_port()}"
    found = ill(scoring, BATON_DATABASE_URL=f"postgresql+asyncpg://baton:secret@{elsewhere}/scoring")
    assert any(one.startswith("not ready, bus:") for one in found["scoring"])
    assert "does not know this token (401)" in found["scoring"]
    assert found["routing"][0].startswith(f"no answer from {scoring.urls['routing']}/routing/readyz")
    assert found["BATON_BUS"][0].startswith("nobody listens at 127.0.0.1:")
    assert found["BATON_DATABASE_URL"][0].startswith(f"nobody listens at {elsewhere} (")


def test_a_playbook_that_broke_while_it_is_in_force(scoring: Baton, folder: Path) -> None:
    with broken(folder / "playbook/scoring.yaml"):
        eventually(
            lambda: any("playbook: scoring.yaml:" in one for one in ill(scoring)["scoring"]), "the doctor minds it"
        )


def ended(baton: Baton, **more: str) -> dict[str, list[str]]:
    """Started in vain with these settings; what the doctor says then."""
    tried = subprocess.run(RUN, cwd=ROOT, env=baton.environment | more, capture_output=True, timeout=120, check=False)
    assert tried.returncode not in (0, None)
    return ill(baton, **more)


def test_one_that_does_not_come_up_says_why(scoring: Baton, folder: Path) -> None:
    scoring.stop()
    with broken(folder / "playbook/scoring.yaml"):
        found = ended(scoring)
    assert "ended by itself" in found["scoring"][1]
    assert "the playbook is not valid: scoring.yaml:" in found["scoring"][1]
    assert found["playbook"][0].startswith("scoring.yaml:")

    found = ended(scoring, BATON_PARTITIONS="5")
    assert "this store has 12 lanes, but BATON_PARTITIONS says 5" in found["scoring"][1]

    with closing(sqlite3.connect(folder / "scoring.db")) as store, store:
        store.execute("UPDATE alembic_version SET version_num = 'of a later software'")
    found = ended(scoring)
    assert "could not be migrated" in found["scoring"][1]
