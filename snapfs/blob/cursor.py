"""Where somebody reads in a blob: the leaf that holds it is looked up once and read from as long as he stays in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from snapfs.blob.algebra import Blob, locate

__all__ = ["Cursor"]

# who reads on in small pieces has so much got ready for him at once
_AHEAD: Final = 64 << 10
# reads in a row of somebody who reads on; where several take turns, what is got ready for one is lost before he comes back
_SURE: Final = 2


class Cursor:
    """Reads of one blob that need not wait."""

    __slots__ = ("_ask", "_first", "_last", "_leaf", "_length", "_reached", "_reads_on", "_shift", "_size", "blob")

    def __init__(self, blob: Blob) -> None:
        self.blob = blob
        self._size = blob.size
        self._leaf: object = None
        self._ask: Callable[[int, int], bytes | memoryview | None] | None = None
        self._first = self._last = self._shift = 0
        self._reached = self._length = 0
        self._reads_on = 0

    def instant(self, offset: int, length: int) -> bytes | memoryview | None:
        """`view` where nothing has to be waited for, None where that cannot be said. What comes is complete, not cut at a seam,
        and good until the next call if it can be written to, else as long as it is held."""
        if not self._first <= offset < self._last:
            if offset >= self._size:
                return b""
            self._leaf, self._first, self._last, self._shift = locate(self.blob, offset)
            self._ask = getattr(self._leaf, "instant", None)
        end = offset + length
        if end > self._last:
            length = min(end, self._size) - offset
            end = offset + length
        self._reads_on = self._reads_on + 1 if offset == self._reached else 0
        self._reached = end
        self._length = length
        if end > self._last or self._ask is None:
            return None
        return self._ask(offset + self._shift, length)

    @property
    def slow(self) -> bool:
        """Whether its extents may have to be waited for."""
        return self._ask is None

    def ahead(self) -> bool:
        """Gets ready what somebody who reads on will ask for next; whether that was tried."""
        start = self._reached
        if self._reads_on >= _SURE and self._first <= start < self._last and (prepare := getattr(self._leaf, "ahead", None)):
            prepare(start + self._shift, min(max(self._length, _AHEAD), self._last - start))
            return True
        return False
