"""Files that cost real work: produced piece by piece as they are read, stopped when they are closed.

Each opening is a run of its own, with a handle that no inode number can be. The size is known when a run has reached the end,
and from then on told.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import trio

from snapfs.fuse.waiting import Waiting
from snapfs.tree.nodes import StreamFile

__all__ = ["RUN", "Streams"]

#: handles of runs have this bit; inode numbers have 63 bits
RUN: Final = 1 << 63


class _Run:
    """One opening of one file."""

    def __init__(self, inode: int, node: StreamFile) -> None:
        self.inode = inode
        self.made = bytearray()
        self.ended = False
        self.stopped = False
        self._node = node
        self._pieces: Iterator[bytes] | None = None
        self.lock = trio.Lock()

    def step(self) -> None:
        """Makes one more piece; in a worker thread."""
        if self._pieces is None:
            self._pieces = iter(self._node.pieces())
        piece = next(self._pieces, None)
        if piece is None:
            self.ended = True
        else:
            self.made += piece

    def stop(self) -> None:
        """Ends the work and frees what it holds."""
        close = getattr(self._pieces, "close", None)
        if close is not None:
            close()
        self._pieces = None


class Streams:
    """The runs that are open, and the sizes that are known."""

    def __init__(self, waiting: Waiting) -> None:
        self._waiting = waiting
        self._runs: dict[int, _Run] = {}
        self._lengths: dict[int, int] = {}
        self._next = 0

    def __len__(self) -> int:
        return len(self._runs)

    def owns(self, handle: int) -> bool:
        """Whether a handle is that of a run."""
        return bool(handle & RUN)

    def inode(self, handle: int) -> int:
        """The number of the file behind a handle."""
        run = self._runs.get(handle)
        return run.inode if run else handle

    def length(self, inode: int) -> int | None:
        """The size of a file that was read to its end."""
        return self._lengths.get(inode)

    def forget(self, inode: int) -> None:
        """The kernel no longer knows the file."""
        self._lengths.pop(inode, None)

    def open(self, inode: int, node: StreamFile) -> int:
        """Begins a run; nothing is made yet."""
        self._next += 1
        handle = RUN | self._next
        self._runs[handle] = _Run(inode, node)
        return handle

    async def read(self, handle: int, offset: int, size: int) -> bytes:
        """Bytes of a run, at least one before the end, as soon as there are any."""
        run = self._runs[handle]
        with self._waiting.working():
            await self._advance(run, offset)
        return bytes(memoryview(run.made)[offset : offset + size])

    async def _advance(self, run: _Run, offset: int) -> None:
        async with run.lock:
            while len(run.made) <= offset and not run.ended and not run.stopped:
                await self._waiting.in_thread(run.step)
            if run.ended:
                self._lengths[run.inode] = len(run.made)

    async def close(self, handle: int) -> None:
        """The file was closed: the work stops behind the piece that is being made."""
        run = self._runs.pop(handle, None)
        if run is not None:
            run.stopped = True
            with self._waiting.working():
                async with run.lock:
                    run.stop()
