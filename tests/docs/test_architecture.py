"""What docs/architecture.md and docs/domain.md say of the code is so."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from baton.contracts import INTAKE, ROSTER, ROUTING, SCORING, SLA
from baton.runtime.handler import Service
from tests.layout.tree import ROOT, SERVICES, files

TOPICS = (INTAKE, SCORING, ROUTING, SLA, ROSTER)
ARCHITECTURE = (ROOT / "docs/architecture.md").read_text()


def service_class(name: str) -> type[Service[object, object]]:
    """The one service a module defines."""
    found = [
        thing
        for thing in vars(import_module(f"baton.{name.replace('-', '_')}.service")).values()
        if isinstance(thing, type) and issubclass(thing, Service) and thing is not Service
    ]
    (service,) = found
    return service


def table(heading: str) -> dict[str, list[str]]:
    """The rows of the table whose first cell is `heading`, by their first cell."""
    lines = ARCHITECTURE[ARCHITECTURE.index(f"| {heading} |") :].split("\n\n", 1)[0].splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in rows[2:]}


@pytest.mark.parametrize("name", SERVICES)
def test_the_page_names_what_a_service_hears(name: str) -> None:
    hears = service_class(name).hears
    for topic, cell in zip(TOPICS, table("hears →")[name], strict=True):
        types = {type_.removeprefix("lead.").removeprefix("sla.") for type_ in hears.get(topic, {})}
        if cell == "all":
            assert types, topic
        else:
            assert types == (set() if cell == "–" else set(cell.split(", "))), topic


def test_the_page_names_who_publishes_on_which_topic() -> None:
    said = dict(zip(TOPICS, table("hears →")["**says**"], strict=True))
    assert said == {topic: name for name in SERVICES for topic in service_class(name).says}


def test_the_tests_that_the_failure_matrix_names_exist() -> None:
    tests = "\n".join((ROOT / path).read_text() for path in files() if path.name.startswith("test_"))
    names = {path.stem for path in files()} | set(re.findall(r"def (test_\w+)", tests))
    for cells in table("fault").values():
        for named in re.findall(r"`(…?\w[\w…]*)`", cells[-1]):
            pattern = re.compile(".*".join(re.escape(part) for part in named.split("…")))
            assert any(pattern.search(name) for name in names), named


def test_every_file_and_path_the_pages_name_exists() -> None:
    known = {path.as_posix() for path in files()}
    for page in ("architecture.md", "domain.md"):
        text = re.sub(r"```.*?```", "", (ROOT / "docs" / page).read_text(), flags=re.DOTALL)
        for name in re.findall(r"`([\w./-]+\.(?:py|yaml))`", text):
            assert any(path == name or path.endswith("/" + name) for path in known), f"{page}: {name}"
