"""From a directory of YAML to a Playbook, or to a list of everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from baton.playbook.calendars import Calendars
from baton.playbook.checks import Context, check_playbook, check_source
from baton.playbook.definition import Definition
from baton.playbook.disqualify import Disqualify
from baton.playbook.learned import Learned
from baton.playbook.likeness import write_out
from baton.playbook.nurture import Nurture
from baton.playbook.playbook import Models, Playbook
from baton.playbook.positions import Document, Loc, parse
from baton.playbook.problems import PlaybookErrors, Problem
from baton.playbook.roster import Roster
from baton.playbook.routing import Routing
from baton.playbook.scoring import Scoring
from baton.playbook.signing import Signatures
from baton.playbook.sla import Sla
from baton.playbook.sources import Source, Sources
from baton.playbook.targets import Targets

FILES: dict[str, type[BaseModel]] = {
    "definition": Definition,
    "scoring": Scoring,
    "nurture": Nurture,
    "disqualify": Disqualify,
    "routing": Routing,
    "sla": Sla,
    "sources": Sources,
    "calendars": Calendars,
    "targets": Targets,
}
BESIDE: dict[str, type[BaseModel]] = {"roster": Roster, "signatures": Signatures}
"""Files that may be missing and are no part of the version."""
LEARNED = "learned.json"
"""May be missing; where it is, it is part of the version."""
Model = TypeVar("Model", bound=BaseModel)


def load(path: Path | str) -> Playbook:
    """The playbook in this directory. Raises PlaybookErrors with every error found; warnings do not stop it."""
    playbook, problems = examine(Path(path))
    if playbook is None:
        raise PlaybookErrors(problems)
    return playbook


def check(path: Path | str, environ: Mapping[str, str] | None = None) -> list[Problem]:
    """Every error and warning, sorted by place. With the environment given, secrets nobody has set are warned of."""
    return sorted(examine(Path(path), environ)[1])


def load_source(path: Path | str) -> Source:
    """One source from a file of its own, such as the mapping for a CSV import. Raises PlaybookErrors."""
    problems: list[Problem] = []
    document = _read(Path(path), problems)
    if document is not None:
        document.problems.extend(write_out(document))
        problems.extend(document.problems)
    source = None if document is None else _model(document, Source, problems)
    if document is not None and source is not None:
        problems.extend(check_source(document, (), source, None))
    if source is None or problems:
        raise PlaybookErrors(problems)
    return source


def examine(path: Path, environ: Mapping[str, str] | None = None) -> tuple[Playbook | None, list[Problem]]:
    """A playbook when there are no errors, and all problems either way."""
    problems: list[Problem] = list(_strangers(path))
    documents: dict[str, Document] = {}
    parts: dict[str, BaseModel] = {}
    for name, model in FILES.items():
        _load_part(path / f"{name}.yaml", name, model, documents, parts, problems)
    for name, model in BESIDE.items():
        if (path / f"{name}.yaml").exists():
            _load_part(path / f"{name}.yaml", name, model, documents, parts, problems)
    if (path / LEARNED).exists():
        _load_part(path / LEARNED, "learned", Learned, documents, parts, problems)
    if len(parts) < len(documents) or any(name not in parts for name in FILES):
        return None, problems
    roster, signatures = parts.pop("roster", None), parts.pop("signatures", None)
    # Each part was validated strictly a moment ago; as instances they are taken over as they are.
    playbook = Playbook(
        Models.model_validate(parts),
        roster if isinstance(roster, Roster) else None,
        signatures if isinstance(signatures, Signatures) else Signatures(),
    )
    problems.extend(check_playbook(Context(playbook, documents, environ)))
    refused = any(problem.severity == "error" for problem in problems)
    return (None if refused else playbook), problems


def _load_part(
    file: Path,
    name: str,
    model: type[BaseModel],
    documents: dict[str, Document],
    parts: dict[str, BaseModel],
    problems: list[Problem],
) -> None:
    document = _read(file, problems)
    if document is None:
        return
    documents[name] = document
    if model is Sources:
        document.problems.extend(write_out(document))
    problems.extend(document.problems)
    part = _model(document, model, problems)
    if part is not None:
        parts[name] = part


def _strangers(path: Path) -> list[Problem]:
    if not path.is_dir():
        return [Problem(str(path), 0, 0, "there is no such directory")]
    known = {f"{name}.yaml" for name in (*FILES, *BESIDE)}
    return [
        Problem(file.name, 0, 0, f"not a file of a playbook; those are {', '.join(sorted(known))}")
        for file in sorted(path.iterdir())
        if file.suffix in (".yaml", ".yml") and file.name not in known
    ]


def _read(file: Path, problems: list[Problem]) -> Document | None:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        problems.append(Problem(file.name, 0, 0, "the file is missing"))
    except OSError as fault:
        problems.append(Problem(file.name, 0, 0, f"cannot be read: {fault.strerror}"))
    except UnicodeDecodeError as fault:
        problems.append(Problem(file.name, 0, 0, f"is not UTF-8: {fault.reason} at byte {fault.start}"))
    else:
        return parse(file.name, text)
    return None


def _model(document: Document, model: type[Model], problems: list[Problem]) -> Model | None:
    if document.problems:
        return None
    try:
        # Through JSON, because strict validation of Python values would refuse a list where a tuple is declared.
        return TypeAdapter(model).validate_json(orjson.dumps({} if document.value is None else document.value))
    except ValidationError as faults:
        problems.extend(
            _problem(document, error) for error in faults.errors(include_url=False) if _is_news(document, error)
        )
    except orjson.JSONEncodeError as fault:
        problems.append(Problem(document.file, 1, 1, f"a value is out of range: {fault}"))
    return None


def _is_news(document: Document, error: ErrorDetails) -> bool:
    """A list whose only element was refused is not also too short."""
    return error["type"] != "too_short" or (*error["loc"], 0) not in document.nodes


def _problem(document: Document, error: ErrorDetails) -> Problem:
    loc: Loc = tuple(part for part in error["loc"] if part != "[key]")
    kind, shown = error["type"], ".".join(map(str, loc))
    if kind == "extra_forbidden":
        return document.problem(loc, f"{loc[-1]}: there is no such key here", at_key=True)
    if kind == "missing":
        return document.problem(loc[:-1], f"{loc[-1]} is missing")
    message = error["msg"].removeprefix("Value error, ")
    return document.problem(loc, f"{shown}: {message}" if shown else message)
