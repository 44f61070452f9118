"""`vcpus/`: one directory per vCPU, and all of them at a glance."""

from __future__ import annotations

from collections.abc import Iterator

from snapfs.snapshot import Snapshot
from snapfs.tree import reflect
from snapfs.tree.nodes import Dir, Node

__all__ = ["vcpus"]


def vcpus(snap: Snapshot) -> Iterator[tuple[str, Node]]:
    """The children of `vcpus/`."""
    for number, vcpu in snap.vcpus.items():
        yield str(number), Dir(lambda v=vcpu: reflect.facets(v))  # type: ignore[misc]
