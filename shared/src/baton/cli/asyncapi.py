"""The AsyncAPI 3 document of everything Baton says: topics, headers, schemas, examples. Part of `make docs`."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import orjson
from ruamel.yaml import YAML
from ruamel.yaml.compat import StringIO

from baton.cli.schemas import VERSION, schema_of
from baton.contracts import TOPICS, Fact

ASYNCAPI = "3.1.0"
KAFKA_BINDING = "0.5.0"
RETENTION_MS = 30 * 24 * 3600 * 1000
PARTITIONS = 12
ABOUT = """\
What Baton's services publish on Kafka: CloudEvents 1.0 in binary mode. The data is the record's value, the attributes
stand in headers `ce_…`, the key is the subject. docs/consume.md tells how to read them."""

PUBLISHERS = {
    "leads.intake": ("intake", "What came from outside: leads, activity, touches, answers, statuses."),
    "leads.scoring": ("scoring", "Is it a lead, and why."),
    "leads.routing": ("routing", "Whose lead it is, why, and until when he must answer: what CRMs read."),
    "leads.sla": ("sla-monitor", "What was promised about a lead, and whether it was kept."),
    "leads.roster": (
        "routing",
        "The salespeople, and whose accounts are; key and subject are the rep's id, or `account:` and the account's.",
    ),
}

_TEXT = {"type": "string"}
_TIME = {"type": "string", "format": "date-time"}
HEADERS: dict[str, tuple[dict[str, Any], bool, str]] = {
    "ce_specversion": ({"const": "1.0"}, True, "CloudEvents 1.0."),
    "ce_id": ({**_TEXT, "format": "uuid"}, True, "Of this fact. The same fact told again has the same id."),
    "ce_source": (_TEXT, True, "Who says it: `urn:baton:<service>`."),
    "ce_type": (_TEXT, True, "Which fact it is."),
    "ce_subject": (
        _TEXT,
        True,
        "Whom it is about: the lead's id, which is the key too; of `rep.changed` the rep's, of `account.assigned` "
        "`account:` and the account's.",
    ),
    "ce_time": (_TIME, True, "When it happened."),
    "ce_recordedtime": (_TIME, True, "When the publisher wrote it down."),
    "ce_sequence": (
        {**_TEXT, "pattern": "^[0-9]{10}$"},
        True,
        "1, 2, 3 … without a gap, in ten digits: per subject and source.",
    ),
    "ce_partitionkey": (_TEXT, True, "The key."),
    "ce_correlationid": (_TEXT, True, "The same for everything about one subject."),
    "ce_causationid": (_TEXT, True, "Id of the fact, timer or command this follows from."),
    "ce_dataschema": (_TEXT, True, "Name of the schema of the data."),
    "ce_traceparent": (_TEXT, True, "The trace the lead's story began with (W3C)."),
    "ce_playbook": (_TEXT, False, "Version of the playbook that decided."),
    "ce_erased": ({"const": "true"}, False, "The person was forgotten: nothing of him is left in the data."),
    "ce_heard": (_TEXT, False, "For Baton's own recovery; ignore it."),
}
"""Name to schema, whether it is always there, and what it says. `traceparent` and `content-type` are the protocol's."""


def document() -> str:
    """Return the document as YAML."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 120
    # Nothing is shared: an alias would be no JSON.
    yaml.representer.ignore_aliases = lambda *_: True
    text = StringIO()
    text.write("# Written by `make docs` from the code. Do not edit.\n")
    yaml.dump(_plain(described()), text)
    return str(text.getvalue())


def _plain(value: Any) -> Any:
    return orjson.loads(orjson.dumps(value))


def described() -> dict[str, Any]:
    """Return the document."""
    facts = [fact for types in TOPICS.values() for fact in types.values()]
    return {
        "asyncapi": ASYNCAPI,
        "info": {"title": "Baton's facts", "version": VERSION, "description": ABOUT},
        "defaultContentType": "application/json",
        "servers": _servers(),
        "channels": {topic: _channel(topic, types) for topic, types in TOPICS.items()},
        "operations": {f"tell.{topic}": _operation(topic, types) for topic, types in TOPICS.items()},
        "components": {
            "correlationIds": {"subject": {"location": "$message.header#/ce_correlationid"}},
            "securitySchemes": {"scram": {"type": "scramSha512", "description": "Where the cluster asks for it."}},
            "messages": {fact.type: _message(fact) for fact in facts},
            "schemas": _schemas(facts),
        },
    }


def _servers() -> dict[str, Any]:
    return {
        "compose": {"host": "kafka:9092", "protocol": "kafka", "description": "Of docker-compose.yml, without a key."},
        "house": {
            "host": "broker.example:9093",
            "protocol": "kafka-secure",
            "description": "A house's own cluster, over TLS.",
            "security": [{"$ref": "#/components/securitySchemes/scram"}],
        },
    }


def _channel(topic: str, types: dict[str, type[Fact]]) -> dict[str, Any]:
    service, about = PUBLISHERS[topic]
    kafka = {
        "topic": topic,
        "partitions": PARTITIONS,
        "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": RETENTION_MS},
        "bindingVersion": KAFKA_BINDING,
    }
    return {
        "address": topic,
        "description": f"{about} Published by {service}; all about one subject is in one partition, in order.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in types},
        "bindings": {"kafka": kafka},
    }


def _operation(topic: str, types: dict[str, type[Fact]]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{topic}"},
        "summary": f"{PUBLISHERS[topic][0]} tells its facts.",
        "messages": [{"$ref": f"#/channels/{topic}/messages/{name}"} for name in types],
    }


def _message(fact: type[Fact]) -> dict[str, Any]:
    """One fact. `ce_type` is a constant, so that a record is one and only one of a channel's messages."""
    about = " ".join((fact.__doc__ or "").split())
    mine = {"ce_type": {"const": fact.type}, "ce_dataschema": {"const": f"urn:baton:schema:{fact.type}:{VERSION}"}}
    headers = {
        name: {**schema, **mine.get(name, {}), "description": what} for name, (schema, _, what) in HEADERS.items()
    }
    return {
        "name": fact.type,
        "title": fact.type,
        "summary": about.partition(". ")[0].rstrip(".") + ".",
        "description": about,
        "contentType": "application/json",
        "correlationId": {"$ref": "#/components/correlationIds/subject"},
        "headers": {
            "type": "object",
            "required": [name for name, (_, always, _) in HEADERS.items() if always],
            "properties": headers,
        },
        "payload": {"$ref": f"#/components/schemas/{fact.type}"},
        "bindings": {
            "kafka": {"key": {"type": "string", "description": "ce_subject"}, "bindingVersion": KAFKA_BINDING}
        },
        "examples": [{"name": fact.type, "payload": example_of(fact.type)}],
    }


def example_of(name: str) -> dict[str, Any]:
    """Return the committed example of a fact's data."""
    found: dict[str, Any] = orjson.loads((files("baton.contracts") / "examples" / f"{name}.json").read_bytes())
    return found


def _schemas(facts: list[type[Fact]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for fact in facts:
        schema = schema_of(fact)
        parts = {**schema.pop("$defs", {}), fact.type: schema}
        for name, part in parts.items():
            found[name] = _pointing_here({key: value for key, value in part.items() if key not in ("$schema", "$id")})
    return dict(sorted(found.items()))


def _pointing_here(schema: Any) -> Any:
    """The schema with its references to what stands beside it in the document."""
    if isinstance(schema, dict):
        return {
            key: value.replace("#/$defs/", "#/components/schemas/") if key == "$ref" else _pointing_here(value)
            for key, value in schema.items()
        }
    return [_pointing_here(one) for one in schema] if isinstance(schema, list) else schema
