"""The components of a machine as the state file has them: a tree of nodes, each with data of its own.

A component is `{"snapshots": {name: component}, "snapshot_data": ...}`. How the data is wrapped is the business of
`dialects`, what a binary leaf holds that of `leaves`; here both disappear, and every later module sees the plain value.
Data is decoded on first use, one component at a time.
Source: Cloud Hypervisor, vm-migration/src/lib.rs (`Snapshot`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from snapfs.errors import CorruptState
from snapfs.snapshot import document, leaves
from snapfs.snapshot.dialects import unwrap

__all__ = ["Component"]


class Component:
    """One node of the state file. `name` is its key, `parent` the node that holds it, None for the machine itself."""

    def __init__(self, node: Any, name: str = "", parent: Component | None = None) -> None:
        self.name = name
        self.parent = parent
        self.node: Mapping[str, Any] = node if isinstance(node, dict) else {}
        self.broken = not isinstance(node, dict)

    @property
    def where(self) -> str:
        """The place in the state file, for messages."""
        return f"{self.parent.where}/{self.name}" if self.parent else "state"

    @cached_property
    def children(self) -> Mapping[str, Component]:
        """The components inside, by key, in the order of the file."""
        nodes = self.node.get("snapshots")
        return {key: Component(node, key, self) for key, node in nodes.items()} if isinstance(nodes, dict) else {}

    @cached_property
    def wrapped(self) -> tuple[str, Any]:
        """The dialect's name and the data as it was wrapped."""
        data = self.node.get("snapshot_data")
        return unwrap(data) if data else ("none", None)

    @property
    def binary(self) -> bytes | None:
        """The bytes of a leaf that was saved as bytes; None for others."""
        payload = self.wrapped[1]
        return payload if isinstance(payload, bytes) else None

    @property
    def payload_bytes(self) -> bytes:
        """The data as its own text or bytes, without what the dialect wraps around it; empty where there is none."""
        payload = self.wrapped[1]
        if isinstance(payload, bytes):
            return payload
        text = payload if isinstance(payload, str) else json.dumps(payload) if payload is not None else ""
        return text.encode("utf-8", "surrogatepass")

    @cached_property
    def _decoded(self) -> leaves.Leaf | CorruptState:
        payload = self.wrapped[1]
        try:
            if isinstance(payload, str):
                return leaves.Leaf(document.parse(payload, self.where), "JSON")
            if isinstance(payload, bytes):
                return leaves.decode(self, payload)
        except CorruptState as error:
            return error.with_traceback(None)  # which would keep all that was tried
        return leaves.Leaf(payload, "as it is")

    @property
    def leaf(self) -> leaves.Leaf:
        """The data with how it was encoded; CorruptState when it cannot be decoded."""
        if isinstance(self._decoded, CorruptState):
            raise self._decoded.with_traceback(None)
        return self._decoded

    @property
    def data(self) -> Any:
        """The component's own state as plain JSON values; None where it has none."""
        return self.leaf.value

    @property
    def has_data(self) -> bool:
        """Whether the component carries state of its own."""
        return self.wrapped[1] is not None

    def find(self, *path: str) -> Component | None:
        """The component at a path below this one."""
        here: Component | None = self
        for key in path:
            here = here.children.get(key) if here else None
        return here

    def walk(self) -> Iterator[Component]:
        """This component and all below it, parents first."""
        pending = [self]
        while pending:
            here = pending.pop()
            yield here
            pending.extend(reversed(list(here.children.values())))
