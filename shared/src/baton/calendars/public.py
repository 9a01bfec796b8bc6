"""Public holidays by country and subdivision, from the `holidays` library."""

from __future__ import annotations

import datetime as dt
import sys
from functools import lru_cache
from importlib.util import find_spec
from types import ModuleType

import holidays


@lru_cache(maxsize=4096)
def public_holidays(
    country: str, subdivision: str | None, categories: tuple[str, ...], year: int
) -> frozenset[dt.date]:
    """Return the public holidays of one year. Raises ValueError for a country or subdivision nobody knows."""
    _load_countries_one_by_one()
    try:
        found = holidays.country_holidays(country, subdiv=subdivision, years=year, expand=False, categories=categories)
    except (NotImplementedError, ValueError) as fault:
        raise ValueError(f"holidays: {fault}") from fault
    return frozenset(found)


def _load_countries_one_by_one() -> None:
    """Let the library find a country's module without importing 250 others first.

    It asks for `holidays.countries.<name>`, and that package imports every country: 8 MB in each process for the two
    or three that a house has. A package that only knows where its modules lie gives the same holidays (tested for all).
    """
    name = "holidays.countries"
    if name in sys.modules:
        return
    spec = find_spec(name)
    if spec is not None and spec.submodule_search_locations:
        package = ModuleType(name)
        package.__path__ = list(spec.submodule_search_locations)
        sys.modules[name] = package
