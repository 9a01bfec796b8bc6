"""Results out of parts that may have been measured one at a time: bench/out, docs/performance.md and its plot."""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from bench import plot
from bench.table import OUT, Row, markdown, read_json, write_json
from bench.world import ROOT
from deploy.kafka.run import locked
from deploy.postgres.run import binaries

PAGE = ROOT / "docs" / "performance.md"
PLOT = ROOT / "docs" / "performance.svg"
BEGIN, END = "<!-- what `make bench` found -->", "<!-- the end of it -->"
PACKAGES = ("fastapi", "uvicorn", "uvloop", "aiokafka", "asyncpg", "SQLAlchemy", "pydantic", "orjson")


def keep(part: str, rows: Sequence[Row], seconds: float, pairs: int) -> None:
    """Put a part's rows in the place of what it found last time."""
    write_json(_rows_of(part), rows)
    told = {**machine(), "pairs": pairs, "seconds": round(seconds), "at": datetime.now(UTC).isoformat("T", "seconds")}
    (OUT / "parts" / f"{part}.told.json").write_text(json.dumps(told, indent=2) + "\n")


def _rows_of(part: str) -> Path:
    return OUT / "parts" / f"{part}.json"


def merge(parts: Sequence[str]) -> list[Row]:
    """Write bench/out/results.json (rows) and machine.json (by part: versions, machine, time); return the rows."""
    found = [part for part in parts if _rows_of(part).exists()]
    rows = [row for part in found for row in read_json(_rows_of(part))]
    write_json(OUT / "results.json", rows)
    told = {part: json.loads((OUT / "parts" / f"{part}.told.json").read_text()) for part in found}
    (OUT / "machine.json").write_text(json.dumps(told, indent=2) + "\n")
    return rows


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    kafka = next((name for name in locked() if name.startswith("kafka_2.13-")), "kafka").removesuffix(".jar")
    postgres = subprocess.run([binaries() / "postgres", "--version"], capture_output=True, text=True, check=True)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": f"{platform.system()} {platform.release()}, {os.cpu_count()} cores, {memory:.0f} GiB",
        "versions": {
            "python": platform.python_version(),
            "kafka": kafka.removeprefix("kafka_2.13-"),
            "postgres": postgres.stdout.split()[2],
            **{package: version(package) for package in PACKAGES},
        },
    }


def publish(rows: Sequence[Row]) -> None:
    """Write the table and the plot into docs/."""
    told = json.loads((OUT / "machine.json").read_text())
    newest = max(told.values(), key=lambda part: str(part["at"]))
    versions = ", ".join(f"{name} {number}" for name, number in newest["versions"].items())
    minutes = sum(part["seconds"] for part in told.values()) / 60
    pairs = min(part["pairs"] for part in told.values())
    head = f"{newest['at'][:10]}, {newest['machine']}; {versions}. At least {pairs} pairs a row, {minutes:.0f} minutes."
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{head}\n\n{markdown(rows)}\n{END}{after}")
    PLOT.write_text(plot.svg(rows))
