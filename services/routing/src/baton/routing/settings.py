"""Settings of routing alone, beside those every service has."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, field_validator

from baton.routing.deliveries.mailing import PostOffice
from baton.routing.domain.absences import ABSENCE_WORDS, AbsenceWords
from baton.runtime.settings import Settings


class RoutingSettings(Settings):
    """How routing runs."""

    playbook_poll_seconds: float = Field(default=2.0, gt=0, description="How often routing looks for a new playbook.")
    delivery_days: int = Field(
        default=30, ge=4, description="How long routing remembers deliveries that are settled; those that wait stay."
    )
    decision_retention_days: int = Field(
        default=365, ge=1, le=3650, description="How long routing keeps what a decision was made by, for `explain`."
    )
    shadow_playbook: Path | None = Field(
        default=None,
        description="Directory of a draft that is asked about every lead beside the playbook in force; it decides "
        "nothing. Where it differs: `/routing/shadow`.",
    )
    smtp_url: str | None = Field(
        default=None,
        description="`smtp://[user:password@]host[:port]` (TLS where offered, and before a password) or `smtps://…`: "
        "the server that notices to owners go by.",
    )
    mail_from: str = Field(
        default="baton@localhost",
        pattern=r"^[^@\s<>,;]+@[^@\s<>,;]+$",
        description="The address that notices to owners come from.",
    )

    absence_words: str = Field(
        default=ABSENCE_WORDS,
        description="Words, separated by commas, that make an event of an imported calendar an absence.",
    )

    @field_validator("absence_words")
    @classmethod
    def _has_words(cls, text: str) -> str:
        AbsenceWords.of(text)
        return text

    @field_validator("smtp_url")
    @classmethod
    def _is_readable_url(cls, url: str | None) -> str | None:
        if url:
            PostOffice.of(url, "")
        return url or None

    def post_office(self) -> PostOffice | None:
        """Return what sends mail; None if there is nothing."""
        return PostOffice.of(self.smtp_url, self.mail_from) if self.smtp_url else None
