"""What the prose points at is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.layout.tree import ROOT, files

PAGES = [path for path in files() if path.suffix == ".md"]


def without_code(text: str) -> str:
    return re.sub(r"```.*?```|`[^`\n]*`", "", text, flags=re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The ids that GitHub gives a page's headings."""
    body = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    titles = re.findall(r"^#+ +(.+?) *$", body, flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower().replace("`", "")).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_link_of_a_page_resolves(page: Path) -> None:
    dead = []
    for target in re.findall(r"\]\(([^)\s]+)\)", without_code((ROOT / page).read_text())):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        found = (ROOT / page).parent / name if name else ROOT / page
        if not found.exists() or (anchor and found.suffix == ".md" and anchor not in anchors(found)):
            dead.append(target)
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_every_make_target_a_page_names_exists(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    targets |= {
        name
        for line in re.findall(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
        for name in line.split()
    }
    text = (ROOT / page).read_text()
    # In code only: prose may make sure of something.
    named = set(re.findall(r"(?:`|^\$ |^)(?:[A-Z_]+=\S+ )*make ([a-z][a-z-]+)", text, flags=re.MULTILINE))
    assert {
        name for name in named if f"make {name}" in "".join(re.findall(r"`[^`]+`|```.*?```", text, re.DOTALL))
    } <= targets
