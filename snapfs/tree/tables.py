"""Tables: a directory of values as text, one `name value words` per line, aligned."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

__all__ = ["table"]

# names longer than this do not push the others' values to the right
_WIDEST: Final = 40


def table(rows: Iterable[tuple[str, str, str]]) -> str:
    """The lines for `(name, value, words)`."""
    found = list(rows)
    width = min(max((len(name) for name, _, _ in found), default=0), _WIDEST)
    return "".join(f"{name:<{width}} {value}{' ' + words if words else ''}\n" for name, value, words in found)
