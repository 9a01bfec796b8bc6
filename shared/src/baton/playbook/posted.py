"""A draft that came over HTTP: checked like any playbook, never kept, never in force."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from baton.playbook.draft import drafted
from baton.playbook.loading import FILES
from baton.playbook.playbook import Playbook
from baton.playbook.problems import PlaybookErrors
from baton.runtime.http import Principal, Problem

MOST_FAULTS = 50


async def drafted_by(current: Playbook, files: Mapping[str, str], who: Principal) -> Playbook:
    """The playbook in force with these files instead. Raises Problem: 403 without the scope admin, 422 with every
    fault as `file:line:column`."""
    if not who.may("admin"):
        raise Problem(403, "Not allowed", "A draft is judged for those with the scope admin only.")
    if strangers := sorted(name for name in files if name.removesuffix(".yaml") not in FILES):
        listed = ", ".join(f"{name}.yaml" for name in FILES)
        raise Problem(422, "Invalid draft", f"{strangers[0]} is no file of a draft; those are {listed}.")
    try:
        return await asyncio.to_thread(drafted, current, files)
    except PlaybookErrors as faults:
        errors = [{"detail": str(fault), "pointer": "#/draft"} for fault in faults.problems[:MOST_FAULTS]]
        raise Problem(422, "Invalid draft", str(faults.problems[0]), errors=errors) from faults
