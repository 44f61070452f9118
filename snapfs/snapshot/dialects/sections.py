"""`snapshot_data: {"<id>-section": {"id": ..., "snapshot": [123, 34, ...]}}`: v0.7 to v28."""

from __future__ import annotations

from typing import Any

from snapfs.layout.record import octets

NAME = "sections"


def matches(data: Any) -> bool:
    """An object of exactly one section; a node without data has none."""
    if not isinstance(data, dict) or len(data) != 1:
        return False
    (section,) = data.values()
    return isinstance(section, dict) and isinstance(section.get("snapshot"), list)


def unwrap(data: Any) -> bytes:
    """The bytes of the section."""
    (section,) = data.values()
    return octets(section["snapshot"], "snapshot_data")
