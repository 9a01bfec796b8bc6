"""Where an embedded Baton keeps its things, seen from the command line: the directory, the admin token, the address."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from baton.cli.faults import Fault

DEFAULT_HOME = "var"


def home() -> Path:
    """BATON_HOME, by default `var` in the working directory."""
    return Path(os.environ.get("BATON_HOME") or DEFAULT_HOME)


def token_file(at: Path) -> Path:
    """Where `baton up` keeps the admin token."""
    return at / "token"


def read_token(at: Path) -> str | None:
    """The admin token, or None if there is none. Raises Fault when it may not be read."""
    try:
        return token_file(at).read_text().strip() or None
    except FileNotFoundError:
        return None
    except OSError as fault:
        raise Fault(f"{token_file(at)} cannot be read: {fault.strerror}", "Give the token in BATON_TOKEN.") from fault


def url_file(at: Path) -> Path:
    """Where `baton up` notes under which URL it listens, so that commands find it on whatever port."""
    return at / "url"


def read_url(at: Path) -> str | None:
    """The URL an embedded Baton on this home listens on, or listened on last; None if there was none."""
    try:
        return url_file(at).read_text().strip() or None
    except OSError:
        return None


def readable_by_others(path: Path) -> bool:
    """True if somebody other than the owner may read the file. Never true where there are no such modes."""
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))
