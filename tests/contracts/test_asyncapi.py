"""docs/asyncapi.yaml: of today, valid by the official schema of AsyncAPI, and true of the records Baton publishes."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from baton.contracts import FACTS, TOPICS
from baton.runtime.envelope import data_of, headers_of
from baton.runtime.ids import event_id
from tests.layout.tree import ROOT

OFFICIAL = Path(__file__).with_name("asyncapi-3.1.0") / "schema.json"
every_fact = pytest.mark.parametrize("name", sorted(FACTS))


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text())
    return found


@pytest.fixture(scope="module")
def official() -> jsonschema.protocols.Validator:
    return jsonschema.Draft7Validator(json.loads(OFFICIAL.read_text()))


def test_the_document_is_valid_asyncapi(document: dict[str, Any], official: jsonschema.protocols.Validator) -> None:
    assert document["asyncapi"] == "3.1.0"
    assert [error.message for error in official.iter_errors(document)] == []


@pytest.mark.parametrize(
    "path",
    [("info", "title"), ("channels", "leads.routing", "address"), ("operations", "tell.leads.routing", "action")],
)
def test_the_official_schema_sees_what_is_wrong(
    document: dict[str, Any], official: jsonschema.protocols.Validator, path: tuple[str, ...]
) -> None:
    broken = copy.deepcopy(document)
    *way, last = path
    place = broken
    for step in way:
        place = place[step]
    place[last] = 7
    assert list(official.iter_errors(broken))


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def walk(value: Any) -> None:
        if isinstance(value, dict):
            if isinstance(target := value.get("$ref"), str):
                place = document
                for step in target.removeprefix("#/").split("/"):
                    place = place[step]
            for inner in value.values():
                walk(inner)
        elif isinstance(value, list):
            for inner in value:
                walk(inner)

    walk(document)


def test_every_topic_and_fact_stands_in_the_document(document: dict[str, Any]) -> None:
    assert {topic: list(channel["messages"]) for topic, channel in document["channels"].items()} == {
        topic: list(types) for topic, types in TOPICS.items()
    }
    assert document["components"]["messages"].keys() == FACTS.keys()


@every_fact
def test_a_record_as_published_is_what_the_document_says(document: dict[str, Any], name: str) -> None:
    """By one and only one message of its topic: `ce_type` tells them apart."""
    message = document["components"]["messages"][name]
    example = message["examples"][0]["payload"]
    fact = FACTS[name].model_validate(example)
    headers = headers_of(
        service="routing", event_id=event_id("a", "b", 1), type=name, subject="s", sequence=1,
        at=datetime.now(UTC), now=datetime.now(UTC), cause_id="c", playbook="p", trace=None, heard={"intake": 3},
    )  # fmt: skip
    channel = document["channels"][fact.topic]
    fitting = [
        kind
        for kind in channel["messages"]
        if _is_valid(document, document["components"]["messages"][kind]["headers"], headers)
    ]
    assert fitting == [name]
    assert _is_valid(document, message["payload"], json.loads(data_of(fact)))
    named = set(message["headers"]["properties"]) | {"traceparent", "content-type"}
    assert set(headers) == named - {"ce_erased"}  # that one comes with forgetting


def _is_valid(document: dict[str, Any], schema: dict[str, Any], value: Any) -> bool:
    whole = {"components": document["components"], "allOf": [schema]}
    return not list(jsonschema.Draft7Validator(whole).iter_errors(value))
