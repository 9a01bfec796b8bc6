"""Write the dashboards: `python -m deploy.grafana.build --write deploy/grafana/dashboards` (`make dashboards`)."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from deploy.grafana.handoff import HANDOFF
from deploy.grafana.panels import Board, as_json
from deploy.grafana.pipeline import PIPELINE
from deploy.grafana.services import SERVICES
from deploy.grafana.sla import SLA

BOARDS: tuple[Board, ...] = (SLA, HANDOFF, PIPELINE, *SERVICES)


def files() -> dict[str, str]:
    """The text of each file, by its name."""
    return {f"{board.uid}.json": json.dumps(as_json(board), indent=1) + "\n" for board in BOARDS}


def main() -> int:
    """Write them into a folder; what else is JSON there goes."""
    parser = argparse.ArgumentParser(prog="python -m deploy.grafana.build", description=__doc__)
    parser.add_argument("--write", type=Path, required=True, metavar="FOLDER")
    folder: Path = parser.parse_args().write
    folder.mkdir(parents=True, exist_ok=True)
    made = files()
    for stale in {path.name for path in folder.glob("*.json")} - set(made):
        (folder / stale).unlink()
    for name, text in made.items():
        (folder / name).write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
