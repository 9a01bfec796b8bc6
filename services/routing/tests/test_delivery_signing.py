"""How webhooks are signed, and what is no key."""

from __future__ import annotations

import base64
import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from services.routing.tests.delivering import Delivering, verified

from baton.routing.domain.signing import KeyUnusable, private_key, public_key, signature_header
from tests.world.outside import Outside


async def test_ed25519_is_verified_with_the_public_key_alone(deliver: Delivering, facts: Any) -> None:
    async with Outside() as crm:
        made = await deliver.subscribe(crm.url, signing="v1a")
        await deliver.bench.hear(facts.qualified(), subject=facts.lead)
        await deliver.send()
    assert "secret" not in made
    [asked] = crm.asked
    version, _, signature = asked.headers["webhook-signature"].partition(",")
    signed = f"{asked.headers['webhook-id']}.{asked.headers['webhook-timestamp']}.".encode() + asked.body
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(made["public_key"].removeprefix("whpk_")))
    key.verify(base64.b64decode(signature), signed)  # raises if it is not so
    assert version == "v1a"


async def test_while_a_key_is_rotated_both_sign_and_then_the_new_one_alone(
    deliver: Delivering, facts: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Outside() as crm:
        made = await deliver.subscribe(crm.url)
        path = f"/routing/v1/subscriptions/{made['id']}/rotate"
        fresh = (await deliver.web.post(path, json={"keep_old_hours": 1})).json()
        await deliver.bench.hear(facts.qualified(), subject=facts.lead_id(1))
        await deliver.send()
        await deliver.after(timedelta(hours=2))
        await deliver.bench.hear(facts.qualified(hours=2), subject=facts.lead_id(2))
        await deliver.send()
    both, alone = crm.asked
    assert len(both.headers["webhook-signature"].split()) == 2
    assert len(alone.headers["webhook-signature"].split()) == 1
    verified(alone, fresh["secret"], deliver, monkeypatch)
    deliver.bench.clock.jump_to(facts.at(0))
    for secret in (made["secret"], fresh["secret"]):
        verified(both, secret, deliver, monkeypatch)


FIXTURES = Path(os.environ.get("BATON_FIXTURES", "/nowhere")) / "outbound"


@pytest.mark.skipif(not FIXTURES.is_dir(), reason="BATON_FIXTURES is not set")
@pytest.mark.parametrize("number", [1, 2])
def test_recorded_requests_are_signed_the_same(number: int) -> None:
    meta = json.loads((FIXTURES / f"out-standard-webhooks-{number}.meta.json").read_text())
    body = (FIXTURES / f"out-standard-webhooks-{number}.json").read_bytes()
    headers = meta["headers"]
    made = signature_header(meta["secret"], headers["webhook-id"], int(headers["webhook-timestamp"]), body)
    assert made == headers["webhook-signature"]


@pytest.mark.parametrize("key", ["", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_???", "whsk_c2hvcnQ=", "whpk_AAAA"])
def test_what_is_no_key_signs_nothing_and_is_not_told(key: str) -> None:
    with pytest.raises(KeyUnusable) as refused:
        signature_header([key], "id", 1, b"")
    assert not key.partition("_")[2] or key.partition("_")[2] not in str(refused.value)


def test_a_private_key_may_carry_its_public_half() -> None:
    seed = os.urandom(32)
    long = (
        "whsk_"
        + base64.b64encode(seed + Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()).decode()
    )
    assert public_key(long) == public_key(private_key(seed))
