"""Looking values up by what they are called: `E-mail Address`, `email_address` and `contact[email]` are one name."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from baton.playbook.paths import Place

MAX_LEAVES: Final = 1000
"""Values of one element that are known by name. The longest forms have some hundred fields."""

MAX_LEVELS: Final = 6

# What senders wrap a person in: `lead.contact.email` is the e-mail all the same. `value` is HubSpot's and Mautic's.
_WRAPPERS = frozenset(
    {"body", "contact", "context", "core", "customer", "data", "element", "event", "fields", "formdata", "inputs",
     "lead", "payload", "person", "personal", "profile", "properties", "subscriber", "traits", "user"}
)  # fmt: skip
_APART = re.compile(r"\.|__|\[|\]\[?")
_NO_LETTERS = re.compile(r"[\W_]+")
_ASKING = re.compile(
    r"^\W*(?:what(?:['\u2019`]?s|[\s_]+is)|please[\s_]+\w+|tell[\s_]+us|enter|wie[\s_]+lautet|quel(?:le)?[\s_]+est)?[\s_]*"
    r"(?:the[\s_]+name[\s_]+of[\s_]+)?(?:your|ihre?|deine?|votre)[\s_]+",
    re.IGNORECASE,
)
"""How forms ask for what they could name: `What's your first name?`."""
_OPAQUE = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9A-Za-z]{20,}|[0-9]+")


@dataclass(frozen=True, slots=True)
class Leaf:
    """A value that has a name."""

    label: str
    value: Any
    place: Place
    aliases: tuple[str, ...] = ()
    """Other names: what the question is called beside the reference an answer goes by."""


@lru_cache(maxsize=16_384)
def folded(name: str) -> str:
    """The name without case, accents' spelling, blanks and punctuation."""
    return _NO_LETTERS.sub("", unicodedata.normalize("NFKC", name[:300]).casefold())


class Names:
    """What stands in an element, by name. Of two of one name the first counts.

    A number at the end is overlooked where nothing has the name without it: form builders write `email4`. So is the
    asking where the name is a question.
    """

    def __init__(self, leaves: list[Leaf], strip: re.Pattern[str] | None = None) -> None:
        self.leaves = leaves
        self._strip = strip
        self._found: dict[str, Leaf] = {}
        self._called = [[self._words(label) for label in (leaf.label, *leaf.aliases)] for leaf in leaves]
        for leaf, names in zip(leaves, self._called, strict=True):
            for words in names:
                self._found.setdefault("".join(words), leaf)
        for leaf, names in zip(leaves, self._called, strict=True):
            for words in names:
                if any(word[-1].isdigit() for word in words):
                    self._found.setdefault("".join(map(_without_number, words)), leaf)
        for asked, leaf in self._asked():
            self._found.setdefault(asked, leaf)

    def find(self, name: str) -> Leaf | None:
        """The leaf of this name."""
        return self._found.get(folded(name))

    def left(self, names: set[str]) -> list[Leaf]:
        """The leaves with none of these (folded) names, also where another leaf of that name was found."""
        return [
            leaf
            for leaf, called in zip(self.leaves, self._called, strict=True)
            if not any("".join(words) in names for words in called)
        ]

    def label(self, leaf: Leaf) -> str:
        """What the leaf is called, without what its platform writes around every name."""
        return self._bare(leaf.label).removesuffix(".value") or leaf.label

    def _asked(self) -> Iterator[tuple[str, Leaf]]:
        """What questions ask for."""
        for leaf in self.leaves:
            for question in (leaf.label, *leaf.aliases):
                label = self._bare(question)[:300]
                if asking := _ASKING.match(label):
                    yield folded(label[asking.end() :]), leaf

    def _bare(self, label: str) -> str:
        return label if self._strip is None else self._strip.sub("", label, count=1)

    def _words(self, label: str) -> list[str]:
        words = [word for part in _APART.split(self._bare(label)) if (word := folded(part))]
        while len(words) > 1 and words[0] in _WRAPPERS:
            words.pop(0)
        if len(words) > 1 and words[-1] == "value":
            words.pop()
        return words


def _without_number(word: str) -> str:
    return word.rstrip("0123456789") or word


def leaves_of(element: Any) -> list[Leaf]:
    """Every text, number, truth and list of those in the element, the less nested first."""
    found: list[Leaf] = []
    level: list[tuple[str, Place, Any]] = [("", (), element)]
    for _ in range(MAX_LEVELS):
        inner: list[tuple[str, Place, Any]] = []
        for label, place, value in level:
            for key, item in _items(value):
                if len(found) >= MAX_LEAVES:
                    return found
                _sort(f"{label}.{key}" if label else str(key), (*place, key), item, found, inner)
        level = inner
    return found


def named(labels: list[str], value: Any, place: Place) -> Leaf | None:
    """A leaf under the first of the labels that people could have written, with the others beside it."""
    if not labels:
        return None
    label = next((one for one in labels if not _OPAQUE.fullmatch(one)), labels[0])
    return Leaf(label, value, place, tuple(one for one in labels if one != label))


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
