"""`baton dead`: what services have parked, listed, shown and tried again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from baton.cli.audit import parked_items
from baton.cli.client import SERVICES, Client
from baton.cli.faults import Exit, Fault
from baton.cli.screen import out


def list_parked(service: str | None) -> None:
    """Print a line for everything parked; service and id name it to the other commands."""
    with Client() as client:
        found = list(_everything(client, service))
    for name, item in found:
        why = ": ".join(str(item[part]) for part in ("reason", "error") if item.get(part))
        out.print(f"{name:<11} {item['id']:>5}  {item['subject']}  {item['type']}  {why}", markup=False)
    if not found:
        out.print("nothing is parked")


def show_parked(service: str, parked_id: int) -> None:
    """Print one parked fact as JSON."""
    (name,) = _services(service)
    with Client() as client:
        item = client.get(f"/{name}/v1/parked/{parked_id}")
    out.print(orjson.dumps(item, option=orjson.OPT_INDENT_2).decode(), markup=False)


def replay_parked(service: str | None, parked_id: int | None, everything: bool) -> None:
    """Ask the services to try again. Raises Fault unless one fact is named, or all of them are meant."""
    if (parked_id is None or service is None) != everything:
        raise Fault("say which: service and id as listed, or --all", code=Exit.USAGE)
    with Client() as client:
        if parked_id is not None:
            todo = [(_services(service)[0], parked_id)]
        else:
            todo = _first_of_each_lead(client, service)
        for name, one in todo:
            done = client.post(f"/{name}/v1/parked/{one}/replay")
            out.print(f"{name} {one}: {done['done']}, {done['left']} of this lead still parked", markup=False)
    if not todo:
        out.print("nothing is parked")


def _first_of_each_lead(client: Client, service: str | None) -> list[tuple[str, int]]:
    """What waits behind the first one is handled along with it."""
    first: dict[tuple[str, str], int] = {}
    for name, item in _everything(client, service):
        first.setdefault((name, str(item["subject"])), int(item["id"]))
    return [(name, parked_id) for (name, _), parked_id in first.items()]


def _everything(client: Client, service: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    for name in _services(service):
        for item in parked_items(client, name):
            yield name, item


def _services(service: str | None) -> tuple[str, ...]:
    if service is None:
        return SERVICES
    if service not in SERVICES:
        raise Fault(f"there is no service {service!r}", f"The services are {', '.join(SERVICES)}.", Exit.USAGE)
    return (service,)
