"""`baton playbook diff` and `sign`: what changed between two versions, and whose word stands behind one."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path
from typing import Any

import orjson

from baton.cli.client import Client
from baton.cli.faults import Exit, Fault
from baton.cli.screen import out
from baton.playbook import Change, PlaybookErrors, documents_differ, load
from baton.playbook.difference import with_roster

CURRENT = "current"


def diff(before: str, after: str, as_json: bool) -> None:
    """Print what changed, file by file. Raises Fault for what is no valid playbook and no version in force here."""
    changes = documents_differ(document_of(before), document_of(after))
    if as_json:
        rows = [{"file": one.file, "kind": one.kind, "subject": one.subject, "says": str(one)} for one in changes]
        out.print(orjson.dumps(rows, option=orjson.OPT_INDENT_2).decode(), markup=False)
        return
    for line in told(changes):
        out.print(line, markup=False)


def told(changes: list[Change]) -> list[str]:
    """Changes as lines, under the file each stands in."""
    if not changes:
        return ["Nothing that decides is different."]
    lines = []
    for file, group in groupby(changes, key=lambda change: change.file):
        lines += [f"{file}.yaml", *(f"  {change}" for change in group)]
    return lines


def document_of(name: str) -> dict[str, Any]:
    """What stands in a directory, its roster too, else in the version of this name that was in force.

    `current` is what is in force.
    """
    if name != CURRENT and Path(name).exists():
        try:
            return with_roster(load(name))
        except PlaybookErrors as faults:
            hint = f"`baton playbook check {name}` lists all of it."
            raise Fault(f"{name} is not valid: {faults.problems[0]}", hint, Exit.WRONG) from faults
    if "/" in name:
        raise Fault(f"{name}: there is no such directory", code=Exit.USAGE)
    with Client() as client:
        path = "/scoring/v1/definition/document" + ("" if name == CURRENT else f"?version={name}")
        found: dict[str, Any] | None = client.find(path)
    if found is None:
        hint = "Give a directory, `current`, or a version listed on the page /scoring/."
        raise Fault(f"{name}: neither a directory nor a version that was in force", hint, Exit.USAGE)
    document: dict[str, Any] = found["document"]
    return document


def sign(side: str, name: str, version: str | None) -> None:
    """Sign what is in force, and print who has signed it now. Raises Fault if the service says no."""
    with Client() as client:
        signing = version or client.get("/scoring/v1/definition")["version"]
        answer = client.post("/scoring/v1/definition/sign", {"version": signing, "side": side, "name": name})
    out.print(f"{answer['version']}: {answer['says']}", markup=False)
