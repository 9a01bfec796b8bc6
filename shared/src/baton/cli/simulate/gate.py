"""`--fail-if`: an expression over the measures of a simulation, for a gate in the playbook's repository."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cel_expr_python import cel

from baton.cli.faults import Exit, Fault
from baton.playbook.conditions import formula_environment


def check_gate(text: str, names: Iterable[str]) -> None:
    """Raises Fault (wrong usage) for what is not a condition on these names."""
    _compiled(text, names)


def holds(text: str, measures: Mapping[str, float]) -> bool:
    """True if the condition holds of these measures. Raises Fault where it cannot be computed."""
    result = _compiled(text, measures).eval(data=dict(measures))
    if result.type() == cel.Type.ERROR:
        raise Fault(f"--fail-if {text!r} cannot be computed: {result.value()}", code=Exit.USAGE)
    return result.value() is True


def _compiled(text: str, names: Iterable[str]) -> cel.Expression:
    hint = f"Measures are decimals, so write 5.0 for 5: {', '.join(sorted(names))}."
    try:
        program = formula_environment(list(names)).compile(text)
    except (RuntimeError, ValueError) as fault:
        why = str(fault).removeprefix("INVALID_ARGUMENT: ").splitlines()[0]
        raise Fault(f"--fail-if {text!r}: {why}", hint, Exit.USAGE) from fault
    if program.return_type().name() != "BOOL":
        raise Fault(f"--fail-if {text!r} is not a condition: it gives neither true nor false", hint, Exit.USAGE)
    return program
