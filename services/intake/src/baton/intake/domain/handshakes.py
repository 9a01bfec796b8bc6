"""The challenges by which platforms make sure that whoever owns a door wants their posts."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

# A UUID and nothing else. What is answered is signed with the key that signs LinkedIn's posts, too: a challenge of any
# text would have us sign `hmacsha256=` and a body of somebody's choice.
_LINKEDIN_CODE = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_META_CHALLENGE = re.compile(r"[\w.-]{1,200}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a GET is answered."""

    status: int
    text: str | None = None
    json: Mapping[str, Any] | None = None


REFUSED: Final = Answer(403)


def meta(query: Mapping[str, str], verify_tokens: Sequence[bytes]) -> Answer | None:
    """Meta's challenge as it was sent, where its token is ours; None where there is no challenge."""
    if "hub.mode" not in query and "hub.challenge" not in query:
        return None
    given = query.get("hub.verify_token", "").encode("utf-8", "surrogateescape")
    is_ours = False
    for token in verify_tokens:
        is_ours = hmac.compare_digest(given, token) or is_ours
    challenge = query.get("hub.challenge", "")
    if not is_ours or query.get("hub.mode") != "subscribe" or not _META_CHALLENGE.fullmatch(challenge):
        return REFUSED
    return Answer(200, text=challenge)


def linkedin(query: Mapping[str, str], secrets: Sequence[bytes]) -> Answer | None:
    """LinkedIn's challenge with our signature of it, by the newest secret; None where there is no challenge."""
    code = query.get("challengeCode")
    if code is None:
        return None
    if not secrets or not _LINKEDIN_CODE.fullmatch(code):
        return REFUSED
    signed = hmac.digest(secrets[0], code.encode(), "sha256").hex()
    return Answer(200, json={"challengeCode": code, "challengeResponse": signed})
