"""Recorded requests: a folder of bodies, each with a `.meta.json` that says how it came and what is expected of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from baton.cli.faults import Exit, Fault

SUFFIX = ".meta.json"


@dataclass(frozen=True)
class Recorded:
    """One recorded request."""

    name: str
    meta: Mapping[str, Any]
    body: bytes
    fetched: Any = None
    """What the platform answered when it was asked for the rest; None where nothing has to be fetched."""

    @property
    def request(self) -> dict[str, Any]:
        """As a trial takes it."""
        return {
            "method": self.meta.get("method", "POST"),
            "url": self.meta.get("url", ""),
            "headers": dict(self.meta.get("headers") or {}),
            "body": self.body,
            "received_at": float(self.meta.get("received_at", 0)),
            "secrets": secrets_of(self.meta.get("secret")),
        }

    @property
    def expected(self) -> Mapping[str, Any]:
        """What is expected: lead_count and leads."""
        return self.meta.get("expected") or {}

    @property
    def documents(self) -> tuple[bytes, Any]:
        """What was fetched; and the rows of a second document, which a recording has under a key that begins with _."""
        document = self.fetched if isinstance(self.fetched, dict) else {}
        rows = next((value for key, value in document.items() if key.startswith("_")), None)
        return orjson.dumps({key: value for key, value in document.items() if not key.startswith("_")}), rows

    def source(self, known: Sequence[str]) -> str | None:
        """The source it is of: `source_id`, else the one of whose id and a number its name is made."""
        given = self.meta.get("source_id")
        if isinstance(given, str):
            return given if given in known else None
        fitting = [one for one in known if self.name == one or self.name.startswith(f"{one}-")]
        return max(fitting, key=len, default=None)


def secrets_of(secret: Any) -> list[bytes]:
    """The secret as a source would have it: text, or the parts of one with colons between; nothing for none."""
    if isinstance(secret, Mapping):
        return [":".join(map(str, secret.values())).encode()]
    if isinstance(secret, list):
        return [one for part in secret for one in secrets_of(part)]
    return [str(secret).encode()] if secret else []


def recorded_in(folder: Path) -> Iterator[Recorded]:
    """The requests of a folder, by name. Raises Fault for a folder or a file that is none of this."""
    metas = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not metas:
        raise Fault(f"{folder}: no *{SUFFIX} there", "A recorded request is a body and its .meta.json.", Exit.USAGE)
    for file in metas:
        yield read_recorded(file)


def read_recorded(file: Path) -> Recorded:
    """One request from its `.meta.json`. Raises Fault."""
    name = file.name.removesuffix(SUFFIX)
    try:
        meta = orjson.loads(file.read_bytes())
        if not isinstance(meta, dict):
            raise Fault(f"{file}: not an object", code=Exit.USAGE)
        body = b"" if not meta.get("body_file") else (file.parent / meta["body_file"]).read_bytes()
        fetched = file.parent / f"{name}.fetch.json"
        return Recorded(name, meta, body, orjson.loads(fetched.read_bytes()) if fetched.exists() else None)
    except (OSError, orjson.JSONDecodeError) as fault:
        raise Fault(f"{file}: {fault}", code=Exit.USAGE) from fault
