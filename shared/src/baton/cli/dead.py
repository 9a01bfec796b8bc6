"""`baton dead`: what services have parked, listed, shown, tried again or given up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from baton.cli.audit import parked_items
from baton.cli.client import SERVICES, Client, refused
from baton.cli.faults import Exit, Fault
from baton.cli.screen import out

STILL_STUCK = 409
GONE_ALONG = 404


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
    """Ask the services to try again. Raises Fault unless one fact is named, or all of them are meant; and if, of all,
    some are left."""
    if (parked_id is None or service is None) != everything:
        raise Fault("say which: service and id as listed, or --all", code=Exit.USAGE)
    with Client() as client:
        if parked_id is None:
            _replay_all(client, service)
            return
        (name,) = _services(service)
        _tell(name, parked_id, client.post(f"/{name}/v1/parked/{parked_id}/replay"))


def discard_parked(service: str, parked_id: int, reason: str) -> None:
    """Give one parked fact up for good; the reason is kept with it."""
    (name,) = _services(service)
    with Client() as client:
        _tell(name, parked_id, client.post(f"/{name}/v1/parked/{parked_id}/discard", {"reason": reason}))


def _replay_all(client: Client, service: str | None) -> None:
    """Try everything once, oldest first; what cannot go on yet keeps nobody else."""
    found = list(_everything(client, service))
    for name, item in found:
        if item["reason"] == "behind":
            continue  # follows by itself
        answer = client.ask("POST", f"/{name}/v1/parked/{item['id']}/replay")
        if answer.status_code == STILL_STUCK:
            said = answer.json()
            out.print(f"{name} {item['id']}: left, {said['title']}: {said['detail']}", markup=False)
        elif answer.status_code == GONE_ALONG:
            out.print(f"{name} {item['id']}: went along with one before it", markup=False)
        elif answer.is_error:
            raise refused(answer)
        else:
            _tell(name, int(item["id"]), answer.json())
    left = list(_everything(client, service)) if found else []
    if left:
        leads = len({(name, item["subject"]) for name, item in left})
        raise Fault(f"{len(left)} of {len(found)} are left, of {leads} leads", "`baton dead list` says why.")
    out.print(f"all {len(found)} are handled" if found else "nothing is parked")


def _tell(name: str, parked_id: int, done: dict[str, Any]) -> None:
    out.print(f"{name} {parked_id}: {done['done']}, {done['left']} of this lead still parked", markup=False)


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
