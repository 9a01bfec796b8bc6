#!/usr/bin/env python3
"""Ten thousand invented people as a CSV, with the dirt of real exports: python bench/people/generate.py people.csv

The same seed gives the same bytes. What the dirt must come to is printed (and returned), so that a test can hold
Baton to it: how many rows are unusable, quarantined or duplicate, and how many different people there are.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import random
from dataclasses import asdict, dataclass
from pathlib import Path

from baton.cli.demo.people import Person, person

COLUMNS = (
    "Record ID", "Email", "First name", "Last name", "Job title", "Company", "Website", "Phone", "Street", "City",
    "ZIP", "State", "Country", "Language", "Employees", "Note",
)  # fmt: skip
SEED, PEOPLE = 2026, 10_000
SEND_TWICE = 0.03
COME_AGAIN = 0.05
NOBODY = 0.01
TORN = 0.004


@dataclass
class Expected:
    """What the rows should come to."""

    rows: int = 0
    accepted: int = 0
    duplicate: int = 0
    quarantined: int = 0
    unusable: int = 0
    people: int = 0


def rows_of(chance: random.Random, one: Person, expected: Expected) -> list[bytes]:
    """The rows of one person: clean or dirty, once or more often."""
    first = _dirty(chance, _row(one, f"r-{one.number}"))
    found = [_written(first)]
    expected.people += 1
    expected.accepted += 1
    if chance.random() < SEND_TWICE:
        found.append(_written(first))
        expected.duplicate += 1
    if chance.random() < COME_AGAIN:
        # Known by the address, whatever the case and the id of the other system.
        again = _row(one, f"x-{one.number}") | {"Email": one.email.upper(), "Note": "came back"}
        found.append(_written(again))
        expected.accepted += 1
    if chance.random() < NOBODY:
        nobody = _row(one, "") | {"Email": chance.choice(("", "n/a", "asdf@", "none@@none")), "Phone": "call me"}
        found.append(_written(nobody | {"Note": f"{one.number}"}))
        expected.quarantined += 1
    if chance.random() < TORN:
        found.append(chance.choice((b"torn,off,in,the,middle\r\n", b"\xff\xfe" + _written(first))))
        expected.unusable += 1
    expected.rows += len(found)
    return found


def _row(one: Person, record_id: str) -> dict[str, str]:
    typed = one.typed
    values = (
        record_id, typed["email"], typed["first_name"], typed["last_name"], typed["job_title"], typed["company"],
        typed["website"], typed["phone"], typed["street"], typed["city"], typed["postal_code"], typed["region"],
        typed["country"], typed["locale"], str(one.employees), "",
    )  # fmt: skip
    return dict(zip(COLUMNS, values, strict=True))


def _dirty(chance: random.Random, row: dict[str, str]) -> dict[str, str]:
    """One thing in five is not as one would like it; none of it costs the lead."""
    if chance.random() >= 0.2:
        return row
    dirt = chance.choice(
        (
            {"Email": f"  {row['Email']} "},
            {"Phone": "call after 5 pm"},
            {"Country": chance.choice(("Deutchland", "Ruritania", "--"))},
            {"First name": "", "Last name": f"{row['First name']} {row['Last name']}"},
            {"Note": 'said "later",\nthen hung up'},
            {"Company": "<b>Acme</b>", "Website": "javascript:alert(1)"},
            {"Job title": "", "Employees": chance.choice(("n/a", "-5", "many", "1000+"))},
            {"Last name": row["Last name"] + "\u200b", "City": "Sa\u0303o Paulo"},
            {"Note": "=cmd|'/c calc'!A0"},
            {"Note": "x" * 5000},
        )
    )
    return row | dirt


def _written(row: dict[str, str]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow(row.values())
    return text.getvalue().encode()


def write(path: Path, people: int = PEOPLE, seed: int = SEED) -> Expected:
    """Write the file; return what it should come to."""
    chance, expected = random.Random(seed), Expected()
    with path.open("wb") as file:
        file.write((",".join(COLUMNS) + "\r\n").encode())
        for number in range(people):
            for row in rows_of(chance, person(chance, number), expected):
                file.write(row)
    return expected


def main() -> None:
    """Write the file named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("path", type=Path)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("--seed", type=int, default=SEED)
    given = parser.parse_args()
    print(json.dumps(asdict(write(given.path, given.people, given.seed))))


if __name__ == "__main__":
    main()
