"""docs/cli.md names every command and option there is, and none that is not."""

from __future__ import annotations

import re
from collections.abc import Iterator

import typer.main
from typer.core import TyperGroup

from baton.cli.faults import Exit
from baton.cli.main import app
from tests.journeys.running import ROOT

PAGE = (ROOT / "docs/cli.md").read_text()


def commands(group: TyperGroup, before: str) -> Iterator[tuple[str, set[str]]]:
    for name, command in group.commands.items():
        if isinstance(command, TyperGroup):
            yield from commands(command, f"{before} {name}")
        else:
            options = {option for one in command.params for option in one.opts if option.startswith("--")}
            yield f"{before} {name}", options


def test_every_command_and_option_is_on_the_page_and_no_other() -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, TyperGroup)
    there = dict(commands(root, "baton"))
    missing = [name for name in there if f"`{name}" not in PAGE]
    named = set(re.findall(r"--[a-z][a-z-]+", PAGE))
    assert missing == []
    assert named == set().union(*there.values()) - {"--help"}


def test_every_exit_code_is_on_the_page() -> None:
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", PAGE, re.MULTILINE)} == set(Exit)
