"""Pages for people: Jinja2 with autoescape over one shared layout.

They work without JavaScript and load nothing from outside.
A service keeps its templates in `templates/` of its own package and extends `base.html`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import orjson
from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from baton.runtime.http.access import COOKIE

HERE = Path(__file__).parent
STATIC = HERE / "static"

MENU = (
    ("/reporting/", "Funnel"),
    ("/reporting/follow-up", "Follow-up"),
    ("/reporting/leads", "Leads"),
    ("/sla-monitor/", "SLA board"),
    ("/scoring/", "Definition"),
    ("/routing/held", "Held"),
)
"""The same on every page of every service; paths are the same in both set-ups."""

DESCRIBED = ("intake", "scoring", "routing", "sla-monitor", "reporting")
"""The services whose API pages name each other."""


def page(
    request: Request, template: str, *, status: int = 200, headers: Mapping[str, str] | None = None, **context: Any
) -> Response:
    """Return the page `template` of the service that answers, rendered with `context`.

    Every template has `service`, `path`, `menu` and `is_logged_in`, and the filters `instant`, `duration`, `percent`,
    `number`, `readable` and `times`.
    """
    environment: Environment = request.app.state.pages
    html = environment.get_template(template).render(
        service=request.app.state.access.service,
        path=request.url.path,
        menu=MENU,
        is_logged_in=COOKIE in request.cookies,
        **context,
    )
    return HTMLResponse(html, status, dict(headers or {}))


class Missing(StrictUndefined):
    """What a template names and nobody gave: may be asked whether it is there, fails when it is shown."""

    def __bool__(self) -> bool:  # type: ignore[override]  # the library says that it never returns
        return False


def make_environment(package: str | None) -> Environment:
    """Return the templates of one service: its own first, then the shared ones."""
    own = package_folder(package, "templates")
    folders = [*([own] if own else []), HERE / "templates"]
    environment = Environment(
        loader=FileSystemLoader(folders),
        autoescape=True,
        undefined=Missing,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.filters |= {"instant": instant, "duration": duration, "percent": percent, "number": number}
    environment.filters |= {"readable": readable, "times": times}
    return environment


def package_folder(package: str | None, name: str) -> Path | None:
    """Return the folder `name` inside `package`, if there is one."""
    spec = find_spec(package) if package else None
    places = (spec.submodule_search_locations or []) if spec else []
    return next((Path(place) / name for place in places if (Path(place) / name).is_dir()), None)


def instant(at: datetime | str | None, absent: str = "–") -> Markup | str:
    """Show a point in time: in the reader's own zone where scripts run, else in UTC."""
    if at is None:
        return absent
    when = (datetime.fromisoformat(at) if isinstance(at, str) else at).astimezone(UTC)
    machine = when.isoformat(timespec="seconds").replace("+00:00", "Z")
    return Markup('<time datetime="{}" data-instant>{} UTC</time>').format(machine, when.strftime("%Y-%m-%d %H:%M"))


_UNITS = ((86_400.0, "d", 3600.0, "h"), (3600.0, "h", 60.0, "min"), (60.0, "min", 1.0, "s"))


def duration(seconds: float | None, absent: str = "–") -> str:
    """Say a span in its two largest units: `2 h 5 min`."""
    if seconds is None:
        return absent
    if not seconds:
        return "0 s"
    sign, rest = ("−", -seconds) if seconds < 0 else ("", seconds)
    for size, unit, smaller, small_unit in _UNITS:
        if rest >= size:
            whole, left = divmod(rest, size)
            part = int(left // smaller)
            return f"{sign}{int(whole)} {unit}" + (f" {part} {small_unit}" if part else "")
    return f"{sign}{rest:.0f} s" if rest >= 1 else f"{sign}{rest * 1000:.0f} ms"


def percent(ratio: float | None, absent: str = "–") -> str:
    """Say a ratio between 0 and 1 as a percentage, to a tenth."""
    return absent if ratio is None else f"{ratio * 100:.1f} %"


def number(value: float | None, absent: str = "–") -> str:
    """Say a number with thin spaces between thousands, and no more decimals than it needs."""
    if value is None:
        return absent
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"
    return text.replace(",", "\u202f")


_UTC_TIME = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d) UTC")


def times(said: str) -> Markup:
    """Show text with the times that stand in it, `2026-03-01 09:30 UTC`, as `instant` shows them."""
    return Markup(_UTC_TIME.sub(r'<time datetime="\1T\2:00Z" data-instant>\g<0></time>', str(escape(said))))  # noqa: S704


def readable(value: Any) -> str:
    """Show JSON the way people read it."""
    return orjson.dumps(value, option=orjson.OPT_INDENT_2, default=str).decode()
