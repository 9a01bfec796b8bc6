"""The report of a simulation as one HTML file that needs nothing from outside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from baton.cli.faults import Exit, Fault

MOST_LEADS = 500
"""Changed leads on the page; the JSON report has all of them."""


def write_page(path: Path, report: dict[str, Any]) -> None:
    """Write it. Raises Fault where that cannot be."""
    folder = Path(__file__).parent / "templates"
    environment = Environment(loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined)
    html = environment.get_template("simulation.html").render(**report, most=MOST_LEADS)
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as fault:
        raise Fault(f"{path}: {fault.strerror}", code=Exit.USAGE) from fault
