"""What the command writes: results to standard output, remarks and errors to standard error."""

from __future__ import annotations

from rich.console import Console

from baton.cli.faults import Fault

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def tell(fault: Fault) -> None:
    """One line for what went wrong, one for what helps."""
    err.print(f"baton: {fault.message}", style="red", markup=False)
    if fault.hint:
        err.print(f"  hint: {fault.hint}", markup=False)
