"""Looking values up by what they are called: `E-mail Address`, `email_address` and `contact[email]` are one name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from baton.playbook.paths import Place

MAX_LEAVES: Final = 2000
MAX_LEVELS: Final = 6

# What senders wrap a person in: `lead.contact.email` is the e-mail all the same. `value` is HubSpot's and Mautic's.
_WRAPPERS = frozenset(
    {"body", "contact", "context", "core", "customer", "data", "element", "event", "fields", "formdata", "inputs",
     "lead", "payload", "person", "personal", "profile", "properties", "subscriber", "traits", "user"}
)  # fmt: skip
_APART = re.compile(r"\.|__|\[|\]\[?")
_NO_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that has a name."""

    label: str
    value: Any
    place: Place


@lru_cache(maxsize=16_384)
def folded(name: str) -> str:
    """The name without case, accents' spelling, blanks and punctuation."""
    return _NO_LETTERS.sub("", unicodedata.normalize("NFKC", name[:300]).casefold())


class Names:
    """What stands in an object, by name. Of two of one name the less nested counts, then the first."""

    def __init__(self, leaves: list[Leaf], strip: re.Pattern[str] | None = None) -> None:
        self.leaves = leaves
        self._strip = strip
        self._found: dict[str, Leaf] = {}
        for leaf in leaves:
            self._found.setdefault(self._name(leaf.label), leaf)

    def find(self, name: str) -> Leaf | None:
        """The leaf of this name."""
        return self._found.get(folded(name))

    def label(self, leaf: Leaf) -> str:
        """What the leaf is called, without what its platform puts before every name."""
        return leaf.label if self._strip is None else self._strip.sub("", leaf.label, count=1) or leaf.label

    def _name(self, label: str) -> str:
        words = [word for part in _APART.split(label if self._strip is None else self._strip.sub("", label, count=1))
                 if (word := folded(part))]  # fmt: skip
        while len(words) > 1 and words[0] in _WRAPPERS:
            words.pop(0)
        if len(words) > 1 and words[-1] == "value":
            words.pop()
        return "".join(words)


def leaves_of(element: Any) -> list[Leaf]:
    """Every text, number, truth and list of those in the element, the less nested first."""
    found: list[Leaf] = []
    level: list[tuple[str, Place, Any]] = [("", (), element)]
    for _ in range(MAX_LEVELS):
        inner: list[tuple[str, Place, Any]] = []
        for label, place, value in level:
            for key, item in _items(value):
                _sort(f"{label}.{key}" if label else str(key), (*place, key), item, found, inner)
        level = inner
        if len(found) >= MAX_LEAVES:
            break
    return found[:MAX_LEAVES]


def is_filled(value: Any) -> bool:
    """Whether there is anything to read."""
    return value is not None and not (isinstance(value, str) and not value.strip())


def _items(value: Any) -> Iterator[tuple[str, Any]]:
    yield from value.items() if isinstance(value, Mapping) else ()


def _sort(label: str, place: Place, item: Any, found: list[Leaf], inner: list[tuple[str, Place, Any]]) -> None:
    if isinstance(item, Mapping):
        inner.append((label, place, item))
    elif isinstance(item, list):
        plain = [one for one in item if is_filled(one) and not isinstance(one, Mapping | list)]
        if plain:
            found.append(Leaf(label, plain, place))
    elif is_filled(item):
        found.append(Leaf(label, item, place))
