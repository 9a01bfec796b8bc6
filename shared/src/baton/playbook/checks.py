"""What types cannot say: names that lead somewhere, rules that can match, conditions that compile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from baton.playbook.positions import Document
from baton.playbook.problems import Problem

if TYPE_CHECKING:
    from baton.playbook.playbook import Playbook


def check_models(playbook: Playbook, documents: dict[str, Document]) -> list[Problem]:
    """Errors and warnings of a playbook whose files each are well formed."""
    return []
