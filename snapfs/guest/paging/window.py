"""A window of virtual memory as a blob: translated page by page when it is read, with a gap where nothing is mapped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from snapfs.blob import Blob, Extent
from snapfs.errors import AddressError
from snapfs.guest.paging.space import AddressSpace, Translation
from snapfs.snapshot.memory import GuestMemory

__all__ = ["VirtualWindow"]

# how far pages that follow each other in both address spaces are read at once
_RUN: Final = 4 << 20
# page-table entries that are looked at to tell what is mapped in a window
_LOOKED_AT: Final = 1 << 20


class VirtualWindow:
    """`size` bytes at a virtual address; what is not mapped, or not in the snapshot, is a gap."""

    def __init__(self, space: AddressSpace, memory: GuestMemory, start: int, size: int) -> None:
        self._space = space
        self._memory = memory
        self._start = start
        self.size = size

    def _run(self, offset: int, length: int) -> Blob:
        """The physical window behind the bytes at `offset`: as far as pages follow each other, `length` at the most."""
        at = self._start + offset
        first = self._space.translate(at)
        if first.physical is None:
            raise AddressError(f"0x{at:016x}: not mapped: {first.reason}")
        wanted = min(length, _RUN)
        found = _rest(first, at)
        while found < wanted:
            more = self._space.translate(at + found)
            if more.physical != first.physical + found:
                break
            found += _rest(more, at + found)
        return self._memory.window(first.physical, min(found, wanted))

    def pread(self, offset: int, length: int) -> bytes:
        pieces: list[bytes] = []
        wanted = max(0, min(length, self.size - offset))
        while wanted:
            try:
                run = self._run(offset, wanted)
                piece = run.pread(0, run.size)
            except AddressError:
                if pieces:
                    break
                raise
            pieces.append(piece)
            if len(piece) < run.size:
                break  # a gap inside the run: what came before it has been read
            offset += len(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def view(self, offset: int, length: int) -> bytes | memoryview:
        wanted = max(0, min(length, self.size - offset))
        if not wanted:
            return b""
        run = self._run(offset, wanted)
        return run.view(0, run.size) if run.size == wanted else self.pread(offset, wanted)

    def extents(self, start: int = 0, end: int | None = None) -> Iterator[Extent]:
        # what is behind more tables than are worth it counts as data: reading it is tried
        stop = self.size if end is None else min(end, self.size)
        base = self._start
        at = start
        runs = self._space.mappings(base + start, base + stop, budget=_LOOKED_AT)
        for run in runs:
            if run is None:
                continue
            if run.start - base > at:
                yield Extent(at, run.start - base, "gap")
            offset = run.start - base
            for extent in self._memory.window(run.physical, run.end - run.start).extents():
                yield Extent(offset + extent.start, offset + extent.end, extent.kind)
            at = run.end - base
        if at < stop:
            yield Extent(at, stop, "data" if runs.stopped else "gap")


def _rest(translation: Translation, address: int) -> int:
    """How many bytes of the page that was translated lie at `address` and behind it."""
    return translation.page - (address & translation.page - 1) if translation.page else 1 << 64
