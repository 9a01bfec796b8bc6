"""What is declared, pinned and shipped agree."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.layout.tree import ROOT, SERVICES, package

PROJECTS = {name: ROOT / "services" / name for name in SERVICES} | {"shared": ROOT / "shared"}


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", re.split(r"[\[<>=;! ]", name)[0]).lower()


def pins(name: str) -> dict[str, str]:
    """Package → its pin with every hash, from requirements/<name>.txt."""
    text = (ROOT / "requirements" / f"{name}.txt").read_text().replace("\\\n", " ")
    return {normal(line): line for line in text.splitlines() if line}


@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_every_dependency_is_pinned_where_it_is_installed_from(name: str) -> None:
    declared = tomllib.loads((PROJECTS[name] / "pyproject.toml").read_text())["project"]["dependencies"]
    lists = ["all", "run"] + ([name] if name != "shared" else list(SERVICES))
    missing = [f"{dep} in {each}" for each in lists for dep in map(normal, declared) if dep not in pins(each)]
    assert [one for one in missing if not one.startswith("baton-shared")] == [], "run `make requirements`"


@pytest.mark.parametrize("name", ["all", "build", "run", *SERVICES])
def test_every_pin_carries_hashes_and_agrees_with_the_others(name: str) -> None:
    whole = pins("all")
    assert [line for line in pins(name).values() if "--hash=sha256:" not in line] == []
    assert {each: pin.split()[0] for each, pin in pins(name).items()}.items() <= {
        each: pin.split()[0] for each, pin in whole.items()
    }.items()


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(PROJECTS))
def test_a_wheel_carries_the_code_its_data_and_its_migrations(name: str, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "--no-index",
        "-w",
        str(tmp_path),
    ]
    done = subprocess.run([*command, str(PROJECTS[name])], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    shipped = set(zipfile.ZipFile(next(tmp_path.glob("*.whl"))).namelist())
    source = PROJECTS[name] / "src"
    expected = {path.relative_to(source).as_posix() for path in source.rglob("*") if path.is_file()}
    if name != "shared":
        inside = package(name).relative_to(f"services/{name}/src")
        moved = PROJECTS[name] / "migrations"
        expected |= {
            (inside / "migrations" / path.relative_to(moved)).as_posix() for path in moved.rglob("*") if path.is_file()
        }
    assert {path for path in expected if "__pycache__" not in path} <= shipped
    assert "baton/__init__.py" not in shipped
