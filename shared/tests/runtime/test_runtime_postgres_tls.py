"""Into a PostgreSQL over TLS: whoever signed its certificate, and its name, are checked as the URL asks."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from baton.runtime.failures import NotNow
from baton.runtime.migrate import migrate_now
from baton.runtime.store import open_store
from deploy.kafka.run import free_port
from deploy.postgres.run import Postgres, PostgresUnavailable, binaries, reachable, unprivileged
from tests.world.plugin import leave_out
from tests.world.servers import stopped_afterwards

DATABASE = "scoring"
HOW = "SELECT ssl, version FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


def openssl(folder: Path, *arguments: str) -> None:
    subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)


def authority(folder: Path, name: str) -> None:
    """An authority of one's own: `name.pem` and `name.key`."""
    made = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={name}")
    openssl(folder, *made, "-keyout", f"{name}.key", "-out", f"{name}.pem")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ours.pem` has signed `server.pem`, which is for 127.0.0.1 alone; `other.pem` has not."""
    folder = tmp_path_factory.mktemp("tls")
    authority(folder, "ours")
    authority(folder, "other")
    wish = ("req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=baton test", "-keyout", "server.key")
    openssl(folder, *wish, "-out", "server.csr")
    (folder / "names").write_text("subjectAltName=IP:127.0.0.1")
    signed = ("x509", "-req", "-in", "server.csr", "-CA", "ours.pem", "-CAkey", "ours.key", "-CAcreateserial")
    openssl(folder, *signed, "-days", "2", "-extfile", "names", "-out", "server.pem")
    return folder


@pytest.fixture(scope="module")
def port(certificates: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Where a real PostgreSQL listens that speaks TLS."""
    try:
        binaries()
        home = reachable(tmp_path_factory.mktemp("postgres"))
        home.mkdir(parents=True, exist_ok=True)
        for name in ("server.pem", "server.key"):
            shutil.copy(certificates / name, home / name)
            (home / name).chmod(0o600)
            if user := unprivileged():
                shutil.chown(home / name, user)
        tls = (("ssl", "on"), ("ssl_cert_file", str(home / "server.pem")), ("ssl_key_file", str(home / "server.key")))
        server = Postgres(home, free_port(), durable=False, more=tls)
        with stopped_afterwards("deploy/postgres/run.py", home):
            server.start()
            server.create_databases((DATABASE,))
            yield server.port
    except PostgresUnavailable as why:
        leave_out("postgres", why)


def url(port: int, mode: str, host: str = "127.0.0.1") -> str:
    return f"postgresql+asyncpg://baton@{host}:{port}/{DATABASE}?ssl={mode}"


async def answered(store_url: str) -> Any:
    store = open_store(store_url)
    try:
        return (await store.read(lambda tx: tx.execute(text(HOW)).one()))._asdict()
    finally:
        await store.close()


async def test_a_store_whose_certificate_our_authority_signed_is_migrated_and_used_over_tls(
    port: int, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(certificates / "ours.pem"))
    await migrate_now(DATABASE, url(port, "verify-full"))
    for mode in ("verify-full", "verify-ca", "require"):
        assert await answered(url(port, mode)) == {"ssl": True, "version": "TLSv1.3"}


async def test_a_certificate_of_another_authority_is_refused_and_the_reason_said(
    port: int, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(certificates / "other.pem"))
    with pytest.raises(NotNow, match="certificate verify failed"):
        await answered(url(port, "verify-full"))


async def test_a_certificate_for_another_name_is_refused_by_verify_full(
    port: int, certificates: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGSSLROOTCERT", str(certificates / "ours.pem"))
    with pytest.raises(NotNow, match="not valid for 'localhost'"):
        await answered(url(port, "verify-full", "localhost"))
    assert (await answered(url(port, "verify-ca", "localhost")))["ssl"]


@pytest.mark.parametrize(
    ("root", "said"), [("other.pem", "certificate verify failed"), ("nowhere.pem", "nowhere.pem")]
)  # fmt: skip
def test_migrating_says_in_one_line_why_it_may_not(port: int, certificates: Path, root: str, said: str) -> None:
    environment = {"BATON_DATABASE_URL": url(port, "verify-full"), "PGSSLROOTCERT": str(certificates / root)}
    done = subprocess.run(
        [sys.executable, "-m", "baton.runtime.migrate", DATABASE], env={**os.environ, **environment},
        capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode != 0
