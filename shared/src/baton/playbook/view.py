"""A lead as conditions see it, and the parts of scoring that only read (pure)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from baton.playbook.coerce import UNKNOWN, coerced
from baton.playbook.definition import Definition, LeadField, MustKnow
from baton.playbook.leadpath import read


def lead_view(definition: Definition, lead: Mapping[str, Any], now: dt.datetime) -> dict[str, Any]:
    """The CEL map of a lead: every field of the definition that is known, under its name and with its type.

    `lead` is plain data, all keys optional: `source, external_id, occurred_at, first_seen_at, is_test, round,
    contact{}, properties{}, answers{}, consent{}, activity[{kind, what, occurred_at, value}], touches[{channel,
    direction, outcome, authority, occurred_at}]` and, in routing, `score, fit, interest, energy, temperature`. An
    answer is its value or a mapping with `value`. Times are aware datetimes or ISO 8601 text.
    Whatever is absent, empty, listed under `unknown:` or not of the field's type is left out: unknown, never zero
    or "".
    """
    view: dict[str, Any] = {}
    for field in definition.fields:
        value = _value(field, definition, lead, now)
        if value is not UNKNOWN:
            view[field.name] = value
    return view


def must_know(definition: Definition, lead: Mapping[str, Any], now: dt.datetime) -> list[tuple[MustKnow, Any]]:
    """Each item of the must-know list with its value, or None where it is missing (U8)."""
    return [(item, read(item.path, definition, lead, now)) for item in definition.must_know]


def _value(field: LeadField, definition: Definition, lead: Mapping[str, Any], now: dt.datetime) -> Any:
    raw = read(field.source, definition, lead, now, field.activity)
    if raw is None:
        return UNKNOWN
    return coerced(raw, field)
