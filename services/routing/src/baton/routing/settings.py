"""Settings of routing alone, beside those every service has."""

from __future__ import annotations

from pydantic import Field

from baton.runtime.settings import Settings


class RoutingSettings(Settings):
    """How routing runs."""

    playbook_poll_seconds: float = Field(default=2.0, gt=0, description="How often routing looks for a new playbook.")
