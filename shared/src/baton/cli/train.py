"""`baton train`: learn a score from what came of leads, and say which criteria foretold it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path

import orjson

from baton.cli.client import Client
from baton.cli.events import Event, page
from baton.cli.faults import Exit, Fault
from baton.cli.playbook import playbook_path
from baton.cli.screen import err, out
from baton.cli.training.cases import Case
from baton.cli.training.facts import IN_WORDS, Goal, Histories
from baton.cli.training.table_file import Table
from baton.cli.training.tables import StageLine, stages
from baton.playbook import Playbook, PlaybookErrors, load

FILE = "learned.json"


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for."""

    playbook: Path | None
    goal: Goal
    table: Table | None
    trusted: frozenset[str]
    output: Path | None
    report: Path | None


def table_of(file: Path | None, mapping: Path | None, outcome: str | None, order: str | None) -> Table | None:
    """The file that was asked for, None for the system's own history. Raises Fault where something is left out."""
    given = {"--mapping": mapping, "--outcome": outcome, "--order": order}
    if file is None:
        if named := [name for name, value in given.items() if value is not None]:
            raise Fault(f"{named[0]} is for a file: name it with --file", code=Exit.USAGE)
        return None
    if mapping is None or outcome is None or order is None:
        missing = next(name for name, value in given.items() if value is None)
        raise Fault(f"a file needs {missing}, too", "docs/learned.md has an example.", Exit.USAGE)
    column, equals, good = outcome.partition("=")
    if not equals or not column.strip() or not good.strip():
        raise Fault(f"--outcome {outcome}: write column=value, such as Converted=1", code=Exit.USAGE)
    return Table(file, mapping, column.strip(), good.strip(), order)


def train(order: Order) -> None:
    """Learn, tell, and write the playbook's learned.json. Raises Fault."""
    if find_spec("sklearn") is None:
        hint = "Install the extra: pip install 'baton-shared[train]'; `make setup` does."
        raise Fault("training needs scikit-learn, which is not installed here", hint, Exit.USAGE)
    from baton.cli.training.learning import TooFew, learn
    from baton.cli.training.telling import plain, told

    where = playbook_path(order.playbook)
    playbook = _playbook(where)
    cases, undecided, knowledge, outcome = _cases(order, playbook)
    label = datetime.now(UTC).strftime("%Y-%m-%d")
    try:
        found = learn(playbook, cases, label, outcome, order.trusted, as_it_was=order.table is None)
    except TooFew as fault:
        raise Fault(f"nothing was learned: {fault}") from fault
    found = replace(found, undecided=undecided, stages=knowledge)
    for line in told(found):
        out.print(line, markup=False)
    file = order.output or where / FILE
    _write(file, orjson.dumps(found.learned.model_dump(mode="json"), option=orjson.OPT_INDENT_2))
    if order.report is not None:
        _write(order.report, orjson.dumps(plain(found), option=orjson.OPT_INDENT_2))
    err.print(f"written: {file}", markup=False)


def _playbook(where: Path) -> Playbook:
    try:
        return load(where)
    except PlaybookErrors as faults:
        hint = f"`baton playbook check {where}` lists all of it."
        raise Fault(f"{where} is not valid: {faults.problems[0]}", hint, Exit.USAGE) from faults


def _cases(order: Order, playbook: Playbook) -> tuple[list[Case], int, Sequence[StageLine], str]:
    if order.table is not None:
        return order.table.cases(playbook), 0, (), f"{order.table.outcome} is {order.table.good}"
    with Client(timeout=120.0) as client:
        histories = Histories.of(*(_all_of(client, service) for service in ("scoring", "intake", "routing")))
    seen = frozenset(one.name for one in playbook.definition.fields if not one.source.startswith("decision."))
    cases, undecided = histories.cases(order.goal, seen)
    return cases, undecided, stages(histories.deals()), IN_WORDS[order.goal]


def _all_of(client: Client, service: str) -> Iterator[Event]:
    """Everything a service has said so far."""
    after = None
    while found := page(client, service, after, wait=0):
        yield from found
        after = found[-1]["cursor"]


def _write(file: Path, content: bytes) -> None:
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_bytes(content + b"\n")
        beside.replace(file)
    except OSError as fault:
        raise Fault(f"{file}: {fault.strerror}", code=Exit.USAGE) from fault
