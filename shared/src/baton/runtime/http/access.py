"""The door: bearer tokens for programs, a cookie for browsers, the Host and the origin of what they send.

docs/http.md tells all of it in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import ip_address
from urllib.parse import quote, urlencode, urlsplit

from fastapi import Request

from baton.runtime.clock import Clock
from baton.runtime.http.problem import Problem
from baton.runtime.http.tokens import (
    Keyring,
    Tickets,
    Token,
    admin_token,
    ensure_admin_token,
    load_keyring,
    make_ticket,
    read_cookie,
)
from baton.runtime.settings import Settings

__all__ = ["COOKIE", "Access", "LoginNeeded", "Principal", "Requires", "ensure_admin_token", "login_link", "requires"]

COOKIE = "baton"
COOKIE_LIFE = timedelta(hours=12)
"""A working day; then the browser asks again."""

TICKET_LIFE = timedelta(minutes=15)
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what he may do. `name` is the token's; it is what commands record as their actor."""

    name: str
    scopes: frozenset[str]

    def may(self, scope: str) -> bool:
        """True if `scope` was granted; `admin` grants all."""
        return scope in self.scopes or "admin" in self.scopes


class LoginNeeded(Exception):
    """A browser asked for a page without being logged in; it is sent to the login page and back."""

    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


@dataclass(frozen=True, slots=True)
class Requires:
    """A dependency that lets in who has every one of `scopes`, or any of them if `one_is_enough`.

    401 without a valid token or cookie (browsers that ask for a page are sent to the login page), 403 without the
    scopes or when a browser's write comes from another site.
    """

    scopes: tuple[str, ...]
    one_is_enough: bool = False

    async def __call__(self, request: Request) -> Principal:
        """Return who asks."""
        access: Access = request.app.state.access
        return access.admit(request, self)

    def allows(self, who: Principal) -> bool:
        """True if these scopes are enough."""
        granted = [who.may(scope) for scope in self.scopes]
        return any(granted) if self.one_is_enough else all(granted)

    def __str__(self) -> str:
        return (" or " if self.one_is_enough else " and ").join(f"`{scope}`" for scope in self.scopes)


def requires(*scopes: str) -> Requires:
    """Return a dependency, `Depends(requires("leads:read"))`, that lets in who has every one of `scopes`."""
    return Requires(scopes)


def requires_one_of(*scopes: str) -> Requires:
    """Return a dependency that lets in who has any of `scopes`."""
    return Requires(scopes, one_is_enough=True)


class Access:
    """What one service's application knows of who may come in."""

    def __init__(self, settings: Settings, service: str, clock: Clock) -> None:
        self.service = service
        self.keyring: Keyring = load_keyring(settings)
        self.tickets = Tickets(self.keyring, service)
        self.public_url = settings.public_url
        self._clock = clock
        self._hosts = _hosts_of(settings)

    @property
    def is_published(self) -> bool:
        """True if a public URL beyond this machine is set; then nothing is open just for coming from loopback."""
        host = urlsplit(self.public_url or "").hostname
        return host is not None and not _is_loopback(host)

    @property
    def wants_secure_cookies(self) -> bool:
        """True if browsers reach us by https."""
        return (self.public_url or "").startswith("https:")

    def now(self) -> datetime:
        """Return the present, by which cookies and tickets end."""
        return self._clock.now()

    def knows_host(self, header: str) -> bool:
        """True if a browser may call us by this Host: ours by settings, localhost, or an address.

        An address cannot be rebound to us by somebody else's name server; a name can.
        """
        host = _hostname(header)
        return host in self._hosts or _is_address(host)

    def admit(self, request: Request, needs: Requires) -> Principal:
        """Return who asks if he has the scopes; raise 401, 403 or `LoginNeeded`."""
        token = self.token_of(request)
        who = Principal(token.name, token.scopes)
        if not needs.allows(who):
            named = " ".join(needs.scopes)
            challenge = f'Bearer realm="baton", error="insufficient_scope", scope="{named}"'
            raise Problem(403, "Not allowed", f"This needs the scope {needs}.", headers={"WWW-Authenticate": challenge})
        return who

    def token_of(self, request: Request) -> Token:
        """Return the token of a request, from its header or else its cookie."""
        header = request.headers.get("authorization")
        if header is not None:
            return self._bearer(header)
        token = read_cookie(self.keyring, request.cookies.get(COOKIE, ""), self.now())
        if token is None:
            raise self._stranger(request)
        if request.method not in SAFE_METHODS:
            self.require_same_origin(request)
        return token

    def _bearer(self, header: str) -> Token:
        scheme, _, secret = header.partition(" ")
        token = self.keyring.find(secret.strip()) if scheme.lower() == "bearer" else None
        if token is None:
            raise _unauthorized("The token is not known.", 'Bearer realm="baton", error="invalid_token"')
        return token

    def _stranger(self, request: Request) -> Exception:
        if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
            back = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return LoginNeeded(f"/{self.service}/login?next={quote(back, safe='')}")
        return _unauthorized("Send a token: Authorization: Bearer …", 'Bearer realm="baton"')

    def require_same_origin(self, request: Request) -> None:
        """Raise 403 unless the browser says that the page which sends this is one of ours."""
        site = request.headers.get("sec-fetch-site")
        origin = request.headers.get("origin")
        if site is not None:
            same = site == "same-origin"
        else:
            same = origin is not None and self._is_ours(origin, request)
        if not same:
            raise Problem(403, "Cross-site request", "A browser may write only from Baton's own pages.")

    def _is_ours(self, origin: str, request: Request) -> bool:
        public = urlsplit(self.public_url or "")
        if public.netloc and origin == f"{public.scheme}://{public.netloc}":
            return True
        return origin == f"{request.url.scheme}://{request.headers.get('host', '')}"


def login_link(
    settings: Settings, secret: str, now: datetime, service: str = "reporting", page: str = "/reporting/"
) -> str:
    """Return a link that logs one browser in as the admin token `secret`, once, within 15 minutes, and shows `page`."""
    base = settings.public_url or f"http://127.0.0.1:{settings.port}"
    ticket = make_ticket(admin_token(secret), service, now + TICKET_LIFE)
    return f"{base.rstrip('/')}/{service}/login?{urlencode({'ticket': ticket, 'next': page})}"


def _unauthorized(detail: str, challenge: str) -> Problem:
    return Problem(401, "Who are you?", detail, headers={"WWW-Authenticate": challenge})


def _hosts_of(settings: Settings) -> frozenset[str]:
    named = {name.strip().lower() for name in settings.allowed_hosts.split(",") if name.strip()}
    public = urlsplit(settings.public_url or "").hostname
    return frozenset(named | {"localhost"} | ({public.lower()} if public else set()))


@lru_cache(maxsize=256)
def _hostname(header: str) -> str:
    try:
        return (urlsplit(f"//{header}").hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


@lru_cache(maxsize=256)
def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _is_loopback(host: str) -> bool:
    return host == "localhost" or (_is_address(host) and ip_address(host).is_loopback)


def comes_from_loopback(request: Request) -> bool:
    """True if the other end of the connection is on this machine."""
    return request.client is not None and _is_loopback(request.client.host)
