"""The people of one company as one buying situation: who they are, one energy, one owner (Q8). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from baton.contracts import AccountAssigned
from baton.playbook import Playbook, energy_of
from baton.playbook.energy import EnergyReading
from baton.playbook.leadpath import read
from baton.scoring.domain.moments import text_of
from baton.scoring.domain.person import Person

SUBJECT = "account:"
"""Before the id of an account where it is the subject of a fact."""


@dataclass(frozen=True)
class Account:
    """Who was named as a company's owner; nobody where there is no `owner`."""

    account_id: str
    owner: str | None = None
    name: str | None = None
    by: str | None = None
    assigned_at: datetime | None = None


def named(account: Account, said: AccountAssigned) -> Account:
    """The account after somebody said whose it is."""
    owner = said.owner
    return Account(
        account.account_id, owner.id if owner else None, owner.name if owner else None, said.by, said.assigned_at
    )


def standing(playbook: Playbook, account: Account, people: Sequence[Person], now: datetime) -> dict[str, Any]:
    """What is known of the company: its people, best score first, its energy and its owner.

    Test leads do not count, nor do people who are turned down toward the energy.
    """
    known = sorted((one for one in people if not one.is_test), key=lambda one: (-_score(one), one.lead_id))
    return {
        "account_id": account.account_id,
        "name": _said_first(known, "company"),
        "domain": _said_first(known, "company_domain"),
        "owner": owner_of(account, known),
        "energy": energy_shown(playbook, [one for one in known if one.verdict.outcome != "disqualified"]),
        "people": [_person(playbook, one, now) for one in known],
    }


def owner_of(account: Account, people: Sequence[Person]) -> dict[str, Any] | None:
    """Who was named by hand, else whoever got the newest lead of the company: as routing has it."""
    if account.owner is not None:
        at = text_of(account.assigned_at) if account.assigned_at else None
        return {"id": account.owner, "name": account.name, "since": at, "because": "by_hand", "by": account.by}
    handed = [one.handed for one in people if one.handed is not None]
    if not handed:
        return None
    newest = max(handed, key=lambda one: (one["at"], one["id"]))
    since = newest["at"]
    return {"id": newest["id"], "name": newest["name"], "since": since, "because": "newest_lead", "by": None}


def energy_shown(playbook: Playbook, people: Sequence[Person]) -> dict[str, Any]:
    """The energy of all together: of each answer that makes it the strongest that any of them gave, by the playbook's
    formula. One told the cause, another the problem: the company has both."""
    answers: dict[str, Mapping[str, Any]] = {}
    said_by: dict[str, str] = {}
    for part in playbook.scoring.energy.parts:
        given = [(value, one) for one in people if (value := _value(playbook, one, part.id)) is not None]
        if given:
            _, strongest = max(given, key=lambda pair: (pair[0], pair[1].lead_id))
            answers[part.question] = strongest.all_answers[part.question]
            said_by[part.id] = strongest.lead_id
    reading = energy_of(playbook, answers)
    return {
        "points": reading.points,
        "temperature": reading.temperature,
        "formula": playbook.scoring.energy.formula,
        "missing": list(reading.missing),
        "parts": [
            {"id": part.id, "label": part.label, "value": reading.parts.get(part.id), "said_by": said_by.get(part.id)}
            for part in playbook.scoring.energy.parts
        ],
    }


def _value(playbook: Playbook, person: Person, part: str) -> float | None:
    return _energy(playbook, person).parts.get(part)


def _energy(playbook: Playbook, person: Person) -> EnergyReading:
    return energy_of(playbook, person.all_answers)


def _person(playbook: Playbook, person: Person, now: datetime) -> dict[str, Any]:
    paths, lead, definition = playbook.definition.account, person.as_lead(), playbook.definition
    handed = person.handed if person.round.is_open else None
    is_held = handed is not None and handed["held"]
    return {
        "lead_id": person.lead_id,
        "name": _name(person.contact),
        "email": person.contact.get("email"),
        "role": read(paths.role, definition, lead, now),
        "authority": read(paths.authority, definition, lead, now) or "unknown",
        "problem": read(paths.problem, definition, lead, now),
        "state": "held" if is_held else _state(person),
        "score": _score(person),
        "temperature": person.verdict.temperature,
        "energy": _energy(playbook, person).points,
        "owner": {"id": handed["id"], "name": handed["name"]} if handed is not None and not is_held else None,
    }


def _state(person: Person) -> str:
    """What sales has made of the round while there is one, else what scoring says."""
    standing = person.round.standing
    if person.verdict.outcome != "qualified" or standing in ("none", "open"):
        return "routed" if standing == "open" and person.handed is not None else person.verdict.outcome
    return standing


def _score(person: Person) -> float:
    return float((person.verdict.score or {}).get("total", 0.0))


def _name(contact: Mapping[str, Any]) -> str | None:
    parts = " ".join(filter(None, (contact.get("first_name"), contact.get("last_name"))))
    return contact.get("full_name") or parts or None


def _said_first(people: Sequence[Person], field: str) -> str | None:
    return next((found for one in people if (found := one.contact.get(field))), None)
