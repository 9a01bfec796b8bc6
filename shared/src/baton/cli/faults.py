"""How the command says that something went wrong: one clear line, a hint, an exit code."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """Exit codes; docs/cli.md lists them."""

    FINE = 0
    WRONG = 1
    """What was checked is not in order: a playbook with problems, a ledger that does not balance, an ailing system."""
    USAGE = 2
    UNREACHABLE = 3
    REFUSED = 4
    """The service answered and said no: a missing or too weak token, an unknown id, a body it will not take."""
    BUSY = 5
    """Another Baton already works on this home."""
    INTERRUPTED = 130


class Fault(Exception):
    """Ends a command with one line on standard error, a hint where there is one, and an exit code."""

    def __init__(self, message: str, hint: str | None = None, code: Exit = Exit.WRONG) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.code = code
