#!/usr/bin/env python3
"""A PostgreSQL server on this machine without Docker, from whatever server binaries are installed.

    run.py start [--home var/dev/postgres] [--port 15432]   starts it with five databases, prints BATON_DATABASE_URL
    run.py stop | status [--home …]

It listens on 127.0.0.1 only and trusts whoever comes from there: for development and tests, not for anything else.
PostgreSQL refuses to run as root; then it runs as the user `postgres` or `nobody`.
Standard library only: tests import it too.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SERVICES = ("intake", "scoring", "routing", "sla-monitor", "reporting")
DEFAULT_HOME, DEFAULT_PORT = Path("var/dev/postgres"), 15432
SUPERUSER = "baton"


class PostgresUnavailable(Exception):
    """PostgreSQL cannot run here; the text says what is missing."""


def binaries() -> Path:
    """Folder with initdb and pg_ctl: on PATH, else the newest of Debian's. Raises PostgresUnavailable."""
    if on_path := shutil.which("initdb"):
        return Path(on_path).resolve().parent
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if not found:
        raise PostgresUnavailable("no initdb found: install a PostgreSQL server (Debian: postgresql)")
    return found[-1].parent


def unprivileged() -> str | None:
    """The user PostgreSQL runs as when we are root; None when we are not."""
    if os.name == "nt" or os.getuid() != 0:
        return None
    import pwd

    known = {entry.pw_name for entry in pwd.getpwall()}
    for name in ("postgres", "nobody"):
        if name in known:
            return name
    raise PostgresUnavailable("PostgreSQL cannot run as root, and there is neither a user postgres nor nobody")


@dataclass(frozen=True)
class Postgres:
    """One server whose data and log lie under `home`; it outlives the process that started it."""

    home: Path
    port: int = DEFAULT_PORT
    durable: bool = True
    more: tuple[tuple[str, str], ...] = ()
    """Further settings of the server."""

    def url(self, database: str, driver: str = "postgresql+asyncpg") -> str:
        return f"{driver}://{SUPERUSER}@127.0.0.1:{self.port}/{database}"

    @property
    def data(self) -> Path:
        return self.home / "data"

    def call(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        user = unprivileged()
        rights: dict[str, Any] = {"user": user, "group": primary_group(user), "extra_groups": []} if user else {}
        # Output goes to a file, not a pipe: the server inherits it and would keep a pipe open for ever.
        out = self.home / "last-command.log"
        with out.open("w+") as log:
            done = subprocess.run(
                [str(binaries() / program), *arguments],
                cwd=self.home,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                check=False,
                **rights,
            )
        return subprocess.CompletedProcess(done.args, done.returncode, out.read_text(), "")

    def create(self) -> None:
        """Make the cluster unless it is there."""
        self.home.mkdir(parents=True, exist_ok=True)
        if user := unprivileged():
            shutil.chown(self.home, user)
        if (self.data / "PG_VERSION").exists():
            return
        flags = ["--auth=trust", f"--username={SUPERUSER}", "--encoding=UTF8", "--no-locale"]
        flags += [] if self.durable else ["--no-sync"]
        done = self.call("initdb", "-D", str(self.data), *flags)
        if done.returncode:
            raise PostgresUnavailable("initdb failed: " + done.stdout.strip()[-500:])

    def start(self) -> None:
        """Afterwards it accepts connections. Does nothing when it runs already. Raises PostgresUnavailable."""
        self.create()
        if self.running():
            return
        settings = {"listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": ""}
        settings |= {"max_connections": 300, "shared_buffers": "64MB"}
        if not self.durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        settings |= dict(self.more)
        options = " ".join(f"-c {name}='{value}'" for name, value in settings.items())
        log = self.home / "postgres.log"
        done = self.call("pg_ctl", "-D", str(self.data), "-w", "-t", "60", "-l", str(log), "-o", options, "start")
        if done.returncode:
            tail = log.read_text()[-1500:] if log.exists() else done.stdout
            raise PostgresUnavailable(f"PostgreSQL did not start; the end of {log}:\n{tail}")

    def running(self) -> bool:
        return self.data.exists() and self.call("pg_ctl", "-D", str(self.data), "status").returncode == 0

    def stop(self, mode: str = "fast") -> None:
        """Stop it and wait; data stays. `immediate` is for tests of crashes."""
        if self.running():
            self.call("pg_ctl", "-D", str(self.data), "-w", "-m", mode, "stop")

    def create_databases(self, names: tuple[str, ...] = SERVICES) -> None:
        """Make each database that is not there yet."""
        for name in names:
            done = self.call("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", SUPERUSER, name)
            if done.returncode and "already exists" not in done.stdout:
                raise PostgresUnavailable("createdb failed: " + done.stdout.strip())


def primary_group(user: str | None) -> int | None:
    import pwd

    return pwd.getpwnam(user).pw_gid if user else None


def reachable(home: Path) -> Path:
    """`home`, unless we are root and the user PostgreSQL runs as cannot get there: then a folder under /var/tmp."""
    home = home.resolve()
    if unprivileged() is None or all(parent.stat().st_mode & 0o001 for parent in home.parents if parent.exists()):
        return home
    return Path("/var/tmp") / f"baton-postgres-{hashlib.sha256(str(home).encode()).hexdigest()[:12]}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["start", "stop", "status"])
    parser.add_argument("--home", type=Path, default=DEFAULT_HOME)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    arguments = parser.parse_args()
    try:
        return run(arguments.verb, Postgres(reachable(arguments.home), arguments.port))
    except PostgresUnavailable as why:
        print(f"postgres: {why}", file=sys.stderr)
        return 1


def run(verb: str, postgres: Postgres) -> int:
    if verb == "stop":
        postgres.stop()
    elif verb == "start":
        postgres.start()
        postgres.create_databases()
        print(f"export BATON_DATABASE_URL={postgres.url('<service>')}   # one database each: {', '.join(SERVICES)}")
    else:
        print("running" if postgres.running() else "stopped")
        return 0 if postgres.running() else 3
    return 0


if __name__ == "__main__":
    sys.exit(main())
