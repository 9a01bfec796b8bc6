"""Services and their databases may start in any order."""

from __future__ import annotations

import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text
from sqlalchemy.engine import make_url

from baton.runtime.failures import STORE_AWAY, NotNow
from baton.runtime.store import open_store

NOBODY = "postgresql+asyncpg://baton@127.0.0.1:9/baton"  # the discard port: nothing listens there


def away(home: Path) -> dict[str, str]:
    return {**os.environ, "BATON_DATABASE_URL": NOBODY, "BATON_BUS": "kafka://127.0.0.1:9", "BATON_HOME": str(home)}


def test_a_migration_whose_store_is_away_says_so_in_one_line_and_by_its_code(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "baton.runtime.migrate", "scoring"]
    done = subprocess.run(command, env=away(tmp_path), capture_output=True, text=True, timeout=60)
    assert done.returncode == STORE_AWAY
    (line,) = done.stderr.splitlines()
    assert line.startswith("the store of scoring cannot be reached: ConnectionRefusedError: ")


def test_a_migration_waits_for_a_store_that_recovers_from_a_crash(tmp_path: Path) -> None:
    """It answers then, and lets nobody in: under faults processes ended over it."""
    words = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is not yet accepting connections\0\0"

    def recover() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                while len(asked := connection.recv(8192)) == 8:  # may it be encrypted?
                    connection.sendall(b"N")
                if asked:
                    connection.sendall(b"E" + struct.pack("!i", len(words) + 4) + words)

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=recover, daemon=True).start()
        url = f"postgresql+asyncpg://baton@127.0.0.1:{server.getsockname()[1]}/baton"
        command = [sys.executable, "-m", "baton.runtime.migrate", "scoring"]
        environment = {**away(tmp_path), "BATON_DATABASE_URL": url}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        server.shutdown(socket.SHUT_RDWR)
    assert done.returncode == STORE_AWAY, done.stderr
    assert "not yet accepting connections" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_service_waits_for_a_store_that_is_away(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "baton.cli.main", "run", "scoring"]
    environment = {**away(tmp_path), "BATON_PORT": "0", "BATON_TOKENS": ""}
    log = tmp_path / "log"
    with log.open("wb") as output:
        service = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
    try:
        give_up = time.monotonic() + 40
        while log.read_text().count('"store_away"') < 2 and time.monotonic() < give_up:
            assert service.poll() is None, log.read_text()
            time.sleep(0.1)
        assert log.read_text().count('"store_away"') >= 2
        assert "Traceback" not in log.read_text()
    finally:
        service.send_signal(signal.SIGTERM)
        service.wait(20)


async def test_a_database_that_lets_nobody_in_or_is_not_there_is_away_and_no_fault_of_ours(postgres: Any) -> None:
    url = str(postgres.new_database())
    there = make_url(url)
    other = there.set(drivername="postgresql", database="postgres").render_as_string(hide_password=False)
    close = sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(sql.Identifier(str(there.database)))
    with psycopg.connect(other, autocommit=True) as connection:
        connection.execute(close)
    absent = there.set(database="nowhere").render_as_string(hide_password=False)
    for address in (url, absent):
        store = open_store(address)
        for ask in (store.read, store.write):
            with pytest.raises(NotNow):
                await ask(lambda tx: tx.execute(text("SELECT 1")).scalar())
        await store.close()
