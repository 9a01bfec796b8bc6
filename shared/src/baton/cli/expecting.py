"""What was made of a recorded request, beside what its `.meta.json` expects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

NOT_COMPARED = ("event", "dedupe_key", "needs_fetch", "needs_mapping", "after_fetch")
"""Names a recording gives to things that have none in Baton, and what is known only after more was fetched."""


def differences(expected: Mapping[str, Any], made: Mapping[str, Any]) -> list[str]:
    """In words, everything that is expected and was not made. In which order elements are made does not count."""
    elements = made["elements"]
    sound = [element for element in elements if element["fault"] is None]
    found = [f"{made['fault']}"] if made["fault"] and expected.get("lead_count", 1) else []
    if "lead_count" in expected and expected["lead_count"] not in (len(elements), len(sound)):
        found.append(f"{expected['lead_count']} expected, {len(sound)} made, {len(elements) - len(sound)} quarantined")
    for number, (want, have) in enumerate(_pairs(expected.get("leads") or [], elements), 1):
        place = f"{number}: " if len(elements) > 1 else ""
        found += [f"{place}{text}" for text in _of_one(want, have)]
    return found


def _pairs(
    expected: Sequence[Mapping[str, Any]], elements: Sequence[Mapping[str, Any]]
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Each thing expected with what is most like it of what was made and is not another's; without any, nothing."""
    left = list(elements)
    for want in expected:
        if not left:
            return
        have = min(left, key=lambda element: sum(1 for _ in _of_one(want, element)))
        left.remove(have)
        yield want, have


def _of_one(want: Mapping[str, Any], have: Mapping[str, Any]) -> Iterator[str]:
    if have["fault"] is not None:
        yield f"quarantined, {have['fault']['cause']}: {have['fault']['detail']}"
    for name, value in want.items():
        if name == "contact":
            yield from contact_differences(value, have["contact"])
        elif name == "external_id":
            yield from _differs(name, value, _without_kind(value, have["external_id"] or _reference(have)))
        elif name == "occurred_at":
            yield from _differs(name, _moment(value), have["occurred_at"])
        elif name == "is_test":
            yield from _differs(name, value, have["is_test"])
        elif name not in NOT_COMPARED:
            yield from _kept(name, value, have["post"] or {})


def contact_differences(want: Mapping[str, Any], have: Mapping[str, Any]) -> Iterator[str]:
    """In words, every field of the contact that is not as expected."""
    for name, value in want.items():
        yield from _differs(f"contact.{name}", value, have.get(name))


def _differs(name: str, want: Any, have: Any) -> Iterator[str]:
    if str(want) != str(have):
        yield f"{name}: {want!r} expected, {have!r} made"


def _without_kind(want: Any, have: Any) -> Any:
    """Systems that number each kind of record from 1 on have it written before the number: `deal:77`."""
    return want if str(have).rpartition(":")[2] == str(want) else have


def _reference(have: Mapping[str, Any]) -> Any:
    """Whom something that is no lead is about: the id that is fetched, or the record's."""
    return (have["errand"] or (have["post"] or {}).get("lead") or {}).get("id")


def _moment(text: Any) -> Any:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return text


def _kept(name: str, want: Any, post: Mapping[str, Any]) -> Iterator[str]:
    """Whatever else is expected has to stand somewhere in what was made; by which name is the playbook's affair."""
    if isinstance(want, Mapping):
        for key, value in want.items():
            yield from _kept(f"{name}.{key}", value, post)
    elif want is not None and _bare(want) not in set(_values(post)):
        yield f"{name}: {want!r} is nowhere in what was made"


def _values(value: Any) -> Iterator[str]:
    yield _bare(value)
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    for item in inner:
        yield from _values(item)


def _bare(value: Any) -> str:
    """Numbers and their texts are the same here, and so are a list and its elements with commas between."""
    if isinstance(value, list):
        return ",".join(map(_bare, value))
    if isinstance(value, bool):
        return str(value).lower()
    return re.sub(r"\s*,\s*", ",", str(value).strip())
