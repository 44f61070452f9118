"""`memory/pages.txt`: the census of guest RAM, made while it is read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from snapfs.snapshot.census import STEP, Census, Row
from snapfs.snapshot.memory import GuestMemory
from snapfs.tree.nodes import StreamFile

__all__ = ["pages"]

_LINE: Final = (1 << 30) // STEP
_COLUMNS: Final = ("pages", "hole", "zero", "same", "unique", "missing")
_HEAD = """\
# Pages of 4096 bytes. hole: not stored in the file; zero: stored, all zeros; same: a content that more than one page has;
# unique: a content of its own; missing: not in the snapshot. Every page is one of these.
"""


def pages(memory: GuestMemory) -> StreamFile:
    """The file. A dot for every 16 MiB that were looked at, a line of them for a GiB, then the table."""
    return StreamFile(lambda: _pieces(memory), lambda: 2 + sum(-(-r.length // STEP) for r in memory.by_address))


def _pieces(memory: GuestMemory) -> Iterator[bytes]:
    yield _HEAD.encode() + b"# "
    census = Census(memory)
    for count, _ in enumerate(census):
        yield b"\n# ." if count and count % _LINE == 0 else b"."
    lines = ["\n# start              end (exclusive)    " + " ".join(f"{name:>10}" for name in _COLUMNS) + "\n"]
    for row in census.rows:
        lines.append(f"0x{row.range.start:016x} 0x{row.range.end:016x} {_numbers([row])}\n")
    lines.append(f"{'total':<37} {_numbers(census.rows)}\n")
    if census.sampled > 1:
        lines.append(f"# same and unique are estimates, from one content in {census.sampled}; the other numbers are exact\n")
    yield "".join(lines).encode()


def _numbers(rows: list[Row]) -> str:
    return " ".join(f"{sum(getattr(row, name) for row in rows):>10}" for name in _COLUMNS)
