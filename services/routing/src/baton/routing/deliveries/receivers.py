"""Who is told of what: the endpoints and notices of targets.yaml, and the subscriptions made by the API."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal

from baton.contracts import SlaEscalated
from baton.playbook import Playbook
from baton.playbook.endpoints import Endpoint, Notice, Place
from baton.playbook.secret import Secret, SecretMissing, resolve
from baton.playbook.templates import Expression, Template, environment

Kind = Literal["webhook", "mail", "slack"]
Environ = Mapping[str, str]


@dataclass(frozen=True)
class Receiver:
    """One endpoint, notice or subscription, ready to be asked what it wants and to be told."""

    id: str
    label: str
    kind: Kind
    origin: Literal["playbook", "api"]
    facts: frozenset[str]
    endpoint: Endpoint | None
    notice: Notice | None = None
    keys: tuple[tuple[str, datetime | None], ...] = ()
    """Signing keys of a subscription, each with when it ends."""
    version: int = 0

    @property
    def is_notice(self) -> bool:
        """True if people are told, not a system: then nothing is taken over by it."""
        return self.notice is not None

    @property
    def at_once(self) -> int:
        """Most deliveries under way at a time."""
        return self.endpoint.at_once if self.endpoint is not None else 4

    @property
    def place(self) -> Place | None:
        """Its URL, or where that is kept."""
        return self.endpoint.url if self.endpoint is not None else self.notice.url if self.notice else None

    def wants(self, type_: str, names: Callable[[], Mapping[str, Any]]) -> bool:
        """True if it is to be told of a fact. `names` makes what conditions may name; only asked if there is one."""
        if type_ not in self.facts:
            return False
        if self.notice is not None:
            return _is_for(self.notice, type_, names()["data"])
        return self._condition is None or self._condition.value(names()) is True

    @cached_property
    def _condition(self) -> Expression | None:
        text = self.endpoint.when if self.endpoint is not None else None
        return Expression(text, environment()) if text is not None else None

    @cached_property
    def steps(self) -> tuple[Mapping[str, Any], ...]:
        """The compiled texts of each step: `when`, `path`, `headers`, `body`."""
        env = environment()
        return tuple(
            {
                "when": Expression(step.when, env) if step.when else None,
                "path": Template(step.path, env),
                "headers": Template(dict(step.headers), env),
                "body": Template(step.body, env, nulls=step.nulls == "send"),
            }
            for step in (self.endpoint.steps if self.endpoint is not None else ())
        )

    @cached_property
    def headers(self) -> Template:
        """The headers of every request to it."""
        return Template(dict(self.endpoint.headers) if self.endpoint is not None else {}, environment())

    def off(self, environ: Environ, has_mail: bool) -> str | None:
        """Why it is switched off: what it cannot do without is kept nowhere. None if it is on."""
        if self.kind == "mail":
            return None if has_mail else "BATON_SMTP_URL is not set"
        if not isinstance(self.place, Secret):
            return None
        try:
            resolve(self.place, environ)
        except SecretMissing as missing:
            return str(missing)
        return None

    def signing_keys(self, environ: Environ, now: datetime) -> list[str]:
        """Return the keys that sign at this moment. Raises SecretMissing."""
        if self.origin == "api":
            return [key for key, until in self.keys if until is None or until > now]
        own = self.endpoint.signing if self.endpoint is not None else self.notice.signing if self.notice else ()
        return [text_of(secret, environ) for secret in own]


def _is_for(notice: Notice, type_: str, data: Mapping[str, Any]) -> bool:
    """True if the notice speaks for whom an escalation goes to, and is for the team or the rep who has the lead."""
    if type_ == SlaEscalated.type and data["to"] not in (*notice.steps, notice.id):
        return False
    if not (notice.teams or notice.reps):
        return True
    owner = data.get("owner") or {}
    rep, team = (owner, data.get("team")) if isinstance(owner, str) else (owner.get("id"), owner.get("team"))
    return team in notice.teams or rep in notice.reps


def text_of(place: Place, environ: Environ) -> str:
    """Return a value, or what is kept where it says. Raises SecretMissing."""
    return resolve(place, environ).decode("utf-8", "replace").strip() if isinstance(place, Secret) else place


@dataclass(frozen=True)
class Directory:
    """Everybody who is told of something, by id; and of those that are on, by the type of fact."""

    everybody: Mapping[str, Receiver] = field(default_factory=dict)
    is_off: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def _by_type(self) -> Mapping[str, Sequence[Receiver]]:
        found: dict[str, list[Receiver]] = {}
        for receiver in self.everybody.values():
            for type_ in receiver.facts if receiver.id not in self.is_off else ():
                found.setdefault(type_, []).append(receiver)
        return found

    @property
    def is_anybody_told(self) -> bool:
        """True if somebody is on."""
        return len(self.is_off) < len(self.everybody)

    def of(self, type_: str) -> Sequence[Receiver]:
        """Those that are on and are told of facts of this type, if the condition of each agrees."""
        return self._by_type.get(type_, ())

    def on(self) -> list[Receiver]:
        """Those that are on."""
        return [receiver for receiver in self.everybody.values() if receiver.id not in self.is_off]


def of_playbook(playbook: Playbook) -> list[Receiver]:
    """Return the receivers of targets.yaml."""
    endpoints = [
        Receiver(one.id, one.label, "webhook", "playbook", frozenset(one.facts), one)
        for one in playbook.targets.endpoints
    ]
    notices = [
        Receiver(
            one.id,
            one.label,
            one.by,
            "playbook",
            frozenset(one.facts),
            None,
            one,
        )
        for one in playbook.targets.notices
    ]
    return [*endpoints, *notices]


def directory_of(receivers: Iterable[Receiver], environ: Environ, has_mail: bool) -> Directory:
    """Return the directory of these receivers, as they are on or off at this moment."""
    everybody = {receiver.id: receiver for receiver in receivers}
    reasons = {name: why for name, one in everybody.items() if (why := one.off(environ, has_mail)) is not None}
    return Directory(everybody, reasons)
