"""The pages the code writes itself: settings, metrics, events. `python -m baton.cli.docs --write docs`.

Services are found by their entry points, as the runner finds them.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import orjson
from prometheus_client import CollectorRegistry
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from baton.cli import asyncapi
from baton.cli.playbook import DEFAULT
from baton.contracts import ROUTING, TOPICS
from baton.runtime.observe import RuntimeMetrics
from baton.runtime.run import ENTRY_POINTS, build_service, installed_services
from baton.runtime.settings import Settings

ASIDE = "<!-- Written by `make docs` from the code. Do not edit. -->\n"
FOR_THE_COMMAND = (
    (
        "`BATON_URL`",
        "the URL in `BATON_HOME/url`",
        "Where the command line finds Baton; without either `http://127.0.0.1:8000`.",
    ),
    ("`BATON_TOKEN`", "the token in `BATON_HOME/token`", "The token the command line shows."),
    (
        "`BATON_URL_INTAKE` `BATON_URL_SCORING` `BATON_URL_ROUTING` `BATON_URL_SLA_MONITOR` `BATON_URL_REPORTING`",
        "`BATON_URL`",
        "Where the command line finds one service, if there is no proxy that brings all five under one URL.",
    ),
)
FOR_TESTS = (
    ("`BATON_TEST_POSTGRES`", "a throw-away cluster", "URL of a PostgreSQL role that may create databases."),
    ("`BATON_TEST_KAFKA`", "a throw-away broker", "Bootstrap servers of an Apache Kafka."),
    ("`BATON_TEST_REQUIRE`", "nothing", "`all`, or a list such as `postgres,kafka`: fail instead of leaving out."),
    ("`BATON_DATASETS`", "left out", "Directory of real lead histories for tests and benches."),
    ("`BATON_FIXTURES`", "left out", "Directory of recorded requests of marketing platforms."),
)


def settings_page() -> str:
    """Every setting with its default and what it means."""
    lines = ["# Settings", "", ASIDE, "Read from the environment. Secrets of sources are named in `sources.yaml`.", ""]
    lines += ["## Every service", "", *_table(("setting", "default", "meaning"), _settings(Settings))]
    for name in installed_services():
        if own := list(_settings(_settings_of(name), skip=set(Settings.model_fields))):
            lines += ["", f"## {name}", "", *_table(("setting", "default", "meaning"), own)]
    lines += ["", "## The command `baton`", "", *_table(("setting", "default", "meaning"), FOR_THE_COMMAND)]
    secrets = [(f"`{name}`", "none", f"Signature secret of the source `{source}`.") for name, source in _secrets()]
    secrets += [(f"`{name}`", "none", f"URL or secret of `{told}`: docs/webhooks.md.") for name, told in _switches()]
    lines += ["", "## Secrets the example playbook names", "", *_table(("setting", "default", "meaning"), secrets)]
    lines += ["", "## Tests", "", *_table(("setting", "default", "meaning"), FOR_TESTS)]
    return "\n".join(lines) + "\n"


def metrics_page() -> str:
    """Every metric with its labels, service by service."""
    runtime = CollectorRegistry()
    RuntimeMetrics(runtime, "any")
    common = list(_metrics(runtime))
    lines = ["# Metrics", "", ASIDE, "At `/<service>/metrics`, in base units, without anything personal.", ""]
    lines += ["## Every service", "", *_table(("metric", "kind", "labels", "meaning"), common)]
    for name in installed_services():
        service = build_service(name, _settings_of(name)())
        own = [row for row in _metrics(service.registry) if row not in common]
        lines += ["", f"## {name}", "", *_table(("metric", "kind", "labels", "meaning"), own)]
    return "\n".join(lines) + "\n"


def events_page() -> str:
    """Every fact with its fields, topic by topic."""
    lines = ["# Events", "", ASIDE]
    lines += ["CloudEvents 1.0 on Kafka, binary mode; the key is the subject. [lifecycle.md](lifecycle.md) says what"]
    lines += ["each does to a lead. Over HTTP the same facts stand at `GET /<service>/v1/events`.", ""]
    for topic, facts in TOPICS.items():
        lines += [f"## {topic}", ""]
        for name, fact in facts.items():
            lines += [f"### {name}", "", " ".join((fact.__doc__ or "").split()), ""]
            lines += [*_table(("field", "type", "meaning"), _fields(_schema(fact))), ""]
    lines += ["## Parts", ""]
    for name, schema in sorted(_parts().items()):
        lines += [f"### {name}", "", " ".join(schema.get("description", "").split()), ""]
        lines += [*_table(("field", "type", "meaning"), _fields(schema)), ""]
    return "\n".join(lines).rstrip() + "\n"


def contract_of(page: str) -> str:
    """`page` with the tables and the example between its marks written anew: what CRMs read on `leads.routing`."""
    before, _, rest = page.partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"consume.md needs {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{_contract()}\n{END}{after}"


def _contract() -> str:
    facts = TOPICS[ROUTING]
    parts: set[str] = set()
    lines: list[str] = []
    for name, fact in facts.items():
        schema = _schema(fact)
        parts |= set(schema.get("$defs", {}))
        lines += [f"### {name}", "", " ".join((fact.__doc__ or "").split()), ""]
        lines += [*_table(("field", "type", "", "meaning"), _rows_of(schema)), ""]
    for name, schema in sorted(_parts().items()):
        if name in parts:
            lines += [f"### {name} (a part)", "", *_table(("field", "type", "", "meaning"), _rows_of(schema)), ""]
    lines += ["### Examples", ""]
    for name in facts:
        lines += [f"The data of a `{name}`, lists cut to one:", "", "```json", _shortened(name), "```", ""]
    return "\n".join(lines)


def _rows_of(schema: dict[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    always = schema.get("required", ())
    for (cell, kind, meaning), name in zip(_fields(schema), schema.get("properties", {}), strict=True):
        yield cell, kind, "always" if name in always else "", meaning


def _shortened(name: str) -> str:
    example = {key: value[:1] if isinstance(value, list) else value for key, value in asyncapi.example_of(name).items()}
    return orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()


PAGES = {
    "settings.md": settings_page,
    "metrics.md": metrics_page,
    "events.md": events_page,
    "asyncapi.yaml": asyncapi.document,
}
PARTLY = "consume.md"
"""Written by hand but for what stands between its marks."""
BEGIN, END = "<!-- written by `make docs` -->", "<!-- up to here -->"


def _settings_of(service: str) -> type[Settings]:
    """The service's own class of settings, or everybody's where it has none."""
    (point,) = (point for point in entry_points(group=ENTRY_POINTS) if point.name == service)
    module = import_module(f"{point.module.rpartition('.')[0]}.settings")
    own = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Settings)]
    return max(own, key=lambda one: len(one.model_fields), default=Settings)


def _settings(model: type[Settings], skip: Iterable[str] = ()) -> Iterator[tuple[str, str, str]]:
    for name, field in model.model_fields.items():
        if name not in set(skip):
            yield f"`BATON_{name.upper()}`", _default(field), field.description or ""


def _default(field: FieldInfo) -> str:
    value = field.get_default()
    return "none" if value in (None, "") else f"`{value}`"


def _secrets() -> Iterator[tuple[str, str]]:
    from baton.playbook import load

    for source in load(DEFAULT).sources.sources:
        for secret in source.signature.secrets if source.signature else ():
            if secret.env:
                yield secret.env, source.id


def _switches() -> Iterator[tuple[str, str]]:
    """What the endpoints and notices of the example playbook are switched on by."""
    from baton.playbook import load

    def named(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            if isinstance(value.get("env"), str):
                yield value["env"]
            for inner in value.values():
                yield from named(inner)

    targets = load(DEFAULT).targets
    places = [(one.id, one.model_dump(include={"url", "auth"})) for one in targets.endpoints]
    places += [(one.id, one.model_dump(include={"url"})) for one in targets.notices]
    for told, place in places:
        for name in named(place):
            yield name, told


def _metrics(registry: CollectorRegistry) -> Iterator[tuple[str, str, str, str]]:
    # Labels without a child yet show in no public listing.
    for collector in registry._collector_to_names:  # noqa: SLF001
        described: Any = collector
        for family in described.describe():
            suffix = "_total" if family.type == "counter" else ""
            labels = ", ".join(f"`{label}`" for label in getattr(collector, "_labelnames", ()))
            yield f"`{family.name}{suffix}`", family.type, labels, family.documentation


def _schema(fact: type[BaseModel]) -> dict[str, Any]:
    return fact.model_json_schema(mode="serialization")


def _parts() -> dict[str, dict[str, Any]]:
    """What facts are made of."""
    found: dict[str, dict[str, Any]] = {}
    for facts in TOPICS.values():
        for fact in facts.values():
            found |= _schema(fact).get("$defs", {})
    return found


def _fields(schema: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, field in schema.get("properties", {}).items():
        yield f"`{name}`", _type(field), field.get("description", "")


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    if "anyOf" in schema:
        return " or ".join(_type(one) for one in schema["anyOf"])
    if "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{schema['const']}`"
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    if schema.get("type") == "null":
        return "none"
    return str(schema.get("format") or schema.get("type") or "any JSON")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return lines + [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]


def main() -> int:
    """Write the pages into a folder."""
    parser = argparse.ArgumentParser(prog="python -m baton.cli.docs", description=__doc__)
    parser.add_argument("--write", type=Path, required=True, metavar="FOLDER")
    folder: Path = parser.parse_args().write
    # What is written must not depend on whose machine it is.
    for name in [name for name in os.environ if name.startswith("BATON_")]:
        del os.environ[name]
    for name, page in PAGES.items():
        (folder / name).write_text(page())
    partly = folder / PARTLY
    if partly.is_file():
        partly.write_text(contract_of(partly.read_text()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
