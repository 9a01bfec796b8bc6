"""Settings of scoring alone, beside those every service has."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from baton.runtime.settings import Settings


class ScoringSettings(Settings):
    """How scoring runs."""

    shadow_playbook: Path | None = Field(
        default=None,
        description="Directory of a draft by which everybody is judged beside the playbook in force; it decides "
        "nothing. Where it differs: `/scoring/v1/shadow`. Routing reads it too.",
    )
