"""docs/playbook.md is a playbook, and names every key there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from baton.playbook import Source, check
from baton.playbook.loading import BESIDE, FILES

PAGE = (Path(__file__).parents[3] / "docs" / "playbook.md").read_text(encoding="utf-8")
BLOCKS = dict(re.findall(r"```yaml\n# (\w+\.yaml)\n(.*?)```", PAGE, re.DOTALL))


def test_the_files_on_the_page_are_a_valid_playbook(tmp_path: Path) -> None:
    for name, text in BLOCKS.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert sorted(BLOCKS) == sorted([f"{name}.yaml" for name in (*FILES, *BESIDE)])
    assert [str(problem) for problem in check(tmp_path)] == []


def keys_of(model: type[BaseModel], seen: set[type[BaseModel]]) -> set[str]:
    if model in seen:
        return set()
    seen.add(model)
    found: set[str] = set()
    for name, field in model.model_fields.items():
        found.add(field.alias or name)
        for inner in models_in(field.annotation):
            found |= keys_of(inner, seen)
    return found


def models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in models_in(part)]


@pytest.mark.parametrize("model", [*FILES.values(), *BESIDE.values(), Source], ids=lambda model: model.__name__)
def test_every_key_stands_on_the_page(model: type[BaseModel]) -> None:
    missing = {key for key in keys_of(model, set()) if not re.search(rf"\b{re.escape(key)}\b", PAGE)}
    assert missing == set()
