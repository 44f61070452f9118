"""The ways in which releases wrap the state of a component, each recognised by its shape.

A node of the state file is `{"snapshots": {name: node}, "snapshot_data": ...}`; only the form of `snapshot_data` differs.
`ALL` is in order of preference; what none of them matches is kept as it is.
"""

from __future__ import annotations

from typing import Any, Protocol

from snapfs.snapshot.dialects import byte_list, json_string, sections

__all__ = ["ALL", "Dialect", "unwrap"]


class Dialect(Protocol):
    """One way of wrapping."""

    NAME: str

    @staticmethod
    def matches(data: Any) -> bool:
        """Whether `snapshot_data` has this form."""

    @staticmethod
    def unwrap(data: Any) -> str | bytes:
        """The text or bytes inside."""


ALL: tuple[Any, ...] = (json_string, byte_list, sections)


def unwrap(data: Any) -> tuple[str, Any]:
    """The name of the dialect and the payload: text, bytes, or the value itself where no dialect matches."""
    for dialect in ALL:
        if dialect.matches(data):
            return dialect.NAME, dialect.unwrap(data)
    return "unknown", data
