"""docker-compose.yml and the image describe the same five services as the code."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.layout.tree import ROOT, SERVICES

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())


@pytest.mark.parametrize("service", SERVICES)
def test_each_service_has_its_own_database_health_check_and_image(service: str) -> None:
    described = COMPOSE["services"][service]
    assert described["build"]["args"] == {"SERVICE": service}
    assert described["environment"]["BATON_DATABASE_URL"].endswith(f"@postgres:5432/{service}")
    assert described["environment"]["BATON_BUS"] == "kafka://kafka:9092"
    assert described["healthcheck"]["test"][-1] == f"http://127.0.0.1:8000/{service}/healthz"


def test_every_container_that_stays_has_a_health_check() -> None:
    staying = {name for name, described in COMPOSE["services"].items() if "restart" in described}
    assert {name for name in staying if "healthcheck" not in COMPOSE["services"][name]} == set()
    assert staying == {*SERVICES, "kafka", "postgres", "prometheus", "grafana"}


def test_nothing_is_reachable_from_outside_this_machine() -> None:
    published = [port for described in COMPOSE["services"].values() for port in described.get("ports", [])]
    assert published
    assert [port for port in published if not str(port).startswith("127.0.0.1:")] == []


def test_every_mounted_file_is_there() -> None:
    mounts = [mount for described in COMPOSE["services"].values() for mount in described.get("volumes", [])]
    sources = {mount.split(":")[0] for mount in mounts}
    assert {path for path in sources if path.startswith("./") and not (ROOT / path).exists()} == set()
    assert {path for path in sources if not path.startswith("./")} <= set(COMPOSE["volumes"])


def test_one_database_is_made_for_each_service() -> None:
    sql = (ROOT / "deploy/postgres/create-databases.sql").read_text()
    assert re.findall(r'CREATE DATABASE "?([a-z-]+)', sql) == list(SERVICES)


def test_docker_compose_itself_accepts_the_file() -> None:
    found = shutil.which("docker-compose")
    if not found:
        pytest.skip("docker-compose: not on PATH")
    done = subprocess.run([found, "config", "-q"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_image_takes_its_packages_by_hash_and_does_not_run_as_root() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    installs = [line for line in dockerfile.splitlines() if "pip install" in line]
    assert [line for line in installs if "--require-hashes" not in line and "--no-deps" not in line] == []
    assert re.search(r"^USER (?!root)", dockerfile, flags=re.MULTILINE)


def test_every_file_the_image_copies_is_there() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    for service in SERVICES:
        sources = [
            word for line in re.findall(r"^COPY (?!--)(.+) \S+$", dockerfile, re.MULTILINE) for word in line.split()
        ]
        assert [path for path in sources if not (ROOT / path.replace("${SERVICE}", service)).exists()] == []


def test_tokens_are_made_once_and_only_their_digests_are_listed(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "deploy/make_tokens.py"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True)
    before = (tmp_path / "tokens.yaml").read_text()
    subprocess.run(command, check=True, capture_output=True)
    assert (tmp_path / "tokens.yaml").read_text() == before
    admin = (tmp_path / "admin.token").read_text()
    assert {row["name"]: row["sha256"] for row in yaml.safe_load(before)}["admin"] == hashlib.sha256(
        admin.encode()
    ).hexdigest()
    assert (tmp_path / "admin.token").stat().st_mode & 0o077 == 0
