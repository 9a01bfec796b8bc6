"""Signatures, against vectors that the vendors publish and against everything that is not one."""

from __future__ import annotations

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton.intake.domain.signatures import Knock, is_genuine, uri_hubspot_signs
from baton.playbook.doors import Signature
from baton.playbook.secret import Secret

NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)
URL = "https://leads.example.net/intake/v1/hooks/x"
SOMEWHERE = (Secret(env="X"),)
HUBSPOT = Signature(scheme="hubspot-v3", secrets=SOMEWHERE)
HMAC = Signature(scheme="hmac-sha256", header="X-Sign", secrets=SOMEWHERE)
TOKEN = Signature(scheme="token", header="X-Key", prefix="Key ", secrets=SOMEWHERE)


def knock(headers: dict[str, str], body: bytes = b"{}", url: str = URL) -> Knock:
    return Knock("POST", url, {name.lower(): value for name, value in headers.items()}, body)


def v3(body: bytes, url: str, at: datetime, secret: bytes = b"s") -> dict[str, str]:
    millis = str(round(at.timestamp() * 1000))
    mac = hmac.digest(secret, b"POST" + url.encode() + body + millis.encode(), "sha256")
    return {"X-HubSpot-Signature-v3": base64.b64encode(mac).decode(), "X-HubSpot-Request-Timestamp": millis}


def test_the_raw_bytes_are_signed_in_base64_or_hex_after_a_prefix() -> None:
    digest = hmac.digest(b"s", b"\xff{}", "sha256")
    assert is_genuine(knock({"x-sign": base64.b64encode(digest).decode()}, b"\xff{}"), HMAC, [b"s"], NOW)
    as_hex = HMAC.model_copy(update={"encoding": "hex", "prefix": "sha256="})
    assert is_genuine(knock({"x-sign": f"sha256={digest.hex()}"}, b"\xff{}"), as_hex, [b"s"], NOW)
    assert not is_genuine(knock({"x-sign": digest.hex()}, b"\xff{}"), as_hex, [b"s"], NOW)
    assert not is_genuine(knock({"x-sign": f"sha256={digest.hex()}"}, b"{}"), as_hex, [b"s"], NOW)


def test_while_secrets_are_rotated_both_are_good() -> None:
    headers = {"x-sign": base64.b64encode(hmac.digest(b"old", b"{}", "sha256")).decode()}
    assert is_genuine(knock(headers), HMAC, [b"new", b"old"], NOW)
    assert is_genuine(knock(headers), HMAC, [b"old", b"new"], NOW)
    assert not is_genuine(knock(headers), HMAC, [b"new"], NOW)
    assert not is_genuine(knock(headers), HMAC, [], NOW)


@pytest.mark.parametrize(("seconds", "good"), [(-301, False), (-299, True), (0, True), (299, True), (301, False)])
def test_a_hubspot_signature_lives_five_minutes_both_ways(seconds: int, good: bool) -> None:
    headers = v3(b"{}", URL, NOW + timedelta(seconds=seconds))
    assert is_genuine(knock(headers), HUBSPOT, [b"s"], NOW) is good


def test_hubspot_signs_its_url_with_some_escapes_decoded() -> None:
    sent = "https://a.example/x?u=http%3A%2F%2Fb&m=a%40b&s=%20%2B&c=%2c#part"
    signed = "https://a.example/x?u=http://b&m=a@b&s=%20%2B&c=,"
    assert uri_hubspot_signs(sent) == signed
    assert is_genuine(knock(v3(b"{}", signed, NOW), url=sent), HUBSPOT, [b"s"], NOW)
    assert not is_genuine(knock(v3(b"{}", sent, NOW), url=sent), HUBSPOT, [b"s"], NOW)


def test_a_plus_that_a_proxy_made_a_blank_is_forgiven() -> None:
    headers, number = v3(b"{}", URL, NOW), 0
    while "+" not in headers["X-HubSpot-Signature-v3"]:
        number += 1
        headers = v3(b"{}", URL, NOW + timedelta(milliseconds=number))
    headers["X-HubSpot-Signature-v3"] = headers["X-HubSpot-Signature-v3"].replace("+", " ")
    assert is_genuine(knock(headers), HUBSPOT, [b"s"], NOW)


def test_older_hubspot_signatures_are_good_where_no_v3_is_sent() -> None:
    v2 = hashlib.sha256(b"sPOST" + URL.encode() + b"{}").hexdigest()
    v1 = hashlib.sha256(b"s{}").hexdigest()
    old: list[dict[str, str]] = [
        {"X-HubSpot-Signature": v2, "X-HubSpot-Signature-Version": "v2"},
        {"X-HubSpot-Signature": v1, "X-HubSpot-Signature-Version": "v1"},
        {"X-HubSpot-Signature": v1},
    ]
    for headers in old:
        assert is_genuine(knock(headers), HUBSPOT, [b"s"], NOW)
        assert not is_genuine(knock(headers, b"{ }"), HUBSPOT, [b"s"], NOW)
        assert not is_genuine(knock({**headers, "X-HubSpot-Signature-v3": "x"}), HUBSPOT, [b"s"], NOW)
    assert not is_genuine(knock({"X-HubSpot-Signature": v1, "X-HubSpot-Signature-Version": "v9"}), HUBSPOT, [b"s"], NOW)


def test_a_token_stands_in_its_header_or_in_the_url() -> None:
    assert is_genuine(knock({"X-Key": "Key s"}), TOKEN, [b"s"], NOW)
    assert is_genuine(knock({}, url=f"{URL}?token=s"), TOKEN, [b"s"], NOW)
    assert not is_genuine(knock({"X-Key": "other"}, url=f"{URL}?token=s"), TOKEN, [b"s"], NOW)
    assert not is_genuine(knock({"token": "s"}), TOKEN, [b"s"], NOW)


ODD: Any = st.dictionaries(
    st.sampled_from(
        ["x-sign", "x-key", "x-hubspot-signature", "x-hubspot-signature-v3", "x-hubspot-signature-version",
         "x-hubspot-request-timestamp"]
    ),
    st.text(st.characters(max_codepoint=255), max_size=60) | st.sampled_from(["v1", "v2", "1790000000000", "९", "-1"]),
)  # fmt: skip


@given(ODD, st.sampled_from([HMAC, HUBSPOT, TOKEN]), st.binary(max_size=20), st.text(max_size=30))
def test_whatever_is_shown_that_is_not_genuine_is_refused_and_raises_nothing(
    headers: dict[str, str], signature: Signature, body: bytes, query: str
) -> None:
    secret = b"a secret that nobody guesses"
    assert not is_genuine(knock(headers, body, f"{URL}?{query}"), signature, [secret], NOW)
