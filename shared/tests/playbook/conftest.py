"""A small valid playbook to break in one place at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

FILES = {
    "definition": """\
label: "1"
title: A lead
fields:
  - {name: country, type: string, from: contact.country}
  - {name: postal_code, type: string, from: contact.postal_code}
  - {name: employees, type: int, from: properties.employees}
  - {name: revenue, type: double, from: properties.revenue}
  - {name: free_mail, type: bool, from: derived.is_free_mail}
  - {name: seen, type: timestamp, from: first_seen_at}
  - {name: tags, type: list, from: properties.tags}
  - {name: temperature, type: string, from: decision.temperature}
criteria:
  - id: size
    label: Big enough
    when: lead.employees >= 50
    required: true
must_know:
  - {id: cause, label: Why now, path: answers.cause}
""",
    "scoring": """\
fit:
  - {id: big, label: Big, when: lead.employees >= 200, points: 10}
signals:
  - {id: demo, label: Demo, event: {kind: form, what: "demo*"}, meaning: buying, weight: 20, half_life_days: 10}
energy:
  parts:
    - {id: cause, label: Cause, question: cause, needed: true, values: {event: 3, none: 0}}
    - {id: problem, label: Problem, question: problem, values: {known: 1, none: 0}}
  formula: "problem > 0.0 ? cause * cause : cause"
  temperature: {hot: 9, warm: 3}
score: fit + interest + energy
""",
    "nurture": """\
tracks:
  - {id: soon, label: Soon, horizon: [3_months], look_again_days: 30}
  - {id: later, label: Later, look_again_days: 120}
default_track: later
re_entry: {signals: [demo]}
""",
    "disqualify": """\
reasons:
  - {code: never_fits, label: Never fits, for: [junk, disqualify]}
  - {code: never_reached, label: Never reached, for: [recycle, unreachable]}
rules:
  - {id: tiny, label: Tiny, when: lead.employees < 5, reason: never_fits, closes: junk}
""",
    "routing": """\
pools:
  - id: north
    label: North
    members: [{rep: bo}]
rules:
  - id: germany
    label: Germany
    match: {country: [DE], postal_code: ["10000-19999"]}
    when: lead.employees > 10
    pool: north
    policy: standard
  - {id: rest, label: Rest, pool: north, policy: standard}
""",
    "sla": """\
policies:
  - id: standard
    label: Standard
    first_attempt: 4h
    stop: {touches: 6, after: 30d, reason: never_reached}
""",
    "sources": """\
sources:
  - id: forms
    label: Forms
    signature: {scheme: token, secrets: [{env: FORMS_TOKEN}]}
    mapping:
      - id: one
        contact: {email: email}
        properties:
          size: {cel: "element.a + element.b"}
""",
    "calendars": """\
calendars:
  - id: berlin
    label: Berlin
    zone: Europe/Berlin
    week: {mon-fri: ["09:00-12:00", "13:00-17:00"]}
    holidays: {country: DE}
""",
    "targets": """\
targets:
  - {measure: acceptance_rate, label: Accepted, at_least: 0.6}
""",
    "roster": """\
reps:
  - {id: bo, name: Bo, email: bo@house.example, team: north, zone: Europe/Berlin, calendar: berlin}
""",
}


def write_playbook(directory: Path, changes: dict[str, tuple[str, str]] | None = None) -> Path:
    """Writes the playbook; each change replaces the first text by the second in one file, where it must stand."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in FILES.items():
        was, becomes = (changes or {}).get(name, ("", ""))
        assert was in text, f"{was!r} does not stand in {name}.yaml"
        (directory / f"{name}.yaml").write_text(text.replace(was, becomes, 1) if was else text, encoding="utf-8")
    return directory


Writer = Callable[..., Path]


@pytest.fixture
def written(tmp_path: Path) -> Writer:
    """Writes the small playbook, changed where asked, and says where."""
    return lambda **changes: write_playbook(tmp_path / "playbook", changes)
