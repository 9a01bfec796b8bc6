"""Baton as a stranger runs it: `baton up` in a process of its own, or five `baton run` over Kafka and PostgreSQL."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx
from confluent_kafka.admin import AdminClient

ROOT = Path(__file__).resolve().parents[2]
BATON = (sys.executable, "-m", "baton.cli.main")
"""The command `baton` of the interpreter that runs the tests."""
SERVICES = ("intake", "scoring", "routing", "sla-monitor", "reporting")
TOPICS = ("leads.intake", "leads.scoring", "leads.routing", "leads.sla", "leads.roster")
SECRETS = {"BATON_MAUTIC_SECRET": "mautic-secret-of-this-test", "BATON_HUBSPOT_SECRET": "hubspot-secret-of-this-test"}
START_SECONDS = 180.0
PATIENCE = 90.0
"""Seconds: what takes one on a quiet machine takes thirty and more where two cores are shared by many."""
T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def eventually(look: Callable[[], T | None], what: str, seconds: float = PATIENCE) -> T:
    """The first answer that is not empty. Fails, saying what was waited for and what was seen last."""
    give_up = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < give_up, f"{what}: not within {seconds:.0f} s; last seen: {found!r}"
        time.sleep(0.1)


@dataclass
class Baton:
    """A running Baton, whichever set-up, and how to speak to it."""

    urls: Mapping[str, str]
    token: str
    environment: dict[str, str]
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    logs: dict[str, Path] = field(default_factory=dict)
    services: dict[str, dict[str, str]] = field(default_factory=dict)
    """Distributed only: the environment of each service."""

    def url(self, path: str) -> str:
        return self.urls[path.split("/")[1]] + path

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", **options.pop("headers", {})}
        return httpx.request(method, self.url(path), headers=headers, timeout=30, **options)

    def get(self, path: str, **query: Any) -> Any:
        answer = self.ask("GET", path, params=query)
        assert answer.status_code == 200, f"GET {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        answer = self.ask("POST", path, json=body)
        assert answer.is_success, f"POST {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def facts(self, service: str, lead_id: str | None = None) -> list[dict[str, Any]]:
        """What a service has published so far, about one lead or all."""
        found: list[dict[str, Any]] = []
        cursor: str | None = None
        while lines := self._page(service, cursor):
            found += lines
            cursor = lines[-1]["cursor"]
        return [fact for fact in found if lead_id in (None, fact["subject"])]

    def _page(self, service: str, cursor: str | None) -> list[dict[str, Any]]:
        query = {"wait": 0, "limit": 1000} | ({"after": cursor} if cursor else {})
        answer = self.ask("GET", f"/{service}/v1/events", params=query)
        assert answer.status_code == 200, answer.text
        return [json.loads(line) for line in answer.text.splitlines()]

    def await_fact(self, service: str, type_: str, lead_id: str, seconds: float = PATIENCE, nth: int = 1) -> Any:
        """The data of the nth fact of this type about the lead."""

        def look() -> list[dict[str, Any]] | None:
            found = [fact for fact in self.facts(service, lead_id) if fact["type"] == type_]
            return found if len(found) >= nth else None

        try:
            said = eventually(look, f"{type_} number {nth} about {lead_id}", seconds)
        except AssertionError as late:
            raise AssertionError(f"{late}\n{self.story(lead_id)}") from late
        return said[nth - 1]["data"]

    def story(self, lead_id: str) -> str:
        """All that was said of a lead so far, how each service is, and their last words: why something did not come."""
        lines = []
        for service in SERVICES:
            said = [fact["type"] for fact in self.facts(service, lead_id)] if service != "reporting" else []
            lines.append(f"{service}: {said} {self.ask('GET', f'/{service}/readyz').text}")
        return "\n".join([*lines, *(f"{name}: …{self.said(name)[-3000:]}" for name in self.processes)])

    def cli(self, *arguments: str, check: bool = True, **more: str) -> subprocess.CompletedProcess[str]:
        """Run the command `baton` as its user would."""
        command = [*BATON, *arguments]
        done = subprocess.run(
            command, env=self.environment | more, capture_output=True, text=True, timeout=300, check=False
        )
        said = f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}\n{self.ended()}"
        assert not check or done.returncode == 0, said
        return done

    def ended(self) -> str:
        """Which processes have ended, and their last words."""
        codes = {name: process.poll() for name, process in self.processes.items()}
        return "\n".join(
            f"{name} ended with {code}: {self.said(name)[-2000:]}" for name, code in codes.items() if code is not None
        )

    def said(self, process: str) -> str:
        return self.logs[process].read_text(errors="replace")

    def kill(self) -> None:
        """kill -9 for all of it."""
        for process in self.processes.values():
            process.kill()
            process.wait()

    def stop(self) -> dict[str, int]:
        """Ask politely; the exit codes."""
        for process in self.processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        try:
            return {name: process.wait(30) for name, process in self.processes.items()}
        finally:
            self.kill()

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self.logs[name] = log
        with log.open("a") as output:
            self.processes[name] = subprocess.Popen(
                command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT, text=True
            )

    def await_ready(self) -> None:
        for service in SERVICES:
            eventually(lambda service=service: self._is_ready(service), f"{service} ready", START_SECONDS)  # type: ignore[misc]

    def _is_ready(self, service: str) -> bool:
        assert not (ended := self.ended()), ended
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(self.url(f"/{service}/readyz"), timeout=5).status_code == 200
        return False


def plain_environment(**more: str) -> dict[str, str]:
    """This process's environment without any setting of Baton but those given."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BATON_")}
    return kept | SECRETS | more


@contextlib.contextmanager
def embedded(folder: Path, playbook: Path, **more: str) -> Iterator[Baton]:
    """`baton up` on a home and a port of its own, with `more` settings."""
    port, home = free_port(), folder / "var"
    environment = plain_environment(
        BATON_HOME=str(home), BATON_PORT=str(port), BATON_PLAYBOOK=str(playbook), BATON_URL=f"http://127.0.0.1:{port}"
    )
    environment |= more
    baton = Baton(dict.fromkeys(SERVICES, f"http://127.0.0.1:{port}"), "", environment)
    try:
        up(baton, folder)
        yield baton
    finally:
        baton.stop()


def up(baton: Baton, folder: Path) -> None:
    """Start (again) and wait until every service is ready."""
    baton.start("up", [*BATON, "up"], baton.environment, folder / "up.log")
    home = Path(baton.environment["BATON_HOME"])
    eventually(lambda: (home / "token").exists() or baton.processes["up"].poll() is not None, "a token", START_SECONDS)
    baton.await_ready()
    baton.token = (home / "token").read_text().strip()


@contextlib.contextmanager
def distributed(folder: Path, playbook: Path, kafka: str, new_database: Callable[[], str] | None) -> Iterator[Baton]:
    """Five processes over Kafka and a PostgreSQL database each; the topics of an earlier run are removed.

    Without `new_database` each has SQLite in its home, and the broker is new (a mock cannot remove topics).
    """
    if new_database is not None:
        forget_topics(kafka)
    token = "a-token-of-this-test"
    tokens = folder / "tokens.yaml"
    digest = hashlib.sha256(token.encode()).hexdigest()
    tokens.write_text(f"- name: admin\n  sha256: {digest}\n  scopes: [admin]\n")
    ports = {service: free_port() for service in SERVICES}
    urls = {service: f"http://127.0.0.1:{port}" for service, port in ports.items()}
    for_cli = {f"BATON_URL_{service.upper().replace('-', '_')}": url for service, url in urls.items()}
    baton = Baton(urls, token, plain_environment(**for_cli, BATON_TOKEN=token, BATON_HOME=str(folder / "cli")))
    for service in SERVICES:
        baton.services[service] = plain_environment(
            BATON_HOME=str(folder / service),
            BATON_PORT=str(ports[service]),
            BATON_PLAYBOOK=str(playbook),
            BATON_BUS=f"kafka://{kafka}",
            BATON_TOKENS=str(tokens),
            **({"BATON_DATABASE_URL": new_database()} if new_database else {}),
        )
    try:
        run_services(baton, folder)
        yield baton
    finally:
        baton.stop()


def run_services(baton: Baton, folder: Path) -> None:
    """Start all five (again) and wait until each is ready."""
    for service, environment in baton.services.items():
        baton.start(service, [*BATON, "run", service], environment, folder / f"{service}.log")
    baton.await_ready()


def forget_topics(kafka: str) -> None:
    """Remove Baton's topics, so that a new set-up does not hear of another's leads."""
    admin = AdminClient({"bootstrap.servers": kafka})

    def ours() -> list[str]:
        return [name for name in admin.list_topics(timeout=30).topics if name.startswith("leads.")]

    if found := ours():
        for done in admin.delete_topics(found).values():
            done.result(30)
    eventually(lambda: not ours(), "the topics of an earlier run are gone")


def playbook_with_short_promises(folder: Path) -> Path:
    """The example playbook, open day and night; hot leads must be called within two seconds."""
    copy = folder / "playbook"
    shutil.copytree(ROOT / "deploy/playbook", copy)
    week = 'week: {mon-sun: ["00:00-24:00"]}'
    calendars = [f"  - {{id: {name}, label: {name}, zone: UTC, {week}}}" for name in ("berlin", "london", "new_york")]
    (copy / "calendars.yaml").write_text("\n".join(["calendars:", *calendars, ""]))
    (copy / "sla.yaml").write_text(
        "policies:\n"
        "  - {id: hot, label: Hot, first_attempt: 2s, on_breach: reassign}\n"
        "  - {id: standard, label: Standard, first_attempt: 4h, on_breach: reassign}\n"
    )
    return copy


def signed_like_mautic(body: bytes) -> str:
    digest = hmac.digest(SECRETS["BATON_MAUTIC_SECRET"].encode(), body, "sha256")
    return base64.b64encode(digest).decode()


def signed_like_hubspot(method: str, url: str, body: bytes, at: str) -> str:
    text = method.encode() + url.encode() + body + at.encode()
    return base64.b64encode(hmac.digest(SECRETS["BATON_HUBSPOT_SECRET"].encode(), text, "sha256")).decode()
