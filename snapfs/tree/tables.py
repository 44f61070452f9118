"""Tables: a directory of values as text, one `name value words` per line, aligned; and things side by side, one per line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

__all__ = ["columns", "table"]

# names longer than this do not push the others' values to the right
_WIDEST: Final = 40


def table(rows: Iterable[tuple[str, str, str]]) -> str:
    """The lines for `(name, value, words)`."""
    found = list(rows)
    width = min(max((len(name) for name, _, _ in found), default=0), _WIDEST)
    return "".join(f"{name:<{width}} {value}{' ' + words if words else ''}\n" for name, value, words in found)


def columns(rows: Sequence[Sequence[str]]) -> str:
    """The rows with their columns aligned; all have the same number of cells, the first is the heading."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "".join("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows)
