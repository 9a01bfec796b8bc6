"""Calls to real servers on loopback: pinned, bounded, never redirected."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from baton.runtime.outbound.addresses import Permits
from baton.runtime.outbound.client import Outbound, Unreachable, read_retry_after
from baton.runtime.outbound.urls import Forbidden
from tests.world.outside import Asked, Outside, Says

NOW = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)


class Names:
    """A resolver that says, one after the other, what it was given."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self._answers[min(self.asked, len(self._answers)) - 1]


@pytest_asyncio.fixture
async def here() -> AsyncIterator[Outbound]:
    outbound = Outbound(Permits.of("http://127.0.0.1"), total_seconds=5)
    yield outbound
    await outbound.close()


async def test_a_call_arrives_as_it_was_made_and_its_answer_comes_back(here: Outbound) -> None:
    async with Outside(lambda _: Says(201, b'{"id": 7}', {"X-Id": "7"})) as crm:
        answer = await here.send("PATCH", f"{crm.url}/leads?a=b", headers={"X-Key": "é"}, body=b'{"a": 1}')
    assert (answer.status, answer.body, answer.headers["x-id"], answer.is_success) == (201, b'{"id": 7}', "7", True)
    [asked] = crm.asked
    assert (asked.method, asked.path, asked.body) == ("PATCH", "/leads?a=b", b'{"a": 1}')
    assert asked.headers["host"] == f"127.0.0.1:{crm.port}"
    assert (asked.headers["x-key"], asked.headers["accept-encoding"]) == ("é", "identity")


async def test_a_redirect_is_an_answer_and_is_not_followed(here: Outbound) -> None:
    async with Outside(lambda _: Says(302, headers={"location": "/elsewhere"})) as crm:
        answer = await here.send("POST", crm.url)
    assert (answer.status, answer.is_success, len(crm.asked)) == (302, False, 1)


async def test_an_answer_longer_than_allowed_is_cut(here: Outbound) -> None:
    async with Outside(lambda _: Says(body=b"x" * 5_000_000)) as crm:
        answer = await here.send("GET", crm.url, most_bytes=1000)
    assert (len(answer.body), answer.is_cut) == (1000, True)


async def test_whoever_takes_too_long_has_not_answered(here: Outbound) -> None:
    async def slowly(_: Asked) -> Says:
        await asyncio.sleep(30)
        return Says()

    async with Outside(slowly) as crm:
        with pytest.raises(Unreachable, match="in time"):
            await here.send("GET", crm.url, total_seconds=0.3)


async def test_nobody_listening_is_unreachable(here: Outbound) -> None:
    async with Outside() as crm:
        url = crm.url
    with pytest.raises(Unreachable, match="no connection"):
        await here.send("GET", url)


async def test_an_answer_that_is_no_http_is_unreachable(here: Outbound) -> None:
    async def talk(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    async with server:
        with pytest.raises(Unreachable, match="the connection broke"):
            await here.send("GET", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/")


async def test_a_header_that_would_be_two_is_not_sent(here: Outbound) -> None:
    for name, value in (("x-a", "1\r\nx-b: 2"), ("x a", "1"), ("x-a", "☃")):
        with pytest.raises(Forbidden):
            await here.send("GET", "http://127.0.0.1:1/", headers={name: value})


async def test_a_name_that_leads_inside_is_never_connected_to() -> None:
    async with Outside() as inside:
        names = Names(["127.0.0.1"])
        outbound = Outbound(Permits(), resolve=names)
        with pytest.raises(Forbidden, match="inside a network"):
            await outbound.send("GET", "https://crm.example.com/")
        with pytest.raises(Forbidden, match="inside a network"):
            await outbound.vet("https://crm.example.com/")
    assert inside.connections == 0


async def test_one_address_inside_among_public_ones_is_enough_to_refuse() -> None:
    outbound = Outbound(Permits(), resolve=Names(["93.184.216.34", "10.0.0.1"]))
    with pytest.raises(Forbidden, match="inside a network"):
        await outbound.send("GET", "https://crm.example.com/")


async def test_a_name_that_changes_after_it_was_vetted_is_judged_again() -> None:
    """DNS rebinding: public when the subscription is made, inside when it is called."""
    async with Outside() as inside:
        names = Names(["93.184.216.34"], ["127.0.0.1"])
        outbound = Outbound(Permits(), resolve=names)
        await outbound.vet("https://crm.example.com/")
        with pytest.raises(Forbidden):
            await outbound.send("GET", "https://crm.example.com/")
    assert (names.asked, inside.connections) == (2, 0)


async def test_what_was_judged_is_what_is_connected_to() -> None:
    """The resolver would say something else the next time: it is not asked a next time for the same connection."""
    async with Outside() as crm:
        names = Names(["127.0.0.1"], ["169.254.169.254"])
        outbound = Outbound(Permits.of(f"http://crm.internal:{crm.port}"), resolve=names)
        answer = await outbound.send("GET", f"http://crm.internal:{crm.port}/")
        await outbound.close()
    assert (answer.status, names.asked, crm.asked[0].headers["host"]) == (200, 1, f"crm.internal:{crm.port}")


async def test_a_name_that_does_not_resolve_is_unreachable_and_may_be_subscribed() -> None:
    async def nobody(host: str, port: int) -> Sequence[str]:
        raise OSError("no such host")

    outbound = Outbound(Permits(), resolve=nobody)
    await outbound.vet("https://crm.example.com/")
    with pytest.raises(Unreachable, match=r"crm\.example\.com cannot be resolved"):
        await outbound.send("GET", "https://crm.example.com/")


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    built = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    built = built.not_valid_before(datetime(2020, 1, 1)).not_valid_after(datetime(2099, 1, 1))  # noqa: DTZ001
    built = built.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
    built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    pem = built.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    form = serialization.PrivateFormat.PKCS8
    secret = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())
    (folder / "chain.pem").write_bytes(secret + pem)
    (folder / "authority.pem").write_bytes(pem)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "chain.pem")
    return context, folder / "authority.pem"


async def test_tls_is_made_for_the_name_though_the_address_is_connected_to(tmp_path: Path) -> None:
    context, authority = _certificate(tmp_path, "crm.internal")
    seen: list[str | None] = []
    context.sni_callback = lambda _socket, name, _context: seen.append(name)
    async with Outside(tls=context) as crm:
        permits = Permits.of("crm.internal, other.internal")
        outbound = Outbound(permits, authorities=authority, resolve=Names(["127.0.0.1"]))
        assert (await outbound.send("GET", f"https://crm.internal:{crm.port}/")).status == 200
        with pytest.raises(Unreachable, match="certificate"):
            await outbound.send("GET", f"https://other.internal:{crm.port}/")
        stranger = Outbound(permits, resolve=Names(["127.0.0.1"]))
        with pytest.raises(Unreachable, match="certificate"):
            await stranger.send("GET", f"https://crm.internal:{crm.port}/")
        await outbound.close()
        await stranger.close()
    assert seen == ["crm.internal", "other.internal", "crm.internal"]


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Mon, 02 Nov 2026 09:01:00 GMT", 60),
        ("Mon, 02 Nov 2026 08:00:00 GMT", 0),
        ("99999999999999999", 366 * 86_400),
        (None, None),
        ("", None),
        ("-5", None),
        ("1.5", None),
        ("soon", None),
        ("٣", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert read_retry_after(value, NOW) == expected
