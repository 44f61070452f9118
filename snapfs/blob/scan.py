"""Where a few bytes occur in a part of a file, at the speed of the page cache.

The data is read into one buffer that stays in the processor's cache and searched there in C. Never through a memory map: a page
that a shrinking file no longer has kills the process that touches it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Final

from snapfs.blob.file import File

__all__ = ["STEP", "occurrences"]

#: bytes that are looked through between two signs of life
STEP: Final = 4 << 20
_BUFFER: Final = 512 << 10


def occurrences(file: File, start: int, end: int, needle: bytes) -> Iterator[int | None]:
    """The offsets of `needle` in the file's data from `start` to `end`, in order, and None after each `STEP` bytes. What cannot be
    read is passed over. The rarer the bytes of the needle and the longer it is, the faster."""
    overlap = len(needle) - 1
    buffer = bytearray(overlap + _BUFFER)
    view = memoryview(buffer)
    looked = 0
    for extent in file.extents(start, end):
        if extent.kind != "data":
            continue
        at, kept = extent.start, 0
        while at < extent.end:
            wanted = min(_BUFFER, extent.end - at)
            try:
                count = os.preadv(file.fd, [view[kept : kept + wanted]], at)
            except OSError:
                count = 0
            if count:
                held = kept + count
                found = buffer.find(needle, 0, held)
                while found >= 0:
                    yield at - kept + found
                    found = buffer.find(needle, found + 1, held)
                at += count
                kept = min(overlap, held)
                view[:kept] = view[held - kept : held]
            else:
                at, kept = at + wanted, 0
            looked += wanted
            if looked >= STEP:
                looked = 0
                yield None
