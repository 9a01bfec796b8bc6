"""One try of a delivery over HTTP: the fact as a signed webhook, or the endpoint's own requests step by step."""

from __future__ import annotations

import asyncio
import base64
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import orjson

from baton.playbook.endpoints import Auth, Endpoint, OAuth, Step
from baton.playbook.paths import parse_path
from baton.playbook.secret import SecretMissing
from baton.playbook.templates import TemplateFault, written
from baton.routing.deliveries.letters import Letter, names_of, webhook_body
from baton.routing.deliveries.outcome import DELIVERED, Outcome, of_answer
from baton.routing.deliveries.receivers import Environ, Receiver, text_of
from baton.routing.domain.signing import KeyUnusable, signature_header
from baton.runtime.clock import Clock
from baton.runtime.outbound.client import Answer, Outbound, Unreachable
from baton.runtime.outbound.urls import Forbidden

Keep = Callable[[Mapping[str, Any]], Awaitable[None]]


class NoToken(Exception):
    """The token server gave none; `outcome` says how."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.error)
        self.outcome = outcome


class Caller:
    """Tells endpoints. Tokens it was given are kept in memory until they are refused or out of date."""

    def __init__(self, outbound: Outbound, environ: Environ, clock: Clock) -> None:
        self._outbound = outbound
        self._environ = environ
        self._clock = clock
        self._tokens: dict[str, tuple[str, float]] = {}
        self._fetching: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def tell(self, receiver: Receiver, letter: Letter, record: Mapping[str, Any], keep: Keep) -> Outcome:
        """Make one try. `keep` is called with what the endpoint's answers say of the lead, as soon as they say it."""
        try:
            if receiver.endpoint is None or not receiver.endpoint.steps:
                answer = await self._send(receiver, webhook_body(letter), letter.id)
                return self._judged(answer)
            return await self._in_steps(receiver, receiver.endpoint, letter, dict(record), keep)
        except NoToken as fault:
            return fault.outcome
        except Unreachable as fault:
            return Outcome("unreachable", error=str(fault), concerns_all=True)
        except TemplateFault as fault:
            return Outcome("broken", error=str(fault))
        except (Forbidden, KeyUnusable, SecretMissing) as fault:
            return Outcome("broken", error=str(fault), concerns_all=True)

    async def post(self, receiver: Receiver, body: bytes, message_id: str) -> Outcome:
        """Make one try of a notice whose body is made already."""
        try:
            return self._judged(await self._send(receiver, body, message_id))
        except Unreachable as fault:
            return Outcome("unreachable", error=str(fault), concerns_all=True)
        except (Forbidden, KeyUnusable, SecretMissing) as fault:
            return Outcome("broken", error=str(fault), concerns_all=True)

    async def _in_steps(
        self, receiver: Receiver, endpoint: Endpoint, letter: Letter, record: dict[str, Any], keep: Keep
    ) -> Outcome:
        single = len(endpoint.steps) == 1
        for step, texts in zip(endpoint.steps, receiver.steps, strict=True):
            names = names_of(letter, record)
            if texts["when"] is not None and texts["when"].value(names) is not True:
                continue
            body = b"" if step.body is None else orjson.dumps(texts["body"].render(names))
            message_id = letter.id if single else f"{letter.id}_{step.id}"
            path, headers = texts["path"].path(names), _headers(texts["headers"].render(names))
            answer = await self._send(receiver, body, message_id, step, path, headers, names)
            if not answer.is_success and answer.status not in step.accept:
                return self._judged(answer)
            if found := _found(step, answer):
                record |= found
                await keep(record)
        return DELIVERED

    async def _send(
        self,
        receiver: Receiver,
        body: bytes,
        message_id: str,
        step: Step | None = None,
        path: str = "",
        headers: Mapping[str, str] | None = None,
        names: Mapping[str, Any] | None = None,
    ) -> Answer:
        assert receiver.place is not None  # mail has none, and goes another way
        url = text_of(receiver.place, self._environ)
        url = url.rstrip("/") + path if path else url
        now = self._clock.now()
        sent = {"content-type": "application/json", "accept": "application/json"} if body else {}
        sent |= _headers(receiver.headers.render(names or {})) | dict(headers or {})
        sent |= self._signed(receiver, body, message_id, now)
        auth = receiver.endpoint.auth if receiver.endpoint is not None else None
        method = step.method if step is not None else "POST"
        sent |= await self._authorised(receiver, auth)
        answer = await self._outbound.send(method, url, headers=sent, body=body)
        if answer.status == 401 and auth is not None and auth.oauth is not None:
            if sent["authorization"].endswith(f" {self._tokens.get(receiver.id, ('', 0))[0]}"):
                self._tokens.pop(receiver.id, None)  # taken back before its time
            sent |= await self._authorised(receiver, auth)
            answer = await self._outbound.send(method, url, headers=sent, body=body)
        return answer

    def _signed(self, receiver: Receiver, body: bytes, message_id: str, now: datetime) -> dict[str, str]:
        timestamp = int(now.timestamp())
        headers = {"webhook-id": message_id, "webhook-timestamp": str(timestamp)}
        if keys := receiver.signing_keys(self._environ, now):
            headers["webhook-signature"] = signature_header(keys, message_id, timestamp, body)
        return headers

    async def _authorised(self, receiver: Receiver, auth: Auth | None) -> dict[str, str]:
        if auth is None:
            return {}
        if auth.bearer is not None:
            return {"authorization": f"Bearer {text_of(auth.bearer, self._environ)}"}
        if auth.basic is not None:
            user, password = (text_of(one, self._environ) for one in (auth.basic.user, auth.basic.password))
            return {"authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}
        if auth.header is not None:
            return {auth.header.name.lower(): text_of(auth.header.value, self._environ)}
        assert auth.oauth is not None
        async with self._fetching[receiver.id]:  # deliveries that begin together need one token
            return {"authorization": f"Bearer {await self._token(receiver, auth.oauth)}"}

    async def _token(self, receiver: Receiver, oauth: OAuth) -> str:
        known = self._tokens.get(receiver.id)
        if known is not None and known[1] > self._clock.monotonic():
            return known[0]
        form = {
            "grant_type": "client_credentials",
            "client_id": text_of(oauth.client_id, self._environ),
            "client_secret": text_of(oauth.client_secret, self._environ),
        }
        form |= {"scope": oauth.scope} if oauth.scope else {}
        headers = {"content-type": "application/x-www-form-urlencoded", "accept": "application/json"}
        url = text_of(oauth.token_url, self._environ)
        if url.startswith("/") and receiver.place is not None:
            url = text_of(receiver.place, self._environ).rstrip("/") + url
        answer = await self._outbound.send("POST", url, headers=headers, body=urlencode(form).encode())
        token = _json_of(answer).get("access_token") if answer.is_success else None
        if not isinstance(token, str) or not token.isascii():
            outcome = self._judged(answer)
            error = f"no token: {answer.status}"  # never what it said: that may be the secret
            raise NoToken(Outcome("rejected", answer.status, error, outcome.wish, concerns_all=True))
        lasts = _json_of(answer).get("expires_in")
        seconds = float(lasts) if isinstance(lasts, int | float) else 900.0
        self._tokens[receiver.id] = (token, self._clock.monotonic() + max(0.0, seconds - 30))
        return token

    def _judged(self, answer: Answer) -> Outcome:
        return of_answer(answer, answer.retry_after(self._clock.now()))


def _headers(rendered: Mapping[str, Any]) -> dict[str, str]:
    return {name.lower(): written(value) for name, value in rendered.items() if value is not None}


def _found(step: Step, answer: Answer) -> dict[str, Any]:
    """What the step keeps of the answer; nothing of what is not there."""
    if not step.keep or not answer.is_success:
        return {}
    body = _json_of(answer)
    found = {name: parse_path(path).first(body) for name, path in step.keep.items()}
    return {name: str(value) for name, value in found.items() if isinstance(value, str | int)}


def _json_of(answer: Answer) -> Any:
    try:
        return orjson.loads(answer.body)
    except ValueError:
        return {}
