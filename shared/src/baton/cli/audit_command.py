"""How `baton audit` shows what it found."""

from __future__ import annotations

import orjson
from rich.table import Table

from baton.cli.audit import ELEMENTS, Verdict, audit
from baton.cli.client import Client
from baton.cli.faults import Fault
from baton.cli.ledger import FATES
from baton.cli.screen import err, out

PAUSE = 2.0
SHOWN = 50


def report(quiet: float, as_json: bool) -> None:
    """Print the balance. Raises Fault, after listing the ids, if the books do not balance."""
    with Client() as client:
        verdict = audit(client, quiet, PAUSE, lambda remark: err.print(remark, style="dim", markup=False))
    if as_json:
        out.print(_as_json(verdict), markup=False)
    else:
        _show(verdict)
    if not verdict.balances:
        raise Fault(f"the books do not balance: {_what(verdict)}", "`baton doctor` and `baton dead list` may say why.")


def _show(verdict: Verdict) -> None:
    elements, balance = verdict.elements, verdict.balance
    parts = " + ".join(f"{elements[name]:,} {name}" for name in ELEMENTS)
    out.print(f"elements received {elements['received']:,} = {parts}", markup=False)
    table = Table(title=f"{balance.leads:,} leads taken in", box=None, show_header=False, title_justify="left")
    for fate in FATES:
        if balance.fates[fate]:
            table.add_row(fate, f"{balance.fates[fate]:,}")
    out.print(table)
    for lead_id, fault in list(verdict.stuck.items())[:SHOWN]:
        out.print(f"{lead_id}  {fault}", markup=False)
    if len(verdict.stuck) > SHOWN:
        out.print(f"… and {len(verdict.stuck) - SHOWN} more; --json lists all")
    if verdict.balances:
        out.print("the books balance")


def _what(verdict: Verdict) -> str:
    if verdict.stuck:
        return f"{len(verdict.stuck)} leads without exactly one fate"
    if not verdict.elements_add_up:
        return "elements received are not accepted + duplicate + quarantined"
    return "the fates do not add up to the leads"


def _as_json(verdict: Verdict) -> str:
    balance = verdict.balance
    found = {
        "balances": verdict.balances,
        "elements": verdict.elements,
        "leads": balance.leads,
        "fates": {fate: balance.fates[fate] for fate in FATES},
        "stuck": verdict.stuck,
    }
    return orjson.dumps(found, option=orjson.OPT_INDENT_2).decode()
