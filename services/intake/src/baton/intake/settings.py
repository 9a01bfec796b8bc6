"""Intake's own settings, beside those every service has."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from baton.runtime.settings import Settings


class IntakeSettings(Settings):
    """Read from `BATON_*` like the others."""

    raw_retention_days: int = Field(
        default=30,
        ge=1,
        le=3650,
        description="How long intake keeps raw bodies; those in quarantine stay until it is settled.",
    )
    quarantine_retention_days: int = Field(
        default=90,
        ge=1,
        le=3650,
        description="How long an element may wait in quarantine, and its raw body with it, before it is given up.",
    )
    max_elements: int = Field(
        default=20_000,
        ge=1,
        description="Most elements in one request to intake; NDJSON without an Idempotency-Key may have any number.",
    )
    max_stream_bytes: int = Field(
        default=67_108_864,
        gt=0,
        description="Largest NDJSON body under an Idempotency-Key; without one there is no bound but on each line: "
        "BATON_MAX_BODY_BYTES.",
    )
    intake_queue: int = Field(
        default=5000, ge=1, description="Elements that may wait to be stored before intake answers 503."
    )
    intake_bytes: int = Field(
        default=33_554_432,
        gt=0,
        description="Bytes of bodies in hand before intake answers 503; a body that is alone may be larger.",
    )

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The process's settings with intake's own beside them."""
        return settings if isinstance(settings, cls) else cls(**settings.model_dump())
