"""A census of guest RAM: which pages are holes, zeros, repeated or unique, in one pass and with constant memory.

Contents are compared by a 64-bit hash with a key of this process, which a guest cannot aim at. Up to `KEPT` different contents
the census is exact but for collisions of the hash (one in 10^8 at that number). With more it goes on with one content in two,
four, eight ..., chosen by the hash: what is counted then stands for as many as are left out, and the numbers of `same` and
`unique` are estimates, good to about a hundredth.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from snapfs.blob import Blob
from snapfs.errors import SnapfsError
from snapfs.snapshot.memory import GuestMemory, Range

__all__ = ["KEPT", "PAGE", "STEP", "Census", "Row"]

PAGE: Final = 4096
#: different contents that are remembered, some 80 bytes each
KEPT: Final = 1 << 19
#: bytes between two signs of progress
STEP: Final = 16 << 20
_PIECE: Final = 4 << 20
_ZERO: Final = bytes(PAGE)
_ZEROS: Final = bytes(_PIECE)


@dataclass
class Row:
    """The pages of one range. `missing` ones are not in the snapshot or could not be read."""

    range: Range
    hole: int = 0
    zero: int = 0
    same: int = 0
    stored: int = 0
    missing: int = 0

    @property
    def pages(self) -> int:
        """All pages."""
        return -(-self.range.length // PAGE)

    @property
    def unique(self) -> int:
        """Pages with a content of their own."""
        return self.stored - self.same


class Census:
    """The census of one snapshot's RAM. Iterating does the work, and gives the number of bytes that were dealt with."""

    def __init__(self, memory: GuestMemory, kept: int = KEPT) -> None:
        self._memory = memory
        self._kept = kept
        # content: the number of the range where it was seen, or how many pages one more of it stands for, as a negative number
        self._seen: dict[int, int] = {}
        self._mask = 0
        self.rows = [Row(r) for r in memory.by_address]

    @property
    def sampled(self) -> int:
        """How many contents one that is remembered stands for; 1 as long as the census is exact."""
        return self._mask + 1

    def __iter__(self) -> Iterator[int]:
        for number, row in enumerate(self.rows):
            blob = self._memory.content(row.range)
            for start in range(0, row.range.length, STEP):
                end = min(start + STEP, row.range.length)
                self._stretch(number, row, blob, start, end)
                yield end - start
            row.same = min(row.same, row.stored)
        for row in self.rows:
            row.same = max(0, min(row.same, row.stored))
        self._seen.clear()

    def _stretch(self, number: int, row: Row, blob: Blob, start: int, end: int) -> None:
        """Counts the pages from `start` to `end`; a page that is partly data counts as data."""
        at = start
        for extent in blob.extents(start, end):
            if extent.kind == "hole":
                continue
            low = max(at, extent.start // PAGE * PAGE)
            high = min(end, -(-extent.end // PAGE) * PAGE)
            if low >= high:
                continue
            row.hole += _pages(low - at)
            if extent.kind == "gap":
                row.missing += _pages(high - low)
            else:
                self._data(number, row, blob, low, high)
            at = high
        row.hole += _pages(end - at)

    def _data(self, number: int, row: Row, blob: Blob, start: int, end: int) -> None:
        for at in range(start, end, _PIECE):
            length = min(_PIECE, end - at)
            try:
                piece = blob.pread(at, length)
            except SnapfsError:
                piece = b""
            row.missing += _pages(length) - _pages(len(piece))
            if len(piece) == _PIECE and piece == _ZEROS:
                row.zero += _PIECE // PAGE
                continue
            for offset in range(0, len(piece), PAGE):
                page = piece[offset : offset + PAGE]
                if page == _ZERO or (len(page) < PAGE and not any(page)):
                    row.zero += 1
                else:
                    row.stored += 1
                    self._count(number, row, hash(page))

    def _count(self, number: int, row: Row, content: int) -> None:
        before = self._seen.get(content)
        if before is None:
            if not content & self._mask:
                self._seen[content] = number
                if len(self._seen) > self._kept:
                    self._thin()
        elif before < 0:
            row.same -= before
        else:
            # the first page with this content is no longer alone
            weight = self._mask + 1
            row.same += weight
            self.rows[before].same += weight
            self._seen[content] = -weight

    def _thin(self) -> None:
        """Forgets half of what was seen once. What was seen again stays, and stands for as many as before: few contents fill
        many pages, and an estimate without them would be far off."""
        while len(self._seen) > self._kept // 2:
            self._mask = self._mask << 1 | 1
            self._seen = {c: n for c, n in self._seen.items() if n < 0 or not c & self._mask}
            if sum(n < 0 for n in self._seen.values()) > self._kept // 2:
                self._seen = {c: n * 2 if n < 0 else n for c, n in self._seen.items() if not c & self._mask}


def _pages(length: int) -> int:
    return -(-length // PAGE)
