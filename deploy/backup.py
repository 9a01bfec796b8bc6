#!/usr/bin/env python3
"""Back up the data of an embedded Baton while it runs, and put a backup back.

    python3 deploy/backup.py save var backups/monday      a consistent copy of all stores and the log, as of one moment
    python3 deploy/backup.py restore backups/monday var   into a home that is empty or missing, with Baton stopped

Standard library only.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path

WAIT_SECONDS = 30


class Refused(Exception):
    """Nothing was done; the text says why."""


def save(home: Path, to: Path) -> list[str]:
    """Copy every database of `home` into the new folder `to`, all as of the same moment; return their names.

    No service can write for the few milliseconds in which that moment is fixed: a store that is older than the log
    would use sequence numbers again, a younger one would stand past its end. Raises Refused.
    """
    stores = sorted(home.glob("*.db"))
    if not stores:
        raise Refused(f"{home} holds no data of Baton")
    if to.exists():
        raise Refused(f"{to} is there already")
    fresh = to.with_name(to.name + ".unfinished")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    with contextlib.ExitStack() as stack:
        for store, source in zip(stores, _at_one_moment(stores, stack), strict=True):
            _copy(source, fresh / store.name)
    if (token := home / "token").exists():
        shutil.copy2(token, fresh / "token")
    fresh.rename(to)
    return [store.name for store in stores]


def restore(backup: Path, home: Path) -> list[str]:
    """Put a backup into `home`, which must be empty or missing. Raises Refused."""
    stores = sorted(backup.glob("*.db"))
    if not stores:
        raise Refused(f"{backup} is no backup")
    if home.exists() and any(home.iterdir()):
        raise Refused(f"{home} is not empty: stop Baton and move it aside first")
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    for file in [*stores, *backup.glob("token")]:
        shutil.copy2(file, home / file.name)
    return [store.name for store in stores]


def _at_one_moment(stores: Sequence[Path], stack: contextlib.ExitStack) -> list[sqlite3.Connection]:
    """Connections that all see their database as it was at one and the same moment."""
    with contextlib.ExitStack() as locks:
        for store in stores:
            writer = locks.enter_context(contextlib.closing(_open(store)))
            writer.execute("BEGIN IMMEDIATE")
        readers = [stack.enter_context(contextlib.closing(_open(store))) for store in stores]
        for reader in readers:
            reader.execute("BEGIN")
            reader.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return readers


def _open(store: Path) -> sqlite3.Connection:
    return sqlite3.connect(store, timeout=WAIT_SECONDS, isolation_level=None)


def _copy(source: sqlite3.Connection, to: Path) -> None:
    with contextlib.closing(sqlite3.connect(to)) as target:
        source.backup(target)
        (verdict,) = target.execute("PRAGMA integrity_check").fetchone()
    if verdict != "ok":
        raise Refused(f"the copy {to} is damaged: {verdict}")
    to.chmod(0o600)
    with to.open("rb") as file:
        os.fsync(file.fileno())


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("save", "restore"))
    parser.add_argument("source", type=Path, metavar="FROM")
    parser.add_argument("target", type=Path, metavar="TO")
    given = parser.parse_args()
    try:
        names = {"save": save, "restore": restore}[given.what](given.source, given.target)
    except (Refused, OSError, sqlite3.Error) as why:
        print(f"backup: {why}", file=sys.stderr)
        return 1
    print(f"{given.what}d {len(names)} databases in {given.target}: {', '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
