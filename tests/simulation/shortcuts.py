"""What a process makes once instead of once for each replica of each seed, and chance that comes from the seed.

A seed makes about nine replicas. Asking the interpreter for installed services, describing the same tables again
and reading settings from the environment took a fifth of a seed's time, and every new set of tables has its statements
compiled anew. None of this is shared state: tables, settings and playbooks do not change once they are made.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any
from unittest.mock import patch

from baton.intake.settings import IntakeSettings
from baton.playbook.loading import load
from baton.routing.settings import RoutingSettings
from baton.routing.tables import make_tables as routing_tables
from baton.runtime import ids
from baton.runtime.handler import Service
from baton.runtime.settings import Settings
from baton.scoring.store import make_tables as scoring_tables
from baton.sla_monitor.store import make_tables as sla_tables

LANES = 3
SETTINGS = Settings(home=Path("/nowhere"), partitions=LANES, playbook=Path("deploy/playbook").resolve())
_OWN: dict[str, type[Settings]] = {"intake": IntakeSettings, "routing": RoutingSettings}
_load = cache(load)
_ONCE = {
    "baton.routing.service.make_tables": cache(routing_tables),
    "baton.scoring.store.make_tables": cache(scoring_tables),
    "baton.sla_monitor.store.make_tables": cache(sla_tables),
    "baton.runtime.observe.baton_version": lambda: "simulated",
    "baton.playbook.watching.load": _load,
    "baton.playbook.watching.Watch._look": lambda _: (),  # nobody changes it: why read it for every replica
    "baton.playbook.watching.Watch._digest": lambda _: "",
}


@cache
def _builder(name: str) -> Callable[[Settings], Service[Any, Any]]:
    (point,) = entry_points(group="baton.services", name=name)
    builder: Callable[[Settings], Service[Any, Any]] = point.load()
    return builder


@cache
def _settings(name: str, settings: Settings) -> Settings:
    own = _OWN.get(name, Settings)
    return own(**settings.model_dump())


def build(name: str, settings: Settings = SETTINGS) -> Service[Any, Any]:
    """Return a service as `build_service` does, wired anew."""
    return _builder(name)(_settings(name, settings))


@contextmanager
def determined(chance: random.Random) -> Iterator[None]:
    """Chance comes from the seed, and what never changes is made once."""

    def uuid7(now: datetime, noise: bytes | None = None) -> str:
        return ids.uuid7(now, noise or chance.randbytes(10))

    with ExitStack() as patches:
        for where, what in {**_ONCE, "baton.intake.reception.uuid7": uuid7}.items():
            patches.enter_context(patch(where, what))
        yield
