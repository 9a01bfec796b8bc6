"""Mappings that are like another: `like: contact_new` takes over whatever is not said anew, `~` is where the person is.

sources.yaml may have `shared:` mappings, by name, that belong to no source. A mapping is like one of those or like
another of its own source; what has names (contact, properties, answers, consent, fields) is joined name by name. In
every path a leading `~` stands for the path in `person`: three kinds of events with a person at three places are
written once.

All of it is written out before anything is judged, so that a running Baton knows plain mappings only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from baton.playbook.positions import Document, Loc
from baton.playbook.problems import Problem

NAMED = ("contact", "properties", "answers", "consent", "fields")
NO_PATHS = ("const", "cel", "values", "otherwise", "default", "named", "after", "before", "split", "join",
            "id", "when", "drop", "strip_names")  # fmt: skip
MAX_LIKENESS = 5
"""Likenesses in a row; a mapping that is like itself ends here."""


def write_out(document: Document) -> list[Problem]:
    """Write everything out in the document's value; return what is wrong with `shared`, `like` and `person`."""
    value = document.value
    if not isinstance(value, dict):
        return []
    shared = value.pop("shared", None) or {}
    if not isinstance(shared, dict):
        return [document.problem(("shared",), "shared: write mappings by name")]
    problems: list[Problem] = []
    for loc, source in _sources(value):
        mappings = source.get("mapping")
        if isinstance(mappings, list):
            known = {**shared, **{one["id"]: one for one in mappings if isinstance(one, dict) and _has_id(one)}}
            source["mapping"] = [
                _written(document, (*loc, "mapping", index), one, known, problems) for index, one in enumerate(mappings)
            ]
    return problems


def _has_id(mapping: Mapping[str, Any]) -> bool:
    return isinstance(mapping.get("id"), str)


def _sources(value: dict[str, Any]) -> Iterator[tuple[Loc, dict[str, Any]]]:
    """Each source of sources.yaml, or the one that a file of its own is."""
    listed = value.get("sources")
    if isinstance(listed, list):
        yield from ((("sources", index), one) for index, one in enumerate(listed) if isinstance(one, dict))
    elif "mapping" in value:
        yield (), value


def _written(document: Document, loc: Loc, mapping: Any, known: Mapping[str, Any], problems: list[Problem]) -> Any:
    if not isinstance(mapping, dict):
        return mapping
    whole = mapping
    for _ in range(MAX_LIKENESS):
        if "like" not in whole:
            break
        other = whole["like"]
        model = known.get(other) if isinstance(other, str) else None
        if not isinstance(model, dict):
            listed = ", ".join(sorted(known)) or "none"
            problems.append(document.problem((*loc, "like"), f"like: there is no mapping {other!r}; there is {listed}"))
            return {key: value for key, value in whole.items() if key != "like"}
        whole = _joined(model, whole)
    else:
        problems.append(document.problem((*loc, "like"), "like: these mappings are like each other"))
        whole = {key: value for key, value in whole.items() if key != "like"}
    person = whole.get("person")
    plain = {key: value for key, value in whole.items() if key != "person"}
    if person is not None and not isinstance(person, str):
        problems.append(document.problem((*loc, "person"), "person: write a path"))
        return plain
    return _placed(plain, person)


def _joined(model: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping with what only its model says; what its model is like comes next."""
    joined = {**model, **{key: value for key, value in own.items() if key != "like"}}
    for group in NAMED:
        theirs, ours = model.get(group), own.get(group)
        if isinstance(theirs, dict) and isinstance(ours, dict):
            joined[group] = {**theirs, **ours}
    return joined


def _placed(mapping: Mapping[str, Any], person: str | None) -> dict[str, Any]:
    """The same with `~` written out. Without `person` the person is the element."""
    placed = {}
    for key, value in mapping.items():
        if key in NAMED and isinstance(value, dict):
            placed[key] = {name: _pick(pick, person) for name, pick in value.items()}
        else:
            placed[key] = value if key in NO_PATHS else _pick(value, person)
    return placed


def _pick(value: Any, person: str | None) -> Any:
    if isinstance(value, str) and value.startswith("~"):
        rest = value[1:].removeprefix(".")
        return f"{person or ''}{rest}" if rest.startswith("[") else ".".join(filter(None, (person, rest)))
    if isinstance(value, list):
        return [_pick(item, person) for item in value]
    if isinstance(value, dict):
        return {key: item if key in NO_PATHS else _pick(item, person) for key, item in value.items()}
    return value
