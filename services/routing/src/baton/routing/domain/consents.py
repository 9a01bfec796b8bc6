"""What a person has agreed to, as routing must know it before somebody may have the lead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from baton.contracts import Consent

ANY = "any"
_BEGINNING = datetime(1, 1, 1, tzinfo=UTC)

Consents = Mapping[str, Consent]
"""Purpose to the newest word on it; of an absorbed lead under its id and the purpose."""


def heard(known: Consents, consent: Consent, of: str = "") -> dict[str, Consent]:
    """What is known after one more word; an older one changes nothing, in whatever order they are heard."""
    key = f"{of}\x1f{_purpose(consent)}"
    before = known.get(key)
    return dict(known) if before is not None and _at(before) > _at(consent) else {**known, key: consent}


def parted(known: Consents, of: str) -> dict[str, Consent]:
    """What is known without what came of an absorbed lead."""
    return {key: consent for key, consent in known.items() if not key.startswith(f"{of}\x1f")}


def agreed(known: Consents, told: Iterable[Consent]) -> tuple[str, ...]:
    """The purposes that the person has agreed to and not withdrawn, by the newest word on each. `told`: by scoring."""
    newest: dict[str, Consent] = {}
    for consent in (*told, *known.values()):
        purpose = _purpose(consent)
        if purpose not in newest or _at(newest[purpose]) <= _at(consent):
            newest[purpose] = consent
    return tuple(sorted(purpose for purpose, consent in newest.items() if consent.withdrawn_at is None))


def lacks(needed: str | None, agreed_to: tuple[str, ...]) -> bool:
    """True if a rule that needs this consent must hold the lead."""
    if needed is None:
        return False
    wanted = needed.strip().casefold()
    return not agreed_to if wanted == ANY else wanted not in agreed_to


def _purpose(consent: Consent) -> str:
    return (consent.purpose or "").strip().casefold()


def _at(consent: Consent) -> datetime:
    return consent.withdrawn_at or consent.given_at or _BEGINNING
