"""YAML with the place of every key and value, so that each fault can be pointed at."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from baton.playbook.problems import Problem

# A playbook of 10,000 routing rules is about 2 MB.
MOST_BYTES = 8_000_000
_INT, _FLOAT, _BOOL, _NULL, _STR = (f"tag:yaml.org,2002:{name}" for name in ("int", "float", "bool", "null", "str"))
_TIME = "tag:yaml.org,2002:timestamp"

Loc = tuple[str | int, ...]


@dataclass
class Document:
    """A parsed file: plain values, and where each stands."""

    file: str
    text: str
    value: Any = None
    nodes: dict[Loc, Node] = field(default_factory=dict)
    keys: dict[Loc, Node] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def problem(self, loc: Loc, message: str, *, at_key: bool = False, severity: Any = "error") -> Problem:
        """A problem at the value (or key) that stands at `loc`, or at the closest place above it."""
        line, column = self.place(loc, at_key=at_key)
        return Problem(self.file, line, column, message, severity)

    def place(self, loc: Loc, *, at_key: bool = False) -> tuple[int, int]:
        """Line and column, from 1."""
        if at_key and loc in self.keys:
            return _start(self.keys[loc])
        while loc and loc not in self.nodes:
            loc = loc[:-1]
        return _start(self.nodes[loc]) if loc in self.nodes else (1, 1)

    def inside(self, loc: Loc, offset: int) -> tuple[int, int]:
        """Line and column of the character at `offset` of the text value at `loc`, whatever its style of quoting."""
        node = self.nodes.get(loc)
        if not isinstance(node, ScalarNode):
            return self.place(loc)
        at = _align(self.text, node, offset)
        line = self.text.count("\n", 0, at) + 1
        return line, at - (self.text.rfind("\n", 0, at) + 1) + 1


def twice(document: Document, group: str, items: Iterable[Any], key: str = "id") -> Iterator[Problem]:
    """Each item of a list whose name was already taken."""
    seen: dict[Any, int] = {}
    for index, item in enumerate(items):
        name = getattr(item, key)
        if name in seen:
            line = document.place((group, seen[name], key))[0]
            yield document.problem((group, index, key), f"{name!r} is taken: it stands in line {line}")
        seen.setdefault(name, index)


def parse(file: str, text: str) -> Document:
    """The document; faults of YAML itself, anchors, duplicate keys and odd types are in `problems`."""
    document = Document(file, text)
    if len(text.encode("utf-8", "surrogatepass")) > MOST_BYTES:
        document.problems.append(Problem(file, 1, 1, f"larger than {MOST_BYTES} bytes"))
        return document
    try:
        root = YAML(typ="safe", pure=True).compose(text)
        if root is not None:
            document.value = _build(document, root, ())
    except MarkedYAMLError as fault:
        mark = fault.problem_mark or fault.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        document.problems.append(Problem(file, line, column, f"not YAML: {fault.problem or fault.context}"))
    except RecursionError:
        document.problems.append(Problem(file, 1, 1, "nested too deeply"))
    except (YAMLError, ValueError) as fault:
        document.problems.append(Problem(file, 1, 1, f"not YAML: {str(fault).splitlines()[0]}"))
    return document


def _build(document: Document, node: Node, loc: Loc) -> Any:
    document.nodes[loc] = node
    if node.anchor is not None:
        # Not walked into: a few lines of aliases can stand for more values than there is memory.
        document.problems.append(document.problem(loc, "anchors and aliases are refused: write it out"))
        return None
    if isinstance(node, MappingNode):
        return _mapping(document, node, loc)
    if isinstance(node, SequenceNode):
        return [_build(document, item, (*loc, index)) for index, item in enumerate(node.value)]
    return _scalar(document, node, loc) if isinstance(node, ScalarNode) else None


def _mapping(document: Document, node: MappingNode, loc: Loc) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = key_node.value
        line, column = _start(key_node)
        if not isinstance(key_node, ScalarNode) or key == "<<":
            document.problems.append(Problem(document.file, line, column, "a key is a word; merging is refused"))
            continue
        if key in found:
            first = document.place((*loc, key), at_key=True)[0]
            message = f"{key!r} stands here twice, first in line {first}"
            document.problems.append(Problem(document.file, line, column, message))
            continue
        document.keys[(*loc, key)] = key_node
        found[key] = _build(document, value_node, (*loc, key))
    return found


def _scalar(document: Document, node: ScalarNode, loc: Loc) -> Any:
    text = node.value
    match str(node.tag):
        case tag if tag == _NULL:
            return None
        case tag if tag == _BOOL:
            return text.casefold() == "true"
        case tag if tag == _INT:
            return int(text.replace("_", ""), 0) if text.lstrip("+-")[:1] == "0" else int(text.replace("_", ""))
        case tag if tag == _FLOAT:
            return _float(document, text, loc)
        case tag if tag in (_STR, _TIME):
            return text
    document.problems.append(document.problem(loc, f"the tag {node.tag} is refused"))
    return text


def _float(document: Document, text: str, loc: Loc) -> float:
    number = float(text.replace("_", "").replace(".inf", "inf").replace(".nan", "nan").replace(".Inf", "inf"))
    if not math.isfinite(number):
        document.problems.append(document.problem(loc, f"{text} is not a number one can count with"))
        return 0.0
    return number


def _start(node: Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _align(text: str, node: ScalarNode, offset: int) -> int:
    """The index in the file of a character of the value: both are walked side by side, skipping indents and escapes."""
    at = int(node.start_mark.index)
    stop = int(node.end_mark.index)
    if node.style in ("|", ">"):
        at = text.find("\n", at) + 1
    elif node.style in ("'", '"'):
        at += 1
    for wanted in node.value[:offset]:
        at = _past(text, at, stop, wanted)
    upcoming = node.value[offset : offset + 1]
    if upcoming and not upcoming.isspace():
        while at < stop and text[at] != upcoming:
            at += 1
    return min(at, stop)


def _past(text: str, at: int, stop: int, wanted: str) -> int:
    if wanted.isspace():
        while at < stop and not text[at].isspace():
            at += 1
        if text[at : at + 1] != "\n" and wanted != "\n":
            return at + 1
        at += 1
        while at < stop and text[at] == " " and wanted != "\n":
            at += 1
        return at
    while at < stop and text[at] != wanted:
        at += 1
    return at + 1
