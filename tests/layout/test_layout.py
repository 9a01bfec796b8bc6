"""The tree looks the way docs/architecture.md says, so that whoever knows one service knows the other four."""

from __future__ import annotations

import ast
import re
import tomllib
import warnings
from pathlib import Path

import pytest

from tests.layout.tree import ROOT, SERVICES, files, package, python_files

ROOMS = ("service.py", "settings.py", "decide.py", "api.py", "store.py", "metrics.py", "domain/__init__.py")
SAYS_NOTHING = {"utils", "util", "helpers", "helper", "common", "manager", "misc", "base"}
# Written in two halves, so that this file does not find itself.
HOSTS = [
    "pypi" + ".org",
    "python" + "hosted.org",
    "npmjs" + ".",
    "npmjs" + ".com",
    "maven" + ".org",
    "maven" + ".apache.org/maven2",
]
LONG = 300
CONTRACT_IMPORTS = {
    "__future__",
    "pydantic",
    "pydantic_core",
    "baton",
    "annotated_types",
    "collections",
    "dataclasses",
    "datetime",
}
CONTRACT_IMPORTS |= {"decimal", "enum", "functools", "re", "types", "typing", "uuid", "json", "importlib"}


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_the_same_rooms(service: str) -> None:
    missing = [room for room in ROOMS if not (ROOT / package(service) / room).is_file()]
    beside = [
        name
        for name in ("pyproject.toml", "README.md", "migrations", "tests")
        if not (ROOT / "services" / service / name).exists()
    ]
    assert not missing + beside


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_found_by_its_entry_point(service: str) -> None:
    project = tomllib.loads((ROOT / "services" / service / "pyproject.toml").read_text())["project"]
    assert project["name"] == f"baton-{service}"
    built = f"baton.{service.replace('-', '_')}.service:build"
    assert project["entry-points"]["baton.services"] == {service: built}


def test_baton_is_a_namespace_package() -> None:
    assert [str(path) for path in files() if path.as_posix().endswith("src/baton/__init__.py")] == []


def test_names_are_snake_case_in_python_and_kebab_case_elsewhere() -> None:
    snake = [path for path in python_files() if not re.fullmatch(r"[a-z0-9_]+", path.stem)]
    folders = {parent for path in python_files() for parent in path.parents if "src" in parent.parts}
    in_packages = [path for path in folders if "baton" in path.parts and not re.fullmatch(r"[a-z0-9_]+", path.name)]
    services = {path.parts[1] for path in files() if path.parts[0] == "services"}
    assert [*map(str, snake), *map(str, in_packages)] == []
    assert services <= set(SERVICES)


def test_no_file_is_named_after_nothing() -> None:
    assert [str(path) for path in python_files() if path.stem in SAYS_NOTHING] == []


def test_test_files_have_names_of_their_own() -> None:
    """Two of the same name cannot be told apart in a report."""
    names = [path.name for path in python_files() if path.name.startswith("test_")]
    assert sorted({name for name in names if names.count(name) > 1}) == []


def test_no_file_records_the_host_of_a_package_registry() -> None:
    locks = [str(path) for path in files() if path.name in {"uv.lock", "pylock.toml", "package-lock.json"}]
    naming = []
    for path in files():
        text = (ROOT / path).read_bytes().decode(errors="ignore")
        naming += [f"{path}: {host}" for host in HOSTS if host in text and not is_a_namespace(host, text)]
    assert locks + naming == []


def is_a_namespace(host: str, text: str) -> bool:
    """A Maven pom names its XML namespace by a host; that is a name, not an address."""
    return "maven.apache.org" not in host and text.count(host) == text.count("http://" + host + "/POM/")


def test_contracts_import_pydantic_and_nothing_that_acts() -> None:
    odd = []
    for path in python_files():
        if path.is_relative_to("shared/src/baton/contracts"):
            odd += [f"{path}: {name}" for name in imported(path) if name.split(".")[0] not in CONTRACT_IMPORTS]
    assert odd == []


def imported(path: Path) -> set[str]:
    tree = ast.parse((ROOT / path).read_text())
    plain = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return plain | {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}


def test_only_store_py_speaks_sql_in_a_service() -> None:
    """`store.py` (or a `store/` package) is where a service's SQL lies; the core and the API never see a connection."""
    odd = []
    for service in SERVICES:
        for path in python_files():
            if path.is_relative_to(package(service)) and "store" not in path.relative_to(package(service)).parts[0]:
                text = (ROOT / path).read_text()
                odd += (
                    [str(path)]
                    if re.search(
                        r"\.execute\(|\bsqlalchemy\.(text|select|insert)\b|import (text|select|insert|update|delete)\b",
                        text,
                    )
                    else []
                )
    assert odd == []


@pytest.mark.filterwarnings("default")
def test_files_stay_small_or_somebody_is_asked_why() -> None:
    """Past 300 lines a reviewer asks; it is a warning, never a gate."""
    counted = {path: len((ROOT / path).read_text().splitlines()) for path in python_files()}
    for path, lines in sorted(counted.items()):
        if lines > LONG and not {"migrations", "tests", "bench"} & set(path.parts):
            warnings.warn(f"{path} has {lines} lines", stacklevel=1)
    assert counted
