"""A draft as somebody posts it: the files that change, the others as they are in force."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import orjson

from baton.playbook.loading import FILES, load
from baton.playbook.playbook import Playbook


def drafted(current: Playbook, files: Mapping[str, str]) -> Playbook:
    """The playbook in force with these files instead, by name. Raises PlaybookErrors as `load` does.

    Files that are not given are written as JSON, which is YAML: faults in them (a rule that names a field the draft
    took away) are told by the line and column of that.
    """
    document = current.document()
    with TemporaryDirectory(prefix="baton-draft-") as folder:
        for name in FILES:
            (Path(folder) / f"{name}.yaml").write_bytes(orjson.dumps(document[name], option=orjson.OPT_INDENT_2))
        for name, text in files.items():
            (Path(folder) / Path(name).name).write_text(text, encoding="utf-8")
        return load(folder)
