"""Reporting has no settings of its own: it runs by those that every service shares."""

from baton.runtime.settings import Settings

__all__ = ["Settings"]
