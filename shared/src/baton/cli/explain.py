"""`baton playbook explain`: why this owner, why not another, and what would have to differ."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from baton.cli.client import Client
from baton.cli.faults import Exit, Fault
from baton.cli.screen import out


def explain(lead: str, rep: str | None, round_: int | None, decision: int | None, as_json: bool) -> None:
    """Print the decision worked out anew. Raises Fault where that gives another one than was published."""
    with Client() as client:
        query = {"rep": rep, "round": round_, "decision": decision}
        told = client.get(f"/routing/v1/leads/{lead}/explain", **query)
    if as_json:
        out.file.write(orjson.dumps(told, option=orjson.OPT_INDENT_2).decode() + "\n")
    else:
        for line in lines_of(told):
            out.print(line, markup=False)
    if not told["reproduced"]:
        hint = "Keep the lead's id and the inputs hash: one of two programs or a row in the store is wrong."
        raise Fault("NOT REPRODUCED: " + "; ".join(told["differences"]), hint, Exit.WRONG)


def lines_of(told: dict[str, Any]) -> Iterator[str]:
    """The decision in words, line by line."""
    yield f"{told['outcome']} at {told['decided_at']}, round {told['round']}, decision {told['number']}"
    yield f"playbook {told['playbook']}, inputs {told['inputs_hash']}"
    yield "recomputed: the same, to the byte" if told["reproduced"] else "recomputed: NOT THE SAME"
    yield ""
    yield f"why: {told['why']}"
    for reason in told["why_not"].values():
        yield f"why not: {reason}"
    for one in told["would_differ"]:
        yield f"else: {one}"
    left_out = told["rules_considered"] - len(told["rules"])
    yield ""
    yield f"rules considered: {told['rules_considered']}, not reached: {told['rules_not_reached']}"
    if left_out:
        yield f"  … {left_out} before these"
    for rule in told["rules"]:
        yield f"  {rule['rule']:<24}  {rule['outcome']:<9}  {rule['because'] or _seen(rule['saw'])}".rstrip()
    if told["candidates"]:
        yield ""
        yield f"candidates in {told['pool']}"
    for one in told["candidates"]:
        yield f"  {one['rep']:<24}  {_stands(one)}"


def _seen(saw: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in saw.items())


def _stands(one: dict[str, Any]) -> str:
    if one["objection"]:
        return f"no: {one['objection']}"
    chosen = "chosen, " if one["chosen"] else ""
    return f"{chosen}credit {one['credit']:+.2f}, {one['open_leads']} open"
