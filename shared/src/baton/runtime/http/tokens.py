"""Who may do what: API tokens, known by their SHA-256, and what is signed with them for browsers."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from baton.runtime.settings import Settings

Scope = Literal["intake:write", "leads:read", "sales:write", "admin", "metrics"]

_SHORT = 16  # hex digits of a digest that name a token in a cookie; 64 bits, they are not the secret


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(min_length=1, max_length=100)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    scopes: list[Scope]


_ENTRIES = TypeAdapter(list[_Entry])


class TokensUnreadable(ValueError):
    """The file named by BATON_TOKENS is missing or wrong; the message says where."""


@dataclass(frozen=True, slots=True)
class Token:
    """One API token as the server knows it: never the secret itself."""

    name: str
    digest: str
    scopes: frozenset[str]

    @property
    def short(self) -> str:
        """What names it in cookies and tickets."""
        return self.digest[:_SHORT]

    def sign(self, *parts: str) -> str:
        """Return a signature over `parts` that every service with the same tokens can check."""
        key = hashlib.sha256(b"baton browser\0" + bytes.fromhex(self.digest)).digest()
        mac = hmac.digest(key, "\0".join(parts).encode(), "sha256")
        return urlsafe_b64encode(mac).decode().rstrip("=")


class Keyring:
    """The tokens a service accepts."""

    def __init__(self, tokens: Iterable[Token]) -> None:
        self.tokens = tuple(tokens)

    def find(self, secret: str) -> Token | None:
        """Return the token with this secret. Takes as long whether or not, and whichever, it is."""
        digest = digest_of(secret)
        found = None
        for token in self.tokens:
            if hmac.compare_digest(token.digest, digest):
                found = token
        return found

    def named(self, short: str) -> Token | None:
        """Return the token that a cookie or ticket names."""
        return next((token for token in self.tokens if token.short == short), None)


class Tickets:
    """One-time tickets for logging in by a link. Each works once in a process, at one service, for a short time."""

    def __init__(self, keyring: Keyring, service: str) -> None:
        self._keyring = keyring
        self._service = service
        self._used: dict[str, float] = {}

    def redeem(self, ticket: str, now: datetime) -> Token | None:
        """Return the token the ticket stands for, and never again for the same ticket."""
        short, expires, nonce, mac = _split(ticket, 4)
        token = self._keyring.named(short)
        if token is None or not hmac.compare_digest(mac, token.sign("ticket", self._service, expires, nonce)):
            return None
        if _is_past(expires, now) or nonce in self._used:
            return None
        self._used = {used: until for used, until in self._used.items() if until > now.timestamp()}
        self._used[nonce] = float(expires)
        return token


def make_ticket(token: Token, service: str, expires: datetime) -> str:
    """Return a ticket that logs a browser in as `token` at `service`, once, before `expires`."""
    until, nonce = str(int(expires.timestamp())), secrets.token_urlsafe(12)
    return ".".join((token.short, until, nonce, token.sign("ticket", service, until, nonce)))


def make_cookie(token: Token, expires: datetime) -> str:
    """Return the value of the browser's cookie: who it is and until when, signed."""
    until = str(int(expires.timestamp()))
    return ".".join((token.short, until, token.sign("cookie", until)))


def read_cookie(keyring: Keyring, value: str, now: datetime) -> Token | None:
    """Return the token behind a cookie that is signed, not past its time, and whose token still exists."""
    short, expires, mac = _split(value, 3)
    token = keyring.named(short)
    if token is None or not hmac.compare_digest(mac, token.sign("cookie", expires)) or _is_past(expires, now):
        return None
    return token


def digest_of(secret: str) -> str:
    """Return what stands under `sha256` for this secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def load_keyring(settings: Settings) -> Keyring:
    """Return the tokens of BATON_TOKENS and, in the embedded set-up, the admin token in BATON_HOME.

    Raises `TokensUnreadable`, naming the file, if they cannot be understood.
    """
    tokens = _from_file(settings.tokens) if settings.tokens else []
    own = settings.home / "token"
    if settings.bus.startswith("embedded:") and own.is_file():
        tokens.append(admin_token(own.read_text().strip()))
    return Keyring(tokens)


def admin_token(secret: str) -> Token:
    """Return the token with this secret that may do everything."""
    return Token("admin", digest_of(secret), frozenset({"admin"}))


def ensure_admin_token(home: Path) -> str:
    """Return the admin token kept in `home/token`, made at the first call; only its owner can read the file."""
    path = home / "token"
    if path.is_file() and (secret := path.read_text().strip()):
        path.chmod(0o600)
        return secret
    home.mkdir(parents=True, exist_ok=True)
    secret = "baton_" + secrets.token_urlsafe(32)
    fresh = path.with_suffix(".new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secret + "\n")
    fresh.replace(path)
    return secret


def _from_file(path: Path) -> list[Token]:
    try:
        entries = _ENTRIES.validate_python(YAML(typ="safe", pure=True).load(path.read_text()) or [])
    except (OSError, YAMLError) as exc:
        raise TokensUnreadable(f"{path}: {exc}") from exc
    except ValidationError as exc:
        first = exc.errors(include_input=False)[0]
        raise TokensUnreadable(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None
    digests = [entry.sha256 for entry in entries]
    if len({digest[:_SHORT] for digest in digests}) < len(digests):
        raise TokensUnreadable(f"{path}: the same token stands there twice")
    return [Token(entry.name, entry.sha256, frozenset(entry.scopes)) for entry in entries]


def _split(value: str, parts: int) -> list[str]:
    found = value.split(".")
    return found if len(found) == parts and value.isascii() else [""] * parts


def _is_past(expires: str, now: datetime) -> bool:
    return not expires.isdigit() or int(expires) <= now.timestamp()
