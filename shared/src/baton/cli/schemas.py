"""The JSON Schemas of all facts, as committed beside the contracts. `python -m baton.cli.schemas --write FOLDER`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import orjson

from baton.contracts import FACTS, Fact

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(fact: type[Fact]) -> dict[str, Any]:
    """Return the schema of a fact's data, under the name that stands in `ce_dataschema`."""
    schema = fact.model_json_schema(mode="serialization")
    return {"$schema": DIALECT, "$id": f"urn:baton:schema:{fact.type}:0.1", **schema, "title": fact.type}


def written(fact: type[Fact]) -> str:
    """Return the schema as it stands in its file."""
    return orjson.dumps(schema_of(fact), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


def main() -> int:
    """Write one file a fact into a folder."""
    parser = argparse.ArgumentParser(prog="python -m baton.cli.schemas", description=__doc__)
    parser.add_argument("--write", type=Path, required=True, metavar="FOLDER")
    folder: Path = parser.parse_args().write
    folder.mkdir(exist_ok=True)
    for name, fact in FACTS.items():
        (folder / f"{name}.json").write_text(written(fact))
    return 0


if __name__ == "__main__":
    sys.exit(main())
