"""`baton token new`: an entry for BATON_TOKENS. Only its SHA-256 is kept by Baton."""

from __future__ import annotations

import hashlib
import json
import secrets

from baton.cli.faults import Exit, Fault
from baton.cli.screen import err, out

SCOPES = ("intake:write", "leads:read", "sales:write", "admin", "metrics")


def new(name: str, scopes: list[str]) -> None:
    """Print the secret to standard error and the YAML entry to standard output, so that `>>` adds it to the file."""
    if unknown := sorted(set(scopes) - set(SCOPES)):
        raise Fault(f"there is no scope {unknown[0]!r}", f"The scopes are {', '.join(SCOPES)}.", Exit.USAGE)
    secret = f"baton_{secrets.token_urlsafe(32)}"
    digest = hashlib.sha256(secret.encode()).hexdigest()
    err.print("The token, shown this once:", style="bold")
    err.print(secret, markup=False)
    err.print("The entry for the file named by BATON_TOKENS:", style="bold")
    # A JSON list of strings is YAML, whatever the name has in it.
    out.print(f"- name: {json.dumps(name)}\n  sha256: {digest}\n  scopes: {json.dumps(scopes)}", markup=False)
