"""What types cannot say of stages, exit criteria and questions."""

from __future__ import annotations

from collections.abc import Iterator

from baton.playbook import leadpath
from baton.playbook.pipeline import Pipeline
from baton.playbook.positions import Document, Loc, twice
from baton.playbook.problems import Problem


def check_pipeline(document: Document, pipeline: Pipeline) -> Iterator[Problem]:
    """Names that lead somewhere, words that mean one stage, and details that are asked for once."""
    yield from twice(document, "stages", pipeline.stages)
    yield from twice(document, "questions", pipeline.questions)
    yield from _words(document, pipeline)
    asked: set[str] = set()
    for index, stage in enumerate(pipeline.stages):
        for place, item in enumerate(stage.exit):
            at: Loc = ("stages", index, "exit", place)
            if item.id in asked:
                yield document.problem((*at, "id"), f"{item.id!r} is asked for already")
            asked.add(item.id)
            yield from _path(document, (*at, "path"), item.path)
    known = [stage.id for stage in pipeline.stages]
    for index, question in enumerate(pipeline.questions):
        yield from _path(document, ("questions", index, "path"), question.path)
        if question.by not in known:
            listed = ", ".join(known) or "none"
            yield document.problem(("questions", index, "by"), f"there is no stage {question.by!r}; there are {listed}")


def _words(document: Document, pipeline: Pipeline) -> Iterator[Problem]:
    meant: dict[str, str] = {}
    for index, stage in enumerate(pipeline.stages):
        for word in dict.fromkeys(map(str.casefold, (stage.id, stage.label, *stage.words))):
            other = meant.setdefault(word, stage.id)
            if other != stage.id:
                yield document.problem(("stages", index), f"{word!r} means the stage {other!r} already")


def _path(document: Document, at: Loc, path: str) -> Iterator[Problem]:
    why = leadpath.fault(path)
    if why is None and path.startswith("decision."):
        why = f"{path} comes from the decision and is known to routing.yaml only"
    if why is not None:
        yield document.problem(at, why)
