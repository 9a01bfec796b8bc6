"""Which fields a condition names, and the text that runs in its place."""

from __future__ import annotations

import re
from dataclasses import dataclass

from baton.playbook.fields import Schema

# CEL's string literals (raw and triple-quoted ones too) and comments: what looks like a field in there is none.
_SKIP = "|".join(
    (
        r'''[bB]?[rR][bB]?(?:""".*?"""|"[^"\n]*")''',
        r"""[bB]?[rR][bB]?(?:'''.*?'''|'[^'\n]*')""",
        r'''[bB]?"""(?:[^\\]|\\.)*?"""''',
        r"""[bB]?'''(?:[^\\]|\\.)*?'''""",
        r'''[bB]?"(?:[^"\\\n]|\\.)*"''',
        r"""[bB]?'(?:[^'\\\n]|\\.)*'""",
        r"//[^\n]*",
    )
)
_TOKEN = re.compile(
    rf"(?P<skip>{_SKIP})|(?P<has>\bhas\s*\(\s*)?(?<![\w.])(?P<root>lead)\b(?:\s*\.\s*(?P<field>[A-Za-z_]\w*))?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Names:
    """The fields a condition names, in order of appearance;

    whether its author asks `has()` himself; where `lead` stands bare.
    """

    fields: tuple[str, ...]
    asks_itself: bool
    bare: tuple[int, ...] = ()


def names_in(text: str) -> Names:
    """Reads a condition without judging it. `bare` holds offsets of `lead` without a field behind it."""
    fields: dict[str, None] = {}
    asks, bare = False, []
    for token in _TOKEN.finditer(text):
        if token["skip"] is not None:
            continue
        if token["field"] is None:
            bare.append(token.start("root"))
        else:
            fields[token["field"]] = None
            asks = asks or token["has"] is not None
    return Names(tuple(fields), asks, tuple(bare))


def runnable(text: str, schema: Schema) -> str:
    """The condition as it runs:

    times become `timestamp(…)`, and unless the author asked himself, `has(…)` for each field comes first.

    Times travel as text because a map may not hold a datetime (it makes the whole result an error).
    """
    names = names_in(text)
    body = _TOKEN.sub(lambda token: _timed(token, schema), text)
    guards = () if names.asks_itself else names.fields
    # The line break ends a comment on the author's last line.
    return " && ".join([*(f"has(lead.{name})" for name in guards), f"({body}\n)"])


def _timed(token: re.Match[str], schema: Schema) -> str:
    name = token["field"]
    if token["skip"] is None and token["has"] is None and name is not None and schema.types.get(name) == "timestamp":
        return f"timestamp({token[0]})"
    return token[0]


def field_tokens(text: str) -> list[tuple[str, int]]:
    """Every `lead.<field>` with the offset of the field's name."""
    return [(token["field"], token.start("field")) for token in _TOKEN.finditer(text) if token["field"] is not None]


def plain_tokens(text: str, word: str) -> list[int]:
    """Offsets of a word outside string literals and comments."""
    pattern = re.compile(rf"(?P<skip>{_SKIP})|(?<![\w.])(?P<word>{word})\b", re.DOTALL)
    return [found.start() for found in pattern.finditer(text) if found["word"] is not None]
