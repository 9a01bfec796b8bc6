"""What conditions see of a lead: every known field in its type, and nothing that nobody knows."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from baton.playbook import Definition, lead_view, must_know

NOW = dt.datetime(2026, 11, 22, 12, 0, tzinfo=dt.UTC)


def definition(*fields: dict[str, Any], **more: Any) -> Definition:
    import json

    criteria = [{"id": "any", "label": "Any", "when": "true", "required": True}]
    return Definition.model_validate_json(
        json.dumps({"label": "1", "title": "T", "fields": list(fields), "criteria": criteria, **more})
    )


def seen(field: dict[str, Any], lead: dict[str, Any], **more: Any) -> Any:
    """The value of one field, or "unknown"."""
    return lead_view(definition({"name": "it", **field}, **more), lead, NOW).get("it", "unknown")


@pytest.mark.parametrize(
    ("kind", "raw", "expected"),
    [
        ("int", 50, 50),
        ("int", "50", 50),
        ("int", "50.0", 50),
        ("int", 50.0, 50),
        ("int", 50.5, "unknown"),
        ("int", "many", "unknown"),
        ("int", True, "unknown"),
        ("int", 2**70, "unknown"),
        ("int", float("nan"), "unknown"),
        ("double", 3, 3.0),
        ("double", "3.5", 3.5),
        ("double", float("inf"), "unknown"),
        ("double", [], "unknown"),
        ("bool", True, True),
        ("bool", "Yes", True),
        ("bool", "no", False),
        ("bool", 1, True),
        ("bool", "perhaps", "unknown"),
        ("string", " Köln ", "Köln"),
        ("string", 7, "7"),
        ("string", "", "unknown"),
        ("string", "  ", "unknown"),
        ("string", None, "unknown"),
        ("string", {"a": 1}, "unknown"),
        ("string", True, "true"),
        ("list", ["a", 1], ["a", "1"]),
        ("list", "a", ["a"]),
        ("list", [], "unknown"),
        ("timestamp", "2026-01-02T03:04:05+02:00", "2026-01-02T01:04:05Z"),
        ("timestamp", "soon", "unknown"),
        ("timestamp", dt.datetime(2026, 1, 2, tzinfo=dt.UTC), "2026-01-02T00:00:00Z"),
    ],
)
def test_a_value_takes_the_type_of_its_field_or_is_unknown(kind: str, raw: Any, expected: Any) -> None:
    found = seen({"type": kind, "from": "properties.x"}, {"properties": {"x": raw}})
    assert found == expected
    assert type(found) is type(expected)


def test_words_that_mean_nobody_knows_are_unknown() -> None:
    field = {"type": "string", "from": "properties.Lead Source", "unknown": ["Select", "n/a"]}
    assert [seen(field, {"properties": {"Lead Source": word}}) for word in ("select", " N/A", "Google")] == [
        "unknown",
        "unknown",
        "Google",
    ]


def test_words_are_translated_before_they_are_typed() -> None:
    field = {"type": "int", "from": "properties.size", "values": {"51-200": 120}}
    assert seen(field, {"properties": {"size": "51-200"}}) == 120
    assert seen(field, {"properties": {"size": "17"}}) == 17


def test_an_answer_is_its_value_or_stands_under_value() -> None:
    field = {"type": "string", "from": "answers.cause"}
    assert seen(field, {"answers": {"cause": "event"}}) == "event"
    assert seen(field, {"answers": {"cause": {"value": "event", "said_by": "anna"}}}) == "event"
    assert seen(field, {"answers": {}}) == "unknown"
    assert seen(field, {}) == "unknown"


def test_a_key_with_a_dot_is_found_as_written_and_else_as_nesting() -> None:
    field = {"type": "string", "from": "properties.company.size"}
    assert seen(field, {"properties": {"company.size": "flat"}}) == "flat"
    assert seen(field, {"properties": {"company": {"size": "nested"}}}) == "nested"


ACTIVITY = [
    {"kind": "form", "what": "Demo-request", "occurred_at": "2026-11-20T12:00:00Z", "value": 3},
    {"kind": "form", "what": "demo", "occurred_at": "2026-06-01T12:00:00Z"},
    {"kind": "page_view", "what": "pricing", "occurred_at": "2026-11-21T12:00:00Z"},
]


@pytest.mark.parametrize(
    ("path", "match", "expected"),
    [
        ("activity.count", None, 3),
        ("activity.count", {"kind": "form", "what": "demo*"}, 2),
        ("activity.count", {"kind": "form", "within": "30d"}, 1),
        ("activity.count", {"kind": "webinar"}, 0),
        ("activity.days_since_last", {"kind": "form"}, 2),
        ("activity.days_since_last", {"kind": "webinar"}, "unknown"),
    ],
)
def test_activity_is_counted_by_kind_what_and_age(path: str, match: dict[str, Any] | None, expected: Any) -> None:
    field = {"type": "int", "from": path, **({"activity": match} if match else {})}
    assert seen(field, {"activity": ACTIVITY}) == expected
    assert seen(field, {"activity": ACTIVITY[::-1]}) == expected


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("a@gmail.com", True),
        ("a@acme.example", False),
        ("a@own.example", True),
        ("a@gmx.de", False),
        ("nonsense", "unknown"),
    ],
)
def test_free_mail_is_the_list_with_the_houses_corrections(email: str, expected: Any) -> None:
    house = {"free_mail": {"add": ["own.example"], "remove": ["gmx.de"]}}
    assert seen({"type": "bool", "from": "derived.is_free_mail"}, {"contact": {"email": email}}, **house) == expected


def test_days_known_never_run_negative() -> None:
    field = {"type": "int", "from": "derived.days_since_first_seen"}
    assert seen(field, {"first_seen_at": "2026-11-12T13:00:00Z"}) == 9
    assert seen(field, {"first_seen_at": "2027-11-12T13:00:00Z"}) == 0


def test_the_must_know_list_shows_each_item_filled_or_missing() -> None:
    items = [
        {"id": "cause", "label": "Why now", "path": "answers.cause"},
        {"id": "phone", "label": "Phone", "path": "contact.phone"},
    ]
    house = definition({"name": "it", "type": "string", "from": "source"}, must_know=items)
    found = must_know(house, {"answers": {"cause": "event"}, "contact": {}}, NOW)
    assert [(item.id, value) for item, value in found] == [("cause", "event"), ("phone", None)]
