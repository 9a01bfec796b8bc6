"""Cases from a file: rows of a CSV as leads, by the mapping an import of it has, judged by the playbook."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from baton.cli.csv_rows import CsvFile
from baton.cli.faults import Exit, Fault
from baton.cli.training.cases import Case
from baton.playbook import Playbook, PlaybookErrors, energy_of, lead_view, load_source, signals_of
from baton.playbook.mapping import Mapper
from baton.playbook.numbers import score_numbers


@dataclass(frozen=True, slots=True)
class Table:
    """A CSV file with outcomes. `outcome` and `order` name columns; `good` is what stands in it where it ended well."""

    file: Path
    mapping: Path
    outcome: str
    good: str
    order: str

    def cases(self, playbook: Playbook) -> list[Case]:
        """Every row. Raises Fault for a missing column, a bad mapping, a row that cannot be read or put in order."""
        rows = CsvFile.open(self.file)
        for column in (self.outcome, self.order):
            if column not in rows.columns:
                listed = ", ".join(rows.columns)
                raise Fault(f"{self.file}: there is no column {column!r}", f"There is {listed}.", Exit.USAGE)
        return list(self._cases(rows, playbook))

    def _cases(self, rows: CsvFile, playbook: Playbook) -> Iterator[Case]:
        mapper = _mapper(self.mapping)
        for row in rows.rows():
            if row.fault:
                raise Fault(f"{self.file}:{row.line}: {row.fault}", code=Exit.USAGE)
            taken = [one.post for one in mapper.take(row.values) if one.post is not None]
            if not taken:
                raise Fault(f"{self.file}:{row.line}: the mapping makes no lead of this row", code=Exit.USAGE)
            if not taken[0].get("is_test"):
                yield self._case(playbook, taken[0], row.values, row.line)

    def _case(self, playbook: Playbook, lead: dict[str, Any], columns: dict[str, str], line: int) -> Case:
        told = columns[self.order].strip()
        now = _moment(told)
        view = lead_view(playbook.definition, lead, now)
        verdicts = playbook.criteria.judge(view)
        criteria = {
            one.id: None if verdicts[one.id].missing else verdicts[one.id].is_true
            for one in playbook.definition.criteria
        }
        rest = {name: value for name, value in columns.items() if name not in (self.outcome, self.order)}
        well = columns[self.outcome].strip().casefold() == self.good.casefold()
        return Case(self._place(told, line), view, criteria, _rules(playbook, lead, view, now), well, rest)

    def _place(self, told: str, line: int) -> str | float:
        if not told:
            raise Fault(f"{self.file}:{line}: nothing in the column {self.order!r}", code=Exit.USAGE)
        try:
            return float(told)
        except ValueError:
            return told


def _mapper(path: Path) -> Mapper:
    try:
        return Mapper(load_source(path))
    except PlaybookErrors as faults:
        raise Fault(f"{path} is not valid: {faults.problems[0]}", code=Exit.USAGE) from faults


def _moment(told: str) -> datetime:
    """When the row was judged, where the column that orders says so; any time otherwise."""
    try:
        at = datetime.fromisoformat(told)
    except ValueError:
        return datetime(2000, 1, 1, tzinfo=UTC)
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def _rules(playbook: Playbook, lead: dict[str, Any], view: dict[str, Any], now: datetime) -> float:
    """The playbook's own score of the row."""
    criteria, fit = playbook.criteria.judge(view), playbook.fit.judge(view)
    readings = signals_of(playbook.scoring, lead.get("activity") or [], now)
    energy = energy_of(playbook, lead.get("answers") or {})
    return playbook.score_formula.value(score_numbers(playbook, criteria, fit, readings, energy)) or 0.0
