"""Settings of scoring: those every service has, none of its own."""

from __future__ import annotations

from baton.runtime.settings import Settings

__all__ = ["Settings"]
