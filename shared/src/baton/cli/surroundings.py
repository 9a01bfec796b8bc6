"""What a service that does not answer may lack: looked at from here, by the settings of this shell.

A service waits for its database before it listens, and does not start on a playbook or a store it cannot use; then
nobody answers, and only what is around it tells why.
"""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from baton.cli.ended import read_ends
from baton.cli.finding import Finding
from baton.cli.home import home

ROOM_BYTES = 256 * 1024 * 1024
"""Free space below which a busy day may fill the disk; the log and five stores grow at once."""
CONNECT_SECONDS = 2.0
PORTS = {"kafka": 9092, "postgresql": 5432, "postgresql+asyncpg": 5432}


def look_at_the_disk() -> Iterator[Finding]:
    """Room where BATON_HOME lies, if there is one here."""
    if home().is_dir():
        free = shutil.disk_usage(home()).free
        hint = "docs/runbooks/disk-full.md; what was accepted is safe, and nothing under BATON_HOME may be deleted."
        yield Finding("disk", f"{free // 2**20:,} MB free in {home()}", free >= ROOM_BYTES, hint)


def look_around() -> Iterator[Finding]:
    """Why a service may not have come up: how it ended, the playbook, the database, the brokers."""
    for who, at, why in read_ends(home()):
        hint = "docs/runbooks/stopped-by-itself.md says what to do about which."
        yield Finding(who, f"ended by itself at {at}: {why}", fine=False, hint=hint)
    yield from _playbook()
    for setting in ("BATON_DATABASE_URL", "BATON_BUS"):
        url = os.environ.get(setting, "")
        if "://" in url:
            yield _reached(setting, url)


def _playbook() -> Iterator[Finding]:
    path = os.environ.get("BATON_PLAYBOOK")
    if not path:
        return
    from baton.playbook import PlaybookErrors, load

    try:
        version = load(Path(path)).version
    except PlaybookErrors as faults:
        hint = f"`baton playbook check {path}` lists all of it. A service does not start on it."
        yield Finding("playbook", str(faults.problems[0]), fine=False, hint=hint)
    except OSError as fault:
        yield Finding("playbook", f"{path}: {fault.strerror}", fine=False, hint="BATON_PLAYBOOK names its directory.")
    else:
        yield Finding("playbook", f"{path} is valid, version {version}")


def _reached(setting: str, url: str) -> Finding:
    """Whether somebody listens where the setting points: nothing is said to him, and no password shown."""
    parts = urlsplit(url)
    places = [place.rpartition("@")[2] for place in parts.netloc.split(",")]
    refusals = []
    for place in places:
        at = urlsplit(f"//{place}")
        try:
            port = at.port or PORTS.get(parts.scheme, 0)
            socket.create_connection((at.hostname or "localhost", port), CONNECT_SECONDS).close()
        except (OSError, ValueError) as fault:
            refusals.append(f"{place} ({fault})")
    if len(refusals) == len(places):
        hint = "Is it running, and is the address right? Services wait for it and go on by themselves."
        return Finding(setting, f"nobody listens at {', '.join(refusals)}", fine=False, hint=hint)
    return Finding(setting, f"somebody listens at {len(places) - len(refusals)} of {len(places)} addresses")
