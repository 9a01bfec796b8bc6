"""`baton doctor`: look at everything that can ail a Baton, from outside, and say what helps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from importlib.metadata import version

import httpx
import orjson

from baton.cli.client import SERVICES, Client
from baton.cli.faults import Fault
from baton.cli.finding import Finding
from baton.cli.health import Metrics, read_checks, read_metrics
from baton.cli.home import home, readable_by_others, token_file
from baton.cli.screen import out
from baton.cli.surroundings import look_around, look_at_the_disk

LAG_WORTH_A_WORD = 1000
"""Records not read yet; what a healthy service reads in a second or two."""
OUTBOX_WORTH_A_WORD = 1000
CLOCK_SECONDS = 5.0
"""Signatures and deadlines bear this much; a browser's login link does not bear much more."""


def examine(as_json: bool) -> None:
    """Print every finding. Raises Fault if one of them is not fine."""
    with Client(timeout=10.0) as client:
        findings = list(look(client))
    if as_json:
        out.print(orjson.dumps([asdict(one) for one in findings], option=orjson.OPT_INDENT_2).decode(), markup=False)
    else:
        for one in findings:
            out.print(f"{'ok ' if one.fine else 'ILL'}  {one.about:<12} {one.what}", markup=False)
            if one.hint and not one.fine:
                out.print(f"     {'':<12} hint: {one.hint}", markup=False)
    ill = sum(not one.fine for one in findings)
    if ill:
        raise Fault(f"{ill} of {len(findings)} findings are not fine")


def look(client: Client) -> Iterator[Finding]:
    """Everything worth knowing, one by one."""
    yield from _this_machine(client)
    versions: dict[str, str] = {}
    playbooks: dict[str, str] = {}
    silent = False
    for service in SERVICES:
        try:
            answer = client.ask("GET", f"/{service}/readyz")
        except Fault as fault:
            silent = True
            yield Finding(service, fault.message, fine=False, hint=fault.hint)
        else:
            yield from _service(client, service, answer, versions, playbooks)
    if silent:
        yield from look_around()
    yield from _agree("version", versions | {"this command": version("baton-shared")}, "Install the same everywhere.")
    hint = "Give every service the same BATON_PLAYBOOK; a new one is live in seconds, an invalid one is refused."
    yield from _agree("playbook", playbooks, hint)


def _this_machine(client: Client) -> Iterator[Finding]:
    yield Finding("baton", f"asking {client.url}")
    secret = token_file(home())
    if secret.exists():
        exposed = readable_by_others(secret)
        what = f"{secret} can be read by others" if exposed else f"{secret} can be read by its owner only"
        yield Finding("token", what, not exposed, f"chmod 600 {secret}")
    yield from look_at_the_disk()


def _service(
    client: Client, service: str, answer: httpx.Response, versions: dict[str, str], playbooks: dict[str, str]
) -> Iterator[Finding]:
    yield from _readiness(service, answer)
    yield from _clock(service, answer)
    yield from _token(client, service)
    try:
        metrics = read_metrics(client, service)
    except Fault as fault:
        yield Finding(service, f"shows no metrics: {fault.message}", fine=False, hint=fault.hint)
        return
    yield from _backlog(service, metrics)
    _note(metrics, "baton_build_info", service, versions)
    _note(metrics, "baton_playbook_info", service, playbooks)


def _readiness(service: str, answer: httpx.Response) -> Iterator[Finding]:
    try:
        checks = read_checks(answer)
    except Fault as fault:
        yield Finding(service, fault.message, fine=False, hint=fault.hint)
        return
    wrong = {name: reason for name, reason in checks.items() if reason is not None}
    for name, reason in wrong.items():
        first, *others = reason.splitlines()
        more = f" (and {len(others)} more)" if others else ""
        state = "ready, but" if answer.is_success else "not ready,"
        yield Finding(service, f"{state} {name}: {first}{more}", fine=False, hint=HINTS.get(name))
    if not wrong:
        yield Finding(service, f"ready ({', '.join(checks)})")


HINTS = {
    "store": "Is the database up, and BATON_DATABASE_URL right? Embedded: is the disk full?",
    "bus": "Is Kafka up, and BATON_BUS right? Leads are taken in meanwhile and go on by themselves. "
    "A topic that was deleted is made anew at the next start: docs/runbooks/restore.md first.",
    "clock": "Let the database's machine and this one keep time by NTP: docs/runbooks/clock-jumped.md.",
    "playbook": "`baton playbook check` says what is wrong; the last valid version stays in force.",
}


def _clock(service: str, answer: httpx.Response) -> Iterator[Finding]:
    said = answer.headers.get("Date")
    if said is None:
        return
    apart = abs((datetime.now(UTC) - parsedate_to_datetime(said)).total_seconds())
    if apart > CLOCK_SECONDS:
        hint = "Let both machines keep time by NTP; signatures and deadlines depend on it."
        yield Finding(service, f"its clock and this one are {apart:.0f} s apart", fine=False, hint=hint)


def _token(client: Client, service: str) -> Iterator[Finding]:
    """Metrics may be open on this machine: only what never is shows whether the token is known."""
    with contextlib.suppress(Fault):  # it has answered a moment ago
        if client.ask("GET", f"/{service}/v1/parked?limit=1").status_code == httpx.codes.UNAUTHORIZED:
            hint = "Set BATON_TOKEN. A service reads BATON_TOKENS at its start: is this token in that file?"
            what = (
                "does not know this token (401)" if client.has_token else "asks for a token, and none was given (401)"
            )
            yield Finding(service, what, fine=False, hint=hint)


def _backlog(service: str, metrics: Metrics) -> Iterator[Finding]:
    lag = sum(value for _, value in metrics.get("baton_consumer_lag", []))
    waiting = sum(value for _, value in metrics.get("baton_outbox_pending", []))
    parked = sum(value for _, value in metrics.get("baton_parked_leads", []))
    behind = lag > LAG_WORTH_A_WORD or waiting > OUTBOX_WORTH_A_WORD
    what = f"{lag:.0f} records to read, {waiting:.0f} to publish"
    yield Finding(service, what, not behind, "It should fall within seconds; if it grows, look at the log.")
    jumps = sum(value for _, value in metrics.get("baton_clock_jumps_total", []))
    if jumps:
        yield Finding(service, f"its store's clock has jumped {jumps:.0f} times since it started")
    if parked:
        hint = "`baton dead list` shows them, `baton dead replay` tries again."
        yield Finding(service, f"{parked:.0f} leads are parked", fine=False, hint=hint)


def _note(metrics: Metrics, name: str, service: str, into: dict[str, str]) -> None:
    for labels, value in metrics.get(name, []):
        if value:
            into[service] = labels.get("version", "")


def _agree(about: str, said: dict[str, str], hint: str) -> Iterator[Finding]:
    different = sorted(set(said.values()))
    if len(different) == 1:
        yield Finding(about, f"{different[0]} everywhere")
    elif different:
        listed = ", ".join(f"{name} {value}" for name, value in said.items())
        yield Finding(about, f"not the same everywhere: {listed}", fine=False, hint=hint)
