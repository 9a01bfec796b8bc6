"""Mail by SMTP, in a thread. What the server has not said yes to may be sent again, under the same Message-ID."""

from __future__ import annotations

import asyncio
import smtplib
import ssl
from dataclasses import dataclass
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from baton.routing.deliveries.outcome import DELIVERED, Outcome

CONNECT_SECONDS = 15.0
PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class PostOffice:
    """The house's mail server, and in whose name notices are sent."""

    host: str
    port: int
    implicit_tls: bool
    user: str | None
    password: str | None
    sender: str

    @classmethod
    def of(cls, url: str, sender: str) -> PostOffice:
        """Read `smtp://[user:password@]host[:port]`; `smtps://` speaks TLS from the first byte.

        Over `smtp://` TLS is begun where the server offers it, and always before a password is sent. Raises ValueError.
        """
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError("write smtp://[user:password@]host[:port], or smtps:// for TLS from the first byte")
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        port = parts.port or PORTS[parts.scheme]
        return cls(parts.hostname, port, parts.scheme == "smtps", user, password, sender)

    async def send(self, message: EmailMessage) -> Outcome:
        """Hand a message over; says whether the server took it."""
        try:
            refused = await asyncio.to_thread(self._send, message)
        except smtplib.SMTPRecipientsRefused as fault:
            return _refused(max((code for code, _ in fault.recipients.values()), default=550))
        except smtplib.SMTPResponseException as fault:
            return _refused(fault.smtp_code)
        except (smtplib.SMTPException, OSError) as fault:
            return Outcome("unreachable", error=f"mail server: {type(fault).__name__}", concerns_all=True)
        return _refused(max(code for code, _ in refused.values())) if refused else DELIVERED

    def _send(self, message: EmailMessage) -> dict[str, tuple[int, bytes]]:
        context = ssl.create_default_context()
        if self.implicit_tls:
            server: smtplib.SMTP = smtplib.SMTP_SSL(self.host, self.port, timeout=CONNECT_SECONDS, context=context)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=CONNECT_SECONDS)
        with server:
            server.ehlo()
            if not self.implicit_tls and (server.has_extn("starttls") or self.user is not None):
                server.starttls(context=context)
                server.ehlo()
            if self.user is not None:
                server.login(self.user, self.password or "")
            return server.send_message(message)


def _refused(code: int) -> Outcome:
    """4xx: not now. 5xx: never, as the message stands; only a wrong password may be put right."""
    is_ours = code in (530, 534, 535)
    return Outcome("rejected", code, f"mail server: {code}", concerns_all=is_ours, is_final=code >= 500 and not is_ours)
