"""Saved guest RAM packed range after range, in the order of addresses, as all images have it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import NamedTuple

from snapfs.blob import Blob, Window
from snapfs.snapshot.memory import GuestMemory

__all__ = ["Packed", "Part"]


class Part(NamedTuple):
    """A range of which `size` bytes are in the snapshot; `offset` is its place in the packed image."""

    start: int
    size: int
    offset: int
    content: Blob


class Packed:
    """The parts of RAM that the snapshot has, in units of `unit` bytes. Zones that were left out, bytes behind a cut and what is
    less than a unit are no parts."""

    def __init__(self, memory: GuestMemory, unit: int = 1) -> None:
        parts: list[Part] = []
        offset = 0
        for r in memory.by_address:
            before = -r.start % unit
            size = (r.length - r.missing - before) // unit * unit
            if size > 0:
                parts.append(Part(r.start + before, size, offset, Window(memory.content(r), before, size)))
                offset += size
        self.parts = tuple(parts)
        self.size = offset
        self._starts = [part.start for part in parts]

    def cut(self, start: int, length: int) -> Iterator[tuple[int, int, int]]:
        """What of a physical stretch is in the snapshot: address, length, place in the packed image."""
        end = start + length
        index = max(0, bisect_right(self._starts, start) - 1)
        while index < len(self.parts) and self.parts[index].start < end:
            part = self.parts[index]
            low, high = max(start, part.start), min(end, part.start + part.size)
            if low < high:
                yield low, high - low, part.offset + low - part.start
            index += 1
