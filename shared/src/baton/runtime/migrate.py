"""Migrations: each service's own Alembic history, run in a child process before it serves.

`python -m baton.runtime.migrate <service>` upgrades the store named by the settings. Replicas that start together
wait for
each other on an advisory lock (Postgres) or on SQLite's write lock.
"""

from __future__ import annotations

import asyncio
import os
import sys
from importlib.util import find_spec
from pathlib import Path

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from baton.runtime.failures import STORE_AWAY
from baton.runtime.settings import Settings
from baton.runtime.store.port import NotNow, sqlite_engine, translated

_LOCK = 8_041_977  # any number, the same for everyone who migrates a Baton database


def migrations_of(service: str) -> Path:
    """Return the service's migrations folder: inside the installed package, or beside `src` in a checkout."""
    spec = find_spec(f"baton.{service.replace('-', '_')}")
    if spec is None or spec.origin is None:
        raise LookupError(f"the service {service} is not installed")
    package = Path(spec.origin).parent
    places = (package / "migrations", package.parents[2] / "migrations")
    for place in places:
        if (place / "env.py").exists():
            return place
    raise LookupError(f"the service {service} has no migrations in {places[0]} or {places[1]}")


def config_of(service: str, connection: Connection) -> Config:
    """Return Alembic's configuration for one service on an open connection."""
    config = Config()
    config.set_main_option("script_location", str(migrations_of(service)).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


async def migrate_now(service: str, url: str) -> None:
    """Bring the store at `url` to the newest version, in this process. Safe when several do it at once."""
    if url.startswith("sqlite"):
        path = Path(url.split("///", 1)[1])
        path.parent.mkdir(parents=True, exist_ok=True)
        engine = sqlite_engine(path)
        try:
            with engine.begin() as connection:
                command.upgrade(config_of(service, connection), "head")
        finally:
            engine.dispose()
    else:
        await _migrate_postgres(service, url)


async def _migrate_postgres(service: str, url: str) -> None:
    def upgrade(connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:n)"), {"n": _LOCK})
        command.upgrade(config_of(service, connection), "head")

    engine = create_async_engine(url)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(upgrade)
    finally:
        await engine.dispose()


def run_env(metadata: MetaData) -> None:
    """What a service's `env.py` calls: run the migrations on the connection that was handed over."""
    connection = context.config.attributes["connection"]
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


def _why(problem: Exception) -> str:
    root = os.environ.get("PGSSLROOTCERT")
    if isinstance(problem, FileNotFoundError) and root and not Path(root).exists():
        return f"PGSSLROOTCERT: {root}: No such file"  # the driver does not say which
    return f"{type(problem).__name__}: {problem}".rstrip(": ")


def main() -> int:
    """Migrate the services named on the command line."""
    settings = Settings()
    for service in sys.argv[1:]:
        try:
            asyncio.run(migrate_now(service, settings.store_url(service)))
        except (OSError, TimeoutError, DBAPIError) as problem:
            away = translated(problem) if isinstance(problem, DBAPIError) else NotNow(_why(problem))
            if not isinstance(away, NotNow):
                raise
            sys.stderr.write(f"the store of {service} cannot be reached: {away}\n")
            return STORE_AWAY
    return 0


if __name__ == "__main__":
    sys.exit(main())
