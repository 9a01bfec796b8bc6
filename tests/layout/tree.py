"""The files of the workspace as git sees them: what is tracked, and what would be."""

from __future__ import annotations

import shutil
import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SERVICES = ("intake", "scoring", "routing", "sla-monitor", "reporting")
SHARED = ("contracts", "runtime", "playbook", "calendars", "values", "cli")
LEFT_ALONE = {".git", ".venv", "var", "__pycache__", "node_modules", ".mypy_cache", ".ruff_cache", ".pytest_cache"}


@cache
def files() -> tuple[Path, ...]:
    """Every file that is tracked or would be if added now; relative to the root."""
    if shutil.which("git") and (ROOT / ".git").exists():
        command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
        found = [Path(name) for name in names if name and (ROOT / name).is_file()]
    else:
        found = [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]
    return tuple(sorted(path for path in found if not LEFT_ALONE & set(path.parts)))


def python_files() -> list[Path]:
    return [path for path in files() if path.suffix == ".py"]


def package(service: str) -> Path:
    """Folder of a service's package, relative to the root."""
    return Path("services", service, "src", "baton", service.replace("-", "_"))
