"""Judging CEL texts where they stand in the YAML."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator

from cel_expr_python import cel

from baton.playbook.fields import Schema
from baton.playbook.positions import Document, Loc
from baton.playbook.problems import Problem
from baton.playbook.rewrite import field_tokens, names_in, plain_tokens, runnable

_ERROR = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_OVERLOAD = re.compile(r"found no matching overload for '(?P<op>.+?)' applied to '\((?P<types>.*)\)'")
_UNDECLARED = re.compile(r"undeclared reference to '(?P<name>[^']+)'")
_WRAPPER = re.compile(r"wrapper\((\w+)\)")


def check_condition(document: Document, loc: Loc, text: str, schema: Schema, run: cel.Env) -> Iterator[Problem]:
    """Typos, types and `has()` of a condition over `lead`; and that what will run is accepted too."""
    refused = list(_names(document, loc, text, schema))
    yield from refused
    if refused:
        return
    faults = list(_compile(document, loc, text, schema.check_environment, ("BOOL",), "a condition is true or false"))
    yield from faults
    if faults:
        return
    try:
        program = run.compile(runnable(text, schema))
    except RuntimeError as fault:
        yield document.problem(loc, f"cannot be run as written: {_first_line(fault)}")
        return
    if not names_in(text).fields and program.eval(data={"lead": {}}).value() is not True:
        yield document.problem(loc, "never true, whatever the lead")


def check_formula(document: Document, loc: Loc, text: str, environment: cel.Env) -> Iterator[Problem]:
    """A formula over doubles."""
    yield from _compile(document, loc, text, environment, ("DOUBLE",), "a formula is a number with a decimal point")


def check_untyped(document: Document, loc: Loc, text: str, environment: cel.Env) -> Iterator[Problem]:
    """The syntax of CEL over data nobody has typed."""
    yield from _compile(document, loc, text, environment, (), "")


def _names(document: Document, loc: Loc, text: str, schema: Schema) -> Iterator[Problem]:
    for name, offset in field_tokens(text):
        if name not in schema.types:
            close = difflib.get_close_matches(name, schema.types, 1)
            hint = f"; did you mean {close[0]!r}?" if close else "; fields are declared in definition.yaml"
            yield _at(document, loc, offset, f"lead has no field {name!r}{hint}")
    for offset in names_in(text).bare:
        yield _at(document, loc, offset, "`lead` is written with a field behind it: lead.country")
    for offset in plain_tokens(text, "null"):
        yield _at(document, loc, offset, "nothing is ever null: what is missing is unknown; write has(lead.field)")


def _compile(
    document: Document, loc: Loc, text: str, environment: cel.Env, types: tuple[str, ...], otherwise: str
) -> Iterator[Problem]:
    try:
        found = environment.compile(text).return_type()
    except (RuntimeError, ValueError) as fault:
        yield from _faults(document, loc, text, str(fault))
        return
    if types and found.name() not in types:
        yield document.problem(loc, f"{otherwise}; this is {found.name().lower()}")


def _faults(document: Document, loc: Loc, text: str, report: str) -> Iterator[Problem]:
    found = _ERROR.findall(report)
    for line, column, message in found:
        offset = _offset(text, int(line), int(column))
        yield _at(document, loc, offset, _plain(message, text, offset))
    if not found:
        yield document.problem(loc, report.splitlines()[0].replace(" [INVALID_ARGUMENT]", ""))


def _plain(message: str, text: str, offset: int) -> str:
    message = message.removesuffix(" [INVALID_ARGUMENT]").strip()
    if overload := _OVERLOAD.match(message):
        types = _WRAPPER.sub(r"\1", overload["types"])
        operator = overload["op"].replace("_", " ").strip()
        return f"{operator} does not take ({types}){_number_hint(types, text, offset)}"
    if undeclared := _UNDECLARED.match(message):
        return f"{undeclared['name']!r} is not known here; fields are written lead.<name>"
    if message.startswith("Syntax error"):
        return re.sub(r" expecting \{.*", "", message).replace("'<EOF>'", "the end of the text")
    return message


def _number_hint(types: str, text: str, offset: int) -> str:
    """CEL never mixes whole numbers with decimals; says how to write the one that is nearest."""
    kinds = {kind.strip() for kind in types.split(",")}
    if kinds != {"int", "double"}:
        return ""
    whole = list(re.finditer(r"(?<![\w.])\d+(?![\w.])", text))
    decimal = list(re.finditer(r"(?<![\w.])(\d+)\.0*(?!\w)", text))
    numbers = whole or decimal
    if not numbers:
        return "; write double(…) around the whole number"
    nearest = min(numbers, key=lambda number: abs(number.start() - offset))
    return f"; write {nearest[0]}.0" if whole else f"; write {nearest[1]}"


def _offset(text: str, line: int, column: int) -> int:
    lines = text.split("\n")
    return sum(len(before) + 1 for before in lines[: line - 1]) + column - 1


def _at(document: Document, loc: Loc, offset: int, message: str) -> Problem:
    line, column = document.inside(loc, offset)
    return Problem(document.file, line, column, message)


def _first_line(fault: Exception) -> str:
    found = _ERROR.search(str(fault))
    return found[3] if found else str(fault).splitlines()[0]
