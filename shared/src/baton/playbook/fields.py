"""The types a definition gives to the fields of a lead, as CEL checks them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from cel_expr_python import cel
from google.protobuf import descriptor_pb2, descriptor_pool, timestamp_pb2, wrappers_pb2

if TYPE_CHECKING:
    from baton.playbook.definition import Definition, FieldType

# Wrappers, because a plain proto3 field that is absent reads as 0: `employees < 10` would be true of a size nobody
# knows.
_WRAPPERS = {
    "string": ".google.protobuf.StringValue",
    "int": ".google.protobuf.Int64Value",
    "double": ".google.protobuf.DoubleValue",
    "bool": ".google.protobuf.BoolValue",
    "timestamp": ".google.protobuf.Timestamp",
}


@dataclass(frozen=True)
class Schema:
    """Field names and their types."""

    types: dict[str, FieldType]

    @classmethod
    def of(cls, definition: Definition) -> Schema:
        """The schema a definition declares."""
        return cls({field.name: field.type for field in definition.fields})

    @cached_property
    def check_environment(self) -> cel.Env:
        """An environment in which typos, wrong types and `has()` of unknown fields are errors.

        For checking only, never run.
        """
        file = descriptor_pb2.FileDescriptorProto(
            name="baton/lead.proto",
            package="baton",
            syntax="proto3",
            dependency=["google/protobuf/wrappers.proto", "google/protobuf/timestamp.proto"],
        )
        message = file.message_type.add(name="Lead")
        for number, (name, kind) in enumerate(self.types.items(), 1):
            field = message.field.add(name=name, number=number if number < 19_000 else number + 1_000)
            if kind == "list":
                field.label, field.type = field.LABEL_REPEATED, field.TYPE_STRING
            else:
                field.label, field.type, field.type_name = field.LABEL_OPTIONAL, field.TYPE_MESSAGE, _WRAPPERS[kind]
        pool = descriptor_pool.DescriptorPool()
        for known in (wrappers_pb2, timestamp_pb2):
            pool.AddSerializedFile(known.DESCRIPTOR.serialized_pb)
        pool.AddSerializedFile(file.SerializeToString())
        return cel.NewEnv(descriptor_pool=pool, variables={"lead": cel.Type("baton.Lead")})
