"""`snapshot_data: [123, 34, ...]`, bytes of JSON or of versionize: v29 to v38."""

from __future__ import annotations

from typing import Any

from snapfs.layout.record import octets

NAME = "byte-list"


def matches(data: Any) -> bool:
    """A list of numbers."""
    return isinstance(data, list) and all(isinstance(v, int) for v in data)


def unwrap(data: Any) -> bytes:
    """The bytes."""
    return octets(data, "snapshot_data")
