"""The contract (`proto/weir/v1/*.proto`) as messages, made from the descriptors that the package carries.

No code is generated: `proto/tests/python.rs` holds the descriptors against the contract.
"""

from __future__ import annotations

from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory


def _pool() -> Any:
    held = resources.files(__package__).joinpath("weir_v1.binpb").read_bytes()
    pool = descriptor_pool.DescriptorPool()
    for file in descriptor_pb2.FileDescriptorSet.FromString(held).file:
        pool.Add(file)
    return pool


_POOL = _pool()


def message(name: str) -> Any:
    """The class of a message of `weir.v1`."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"weir.v1.{name}"))


def method(service: str, name: str) -> tuple[str, Any, Any]:
    """A method's path on the wire, and the classes of what it takes and what it answers."""
    found = _POOL.FindServiceByName(f"weir.v1.{service}").FindMethodByName(name)
    asked, answered = (message_factory.GetMessageClass(kind) for kind in (found.input_type, found.output_type))
    return f"/weir.v1.{service}/{name}", asked, answered
