#!/usr/bin/env python3
"""Make the tokens of a new installation: make_tokens.py <folder>

Writes tokens.yaml (name, SHA-256 and scopes, for BATON_TOKENS) and beside it the secrets themselves: admin.token for
people, metrics.token for Prometheus. Does nothing where tokens.yaml is there already. Standard library only.
"""

from __future__ import annotations

import hashlib
import secrets
import sys
from pathlib import Path

SCOPES = {
    "admin": ["intake:write", "leads:read", "sales:write", "admin", "metrics"],
    "metrics": ["metrics"],
}


def make_tokens(folder: Path) -> bool:
    """True when tokens were made, False when there were some."""
    listed = folder / "tokens.yaml"
    if listed.exists():
        return False
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for name, scopes in SCOPES.items():
        token = secrets.token_urlsafe(32)
        secret = folder / f"{name}.token"
        secret.touch(mode=0o600 if name == "admin" else 0o644)
        secret.write_text(token)
        digest = hashlib.sha256(token.encode()).hexdigest()
        quoted = ", ".join(f'"{scope}"' for scope in scopes)
        rows.append(f"- name: {name}\n  sha256: {digest}\n  scopes: [{quoted}]\n")
    # Last, because its presence says that all is done.
    listed.write_text("".join(rows))
    return True


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    print(f"{'made' if make_tokens(folder) else 'kept'} the tokens; the admin's lies in {folder / 'admin.token'}")
