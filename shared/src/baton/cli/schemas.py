"""The JSON Schemas of all facts, and what of them is promised. `python -m baton.cli.schemas --write FOLDER`.

The schemas are always those of the code. What is promised only grows: every field with its type, once told, stays.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson

from baton.contracts import FACTS, Fact

VERSION = "0.1"
PROMISED = "promised.json"
"""Beside the folder of schemas."""
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(fact: type[Fact]) -> dict[str, Any]:
    """Return the schema of a fact's data, under the name that stands in `ce_dataschema`."""
    schema = fact.model_json_schema(mode="serialization")
    return {"$schema": DIALECT, "$id": f"urn:baton:schema:{fact.type}:{VERSION}", **schema, "title": fact.type}


def written(fact: type[Fact]) -> str:
    """Return the schema as it stands in its file."""
    return orjson.dumps(schema_of(fact), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


Promises = dict[str, dict[str, str]]
"""Fact to the path of each field in it to what is promised of it: `owner.id` → `string, always`."""


def promises_of(schema: dict[str, Any]) -> dict[str, str]:
    """Return what a schema says of each field, however deep: `history[].at`, `external_ids{}`."""
    return dict(sorted(_fields("", schema, schema.get("$defs", {}))))


def _fields(path: str, schema: dict[str, Any], parts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, field in schema.get("properties", {}).items():
        place = f"{path}.{name}".lstrip(".")
        always = name in schema.get("required", ())
        yield place, f"{_type(field, parts)}, {'always' if always else 'may be absent'}"
        yield from _within(place, field, parts)


def _within(place: str, field: dict[str, Any], parts: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for one in field.get("anyOf", [field]):
        known = _resolved(one, parts)
        yield from _fields(place, known, parts)
        for sign, inner in (("[]", known.get("items")), ("{}", known.get("additionalProperties"))):
            if isinstance(inner, dict):
                yield place + sign, _type(inner, parts)
                yield from _within(place + sign, inner, parts)


def _resolved(schema: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = parts[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
    return found


def _type(schema: dict[str, Any], parts: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(sorted(_type(one, parts) for one in schema["anyOf"]))
    known = _resolved(schema, parts)
    words = known.get("enum", [known["const"]] if "const" in known else None)
    if words is not None:
        return "one of " + " ".join(map(str, words))
    return str(known.get("format") or known.get("type") or "any JSON")


def broken(promised: Promises, now: Promises) -> list[str]:
    """Return, in words, every promise that is not kept.

    A field may be added if it may be absent, because the records of yesterday are without it; an enumeration may grow.
    Nothing else may change.
    """
    found = [f"{fact} is gone" for fact in promised.keys() - now.keys()]
    for fact in promised.keys() & now.keys():
        old, new = promised[fact], now[fact]
        found += [
            f"{fact}: {path} was {said!r}, is {new.get(path, 'gone')!r}"
            for path, said in old.items()
            if not _is_kept(said, new.get(path, ""))
        ]
        found += [
            f"{fact}: {path} is new, and always there" for path in new.keys() - old.keys() if _is_asked(path, old, new)
        ]
    return sorted(found)


def _is_kept(said: str, now: str) -> bool:
    if said == now:
        return True
    old, new = said.rpartition("one of "), now.rpartition("one of ")
    (old_words, _, old_always), (new_words, _, new_always) = old[2].partition(","), new[2].partition(",")
    same = old[0] == new[0] and bool(old[1]) and bool(new[1]) and old_always == new_always
    return same and set(old_words.split()) <= set(new_words.split())


def _is_asked(path: str, old: dict[str, str], new: dict[str, str]) -> bool:
    """True if what was there already must now have this field. What is new itself may ask what it likes."""
    parent = path.rpartition(".")[0]
    return new[path].endswith(", always") and (not parent or parent in old)


def promised_with(known: Promises, now: Promises) -> Promises:
    """Return what is promised once `now` is told: all that was, and what is new."""
    return {fact: known.get(fact, {}) | _added(known.get(fact, {}), fields) for fact, fields in sorted(now.items())} | {
        fact: fields for fact, fields in known.items() if fact not in now
    }


def _added(old: dict[str, str], new: dict[str, str]) -> dict[str, str]:
    return {path: said for path, said in new.items() if path not in old or _is_kept(old[path], said)}


def _promised(path: Path) -> Promises:
    return orjson.loads(path.read_bytes()) if path.is_file() else {}


def main() -> int:
    """Write one file a fact into a folder, and add to what is promised."""
    parser = argparse.ArgumentParser(prog="python -m baton.cli.schemas", description=__doc__)
    parser.add_argument("--write", type=Path, required=True, metavar="FOLDER")
    folder: Path = parser.parse_args().write
    folder.mkdir(exist_ok=True)
    for name, fact in FACTS.items():
        (folder / f"{name}.json").write_text(written(fact))
    promised = folder.parent / PROMISED
    now = {name: promises_of(schema_of(fact)) for name, fact in FACTS.items()}
    told = promised_with(_promised(promised), now)
    promised.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS) + b"\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
