"""What changed between two playbooks, said in words (U5): `criterion “Decides”: points 10 → 15; now required`.

Works on plain data, so that a playbook kept in an older form of a file can still be compared. What an older form does
not have counts as empty.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from baton.playbook.playbook import Playbook
from baton.playbook.wording import NOUNS, is_empty, name_of, said, words_of

IN_ORDER: Final = frozenset({"rules", "tracks", "signals", "mapping", "steps", "stages"})
"""Lists in which the first that fits decides, or whose order says what comes next."""
KEYS: Final = ("id", "code", "name", "measure", "system", "rep", "date")
"""What items of a list are told apart by."""
ROSTER: Final = "roster"

Kind = Literal["added", "removed", "changed", "moved"]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different, in one sentence."""

    file: str
    kind: Kind
    subject: str
    says: str

    def __str__(self) -> str:
        return f"{self.subject} {self.says}" if self.kind != "changed" else f"{self.subject}: {self.says}"


def differences(before: Playbook, after: Playbook) -> list[Change]:
    """What is different, file by file, the roster's seed last. Empty if the two decide alike."""
    return documents_differ(with_roster(before), with_roster(after))


def with_roster(playbook: Playbook) -> dict[str, Any]:
    """`Playbook.document()` and, where there is one, the seed of the roster."""
    roster = {} if playbook.roster is None else {ROSTER: playbook.roster.model_dump(mode="json")}
    return playbook.document() | roster


def documents_differ(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """What is different between two documents; of rosters only where both have one."""
    return [
        change
        for file in dict.fromkeys((*before, *after))
        if file != ROSTER or (file in before and file in after)
        for change in _file(file, before.get(file) or {}, after.get(file) or {})
    ]


def _file(file: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys((*before, *after)):
        yield from _group(file, key, before.get(key), after.get(key))


def _group(file: str, key: str, was: Any, now: Any) -> Iterator[Change]:
    """A key at the top of a file, or a list of things within another thing that is worth a sentence of its own."""
    if was == now or (is_empty(was) and is_empty(now)):
        return
    if isinstance(was, Mapping) and isinstance(now, Mapping) and _holds_things(was, now):
        for inner in dict.fromkeys((*was, *now)):
            yield from _group(file, inner, was.get(inner), now.get(inner))
        return
    marker = _marker(was, now)
    if marker is None:
        yield from _setting(file, key, was, now)
        return
    yield from _things(file, key, marker, was or [], now or [])


def _setting(file: str, key: str, was: Any, now: Any) -> Iterator[Change]:
    word = key.replace("_", " ")
    says = list(_value(key, was, now))
    # "temperature: hot 9 → 8" and not "temperature: temperature hot 9 → 8".
    yield Change(file, "changed", word, "; ".join(text.removeprefix(f"{words_of(key)} ") for text in says))


def _holds_things(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    return any(_marker(was.get(key), now.get(key)) is not None for key in (*was, *now))


def _marker(was: Any, now: Any) -> str | None:
    """The key by which the items of both lists are told apart; None if they are no lists of things."""
    items = [item for side in (was, now) if isinstance(side, Sequence) and not isinstance(side, str) for item in side]
    if not items or not all(isinstance(item, Mapping) for item in items):
        return None
    return next((key for key in KEYS if all(isinstance(item.get(key), str) for item in items)), None)


def _things(file: str, key: str, marker: str, was: Any, now: Any) -> Iterator[Change]:
    noun = NOUNS.get(f"{file}.{key}") or NOUNS.get(key) or key.removesuffix("s").replace("_", " ")
    old, new = ({item[marker]: item for item in items} for items in (was, now))
    for name, item in old.items():
        if name not in new:
            yield Change(file, "removed", f"{noun} {name_of(item, marker)}", "removed")
    for name, item in new.items():
        subject = f"{noun} {name_of(item, marker)}"
        if name not in old:
            about = said({field: value for field, value in item.items() if field not in (marker, "label")})
            yield Change(file, "added", subject, f"added: {about}" if about else "added")
        elif changed := list(_fields(old[name], item, marker)):
            yield Change(file, "changed", subject, "; ".join(changed))
    if key in IN_ORDER:
        yield from _moved(file, noun, marker, old, new)


def _moved(file: str, noun: str, marker: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    """The fewest things that were taken from their place to come to the new order."""
    place = {name: index for index, name in enumerate(old)}
    names = [name for name in new if name in place]
    stayed = {names[index] for index in _longest_rise([place[name] for name in names])}
    ahead: str | None = None
    for name in new:
        if name in place and name not in stayed:
            where = "now stands first" if ahead is None else f"now stands behind {name_of(new[ahead], marker)}"
            yield Change(file, "moved", f"{noun} {name_of(new[name], marker)}", where)
        ahead = name


def _longest_rise(numbers: Sequence[int]) -> list[int]:
    """Indices of a longest increasing subsequence, in n log n: a playbook may have 10,000 rules."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, number in enumerate(numbers):
        at = bisect_left(ends, number)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [number]
        last[at : at + 1] = [index]
    found: list[int] = []
    index = last[-1] if last else -1
    while index >= 0:
        found.append(index)
        index = before[index]
    return found[::-1]


def _fields(was: Mapping[str, Any], now: Mapping[str, Any], marker: str) -> Iterator[str]:
    for key in dict.fromkeys((*was, *now)):
        if key != marker and was.get(key) != now.get(key):
            yield from _value(key, was.get(key), now.get(key))


def _value(key: str, was: Any, now: Any) -> Iterator[str]:
    """How one value differs; what is within it is said with the way to it."""
    word = words_of(key)
    if was == now or (is_empty(was) and is_empty(now)):
        return
    if isinstance(was, bool) or isinstance(now, bool):
        yield f"now {word}" if now else f"no longer {word}"
    elif isinstance(was, Mapping) and isinstance(now, Mapping):
        yield from _inside(word, was, now)
    elif (marker := _marker(was, now)) is not None:
        yield from map(str, _things("", key, marker, was or [], now or []))
    elif _are_lists(was, now):
        yield from _list(word, was or [], now or [])
    else:
        yield f"{word} {said(was)} → {said(now)}"


def _inside(word: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key in dict.fromkeys((*was, *now)):
        for text in _value(key, was.get(key), now.get(key)):
            yield f"{word} {text}"


def _are_lists(was: Any, now: Any) -> bool:
    return all(isinstance(side, list) or side is None for side in (was, now))


def _list(word: str, was: Sequence[Any], now: Sequence[Any]) -> Iterator[str]:
    gone = [said(item) for item in was if item not in now]
    come = [said(item) for item in now if item not in was]
    if gone:
        yield f"{word} without {', '.join(gone)}"
    if come:
        yield f"{word} with {', '.join(come)}"
    if not gone and not come:
        yield f"{word} in another order: {', '.join(map(said, now))}"
