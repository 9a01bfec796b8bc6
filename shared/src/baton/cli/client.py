"""How the command line speaks to Baton: HTTP with a bearer token, patient where that is right, clear where it fails."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx

from baton.cli.faults import Exit, Fault
from baton.cli.home import home, read_token, read_url, token_file

DEFAULT_URL = "http://127.0.0.1:8000"
SERVICES = ("intake", "scoring", "routing", "sla-monitor", "reporting")
NOT_NOW = (429, 502, 503, 504)
NOT_NOW_WITH_KEY = (*NOT_NOW, 409)
"""409: what was sent before under the same Idempotency-Key is still being worked on."""
SLOWEST_RETRY = 15.0


class TooLarge(Fault):
    """The service takes no body as large as that."""


class Client:
    """One conversation with Baton. A distributed Baton has one URL too, its proxy's: paths begin with the service.

    `BATON_URL_<SERVICE>` (such as BATON_URL_SLA_MONITOR) overrides the URL for one service where there is no proxy.
    """

    def __init__(self, url: str | None = None, token: str | None = None, timeout: float = 30.0) -> None:
        self.url = (url or os.environ.get("BATON_URL") or read_url(home()) or DEFAULT_URL).rstrip("/")
        self._token = token or os.environ.get("BATON_TOKEN") or read_token(home())
        # A proxy meant for the world outside must not come between us and this machine.
        nearby = urlsplit(self.url).hostname in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.Client(timeout=timeout, headers={"User-Agent": "baton-cli"}, trust_env=not nearby)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    @property
    def has_token(self) -> bool:
        """True where one was given, or stands in the home."""
        return bool(self._token)

    def address(self, path: str) -> str:
        """The full URL of a path, which begins with a service's name."""
        service = path.lstrip("/").split("/", 1)[0]
        own = os.environ.get(f"BATON_URL_{service.upper().replace('-', '_')}")
        return f"{(own or self.url).rstrip('/')}{path}"

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """One request; any answer is returned. Raises Fault if nobody answers."""
        headers = {**self._authority(), **options.pop("headers", {})}
        try:
            return self._http.request(method, self.address(path), headers=headers, **options)
        except httpx.HTTPError as fault:
            raise unreachable(self.address(path), fault) from fault

    def get(self, path: str, **query: Any) -> Any:
        """The JSON behind a path. Raises Fault unless the answer is 2xx."""
        params = {name: value for name, value in query.items() if value is not None}
        return self._json(self.ask("GET", path, params=params))

    def find(self, path: str) -> Any:
        """The JSON behind a path, None where there is nothing. Raises Fault for any other no."""
        answer = self.ask("GET", path)
        return None if answer.status_code == httpx.codes.NOT_FOUND else self._json(answer)

    def delete(self, path: str) -> Any:
        """What is answered when what stands behind a path is deleted. Raises Fault unless the answer is 2xx."""
        return self._json(self.ask("DELETE", path))

    def post(self, path: str, body: Any = None) -> Any:
        """What a posted JSON body is answered. Raises Fault unless the answer is 2xx."""
        return self._json(self.ask("POST", path, json=body))

    def post_patiently(
        self,
        path: str,
        content: bytes,
        content_type: str,
        patience: float,
        told: Callable[[str], None] = lambda _: None,
        key: str | None = None,
    ) -> Any:
        """Post until it is taken: connection errors and 'not now' answers are tried again for `patience` seconds.

        `told` hears why there is a wait. With an Idempotency-Key what was taken and not answered is answered as if it
        had been. Raises Fault when patience runs out or the answer is a plain no, TooLarge where it is too much.
        """
        headers = {"Content-Type": content_type} | ({"Idempotency-Key": key} if key else {})
        give_up = time.monotonic() + patience
        for attempt in range(1_000_000):
            wait = min(SLOWEST_RETRY, 0.25 * 2 ** min(attempt, 10)) * random.uniform(0.7, 1.0)  # noqa: S311
            try:
                answer = self.ask("POST", path, content=content, headers=headers)
            except Fault as fault:
                if time.monotonic() + wait > give_up:
                    raise
                told(f"{fault.message}; trying again")
            else:
                if (
                    answer.status_code not in (NOT_NOW_WITH_KEY if key else NOT_NOW)
                    or time.monotonic() + wait > give_up
                ):
                    return self._json(answer)
                wait = max(wait, _retry_after(answer))
                told(f"{answer.status_code} from {path}; trying again in {wait:.0f} s")
            time.sleep(wait)
        raise AssertionError("patience is finite")

    def lines(self, path: str, timeout: float, **query: Any) -> tuple[httpx.Headers, Iterator[str]]:
        """The lines of an NDJSON answer, whole (each answer is bounded by the service), with its headers."""
        params = {name: value for name, value in query.items() if value is not None}
        answer = self.ask("GET", path, params=params, timeout=timeout)
        if answer.is_error:
            raise refused(answer)
        return answer.headers, (line for line in answer.text.splitlines() if line)

    def _authority(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    @staticmethod
    def _json(answer: httpx.Response) -> Any:
        if answer.is_error:
            raise refused(answer)
        try:
            return answer.json() if answer.content else None
        except ValueError as fault:
            raise Fault(
                f"{answer.request.url} did not answer with JSON", "Does BATON_URL point at Baton?", Exit.REFUSED
            ) from fault


def unreachable(url: str, why: Exception) -> Fault:
    """Nobody answers there."""
    said = f"{type(why).__name__}: {why}" if str(why) else type(why).__name__
    hint = "Is Baton running there (`baton up`)? BATON_URL says where the command looks."
    return Fault(f"no answer from {url} ({said})", hint, Exit.UNREACHABLE)


def refused(answer: httpx.Response) -> Fault:
    """A service said no: its problem details (RFC 9457) in one line."""
    said = _problem(answer)
    where = f"{answer.request.method} {answer.request.url}"
    fault = TooLarge if answer.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE else Fault
    return fault(f"{where}: {answer.status_code} {said}", _hint(answer.status_code), Exit.REFUSED)


def _problem(answer: httpx.Response) -> str:
    try:
        problem = answer.json()
    except ValueError:
        return answer.reason_phrase
    if not isinstance(problem, dict):
        return answer.reason_phrase
    parts = [str(problem[key]) for key in ("title", "detail") if problem.get(key)]
    parts += [f"{e.get('pointer', '')} {e.get('detail', '')}".strip() for e in problem.get("errors") or []][:3]
    return ": ".join(parts) or answer.reason_phrase


def _hint(status: int) -> str | None:
    return {
        401: f"Give a token in BATON_TOKEN; an embedded Baton keeps its admin token in {token_file(home())}.",
        403: "The token is known but lacks the scope for this.",
        404: "Does BATON_URL point at Baton, and is the id right?",
        413: "Send less at once (--batch).",
        503: "The service is up but cannot work now; `baton doctor` says why.",
    }.get(status)


def _retry_after(answer: httpx.Response) -> float:
    text = answer.headers.get("Retry-After", "")
    return min(float(text), SLOWEST_RETRY) if text.isdigit() else 0.0
