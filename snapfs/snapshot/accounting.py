"""The memory table against itself and against the files: ranges that overlap, bytes that no range accounts for, files cut since."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from snapfs.snapshot.source import Source

__all__ = ["Overlap", "Range", "lay_out", "missing_now", "shrunken", "surplus"]


class Range(NamedTuple):
    """A range of RAM that was saved. `file` and `offset` say where; `missing` bytes at its end are beyond the file."""

    start: int
    length: int
    file: str
    offset: int
    zone: str
    slot: int | None
    kind: Literal["ram", "virtio-mem"]
    missing: int = 0

    @property
    def end(self) -> int:
        """The first address behind the range."""
        return self.start + self.length

    @property
    def name(self) -> str:
        """`<start>-<end>`, the name of the range in the tree."""
        return f"0x{self.start:016x}-0x{self.end:016x}"

    def from_(self, start: int) -> Range:
        """What is left of the range from an address on."""
        length = self.end - start
        return self._replace(start=start, length=length, offset=self.offset + self.length - length, missing=min(self.missing, length))


class Overlap(NamedTuple):
    """Two ranges that claim the addresses from `start` to `end`; `shown` begins first, and what it has is in physical memory."""

    start: int
    end: int
    shown: Range
    hidden: Range

    def __str__(self) -> str:
        return (
            f"memory table: range {self.hidden.name} overlaps {self.shown.name} from 0x{self.start:016x} to 0x{self.end:016x}; "
            "physical memory shows an address as the range that begins first has it, ranges/ has both"
        )


def lay_out(ranges: Iterable[Range]) -> tuple[tuple[Range, ...], list[Overlap]]:
    """The ranges in the order of addresses, each with what no range before it has, and the overlaps."""
    parts: list[Range] = []
    overlaps: list[Overlap] = []
    last: Range | None = None  # the one that reaches furthest
    for r in sorted(ranges, key=lambda r: (r.start, -r.length)):
        if last is None or r.start >= last.end:
            parts.append(r)
        else:
            overlaps.append(Overlap(r.start, min(r.end, last.end), last, r))
            if r.end <= last.end:
                continue
            parts.append(r.from_(last.end))
        last = r
    return tuple(parts), overlaps


def surplus(source: Source, ranges: Iterable[Range]) -> Iterator[str]:
    """A sentence for each memory file that has more than the table accounts for."""
    used: dict[str, int] = {}
    for r in ranges:
        used[r.file] = max(used.get(r.file, 0), r.offset + r.length)
    for name in source.memory_names:
        if name not in used:
            yield f"{name}: no range of the memory table is in this file; raw/{name} has it"
        elif (size := source.open(name).size) > used[name]:
            yield (
                f"{name}: {size} bytes long, the memory table accounts for {used[name]}; "
                f"what the last {size - used[name]} bytes are is not known, raw/{name} has them"
            )


def _size_now(source: Source, name: str) -> int | None:
    """The size that an opened file has now; None where that cannot be said, or it was never opened."""
    file = source.files().get(name)
    if file is None:
        return None
    try:
        return os.fstat(file.fd).st_size
    except OSError:
        return None


def shrunken(source: Source) -> dict[str, tuple[int, int]]:
    """The memory files that were cut since they were opened: their size now, and then."""
    found = {}
    for name, file in source.files().items():
        now = _size_now(source, name)
        if now is not None and now < file.size:
            found[name] = now, file.size
    return found


def missing_now(r: Range, now: int | None) -> int:
    """How many bytes at the end of a range are beyond a file of `now` bytes; None for a file that was not cut."""
    return r.missing if now is None else max(r.missing, min(r.length, r.offset + r.length - now))
