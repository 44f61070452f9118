"""Slices of an opened file: read with `pread`, handed to the kernel as slices of a shared map.

The file is opened read-only and never changed. Whatever Python looks at goes through `pread`: touching a mapped page that a
shrinking file no longer has kills the process, while the kernel, given such a page in a reply, answers EFAULT. The map
is made on the first `view`.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
from bisect import bisect_right
from collections.abc import Iterator
from time import monotonic
from typing import Final

from snapfs.blob.ahead import Ahead
from snapfs.blob.algebra import Extent, Place, Zeros
from snapfs.blob.distance import is_far
from snapfs.blob.mapped import Map
from snapfs.errors import CannotOpen, CorruptState

__all__ = ["File", "FileSlice"]

log = logging.getLogger(__name__)

_PIECE: Final = 4 << 20
# stretches of a sparse file that are remembered; what is behind them counts as data
_STRETCHES: Final = 1 << 16
_HOLE: Final = Zeros(1 << 20)
# seconds between two looks at more than the size
_SELDOM: Final = 0.02
# up to this size a copy costs less than the pages of a map; it should stay in the processor's cache
_COPIED: Final = 256 << 10


class File:
    """An opened regular file. `size` is the size when it was opened; all reads are checked against the size of now."""

    def __init__(self, fd: int, name: str) -> None:
        """Takes over `fd`."""
        self.fd = fd
        self.name = name
        status = os.fstat(fd)
        self.size = status.st_size
        self.mtime_ns = status.st_mtime_ns
        self._ctime_ns = status.st_ctime_ns
        self._place = self._find_place()
        self._map: Map | None = None
        self._mappable = True
        self._ahead = Ahead()
        self._checked = 0.0
        #: even its size may have to be waited for
        self._far = is_far(status.st_dev)
        self._told = False
        #: where data begins and ends, alternating; None until it has been looked up, empty for a file without holes
        self._edges: list[int] | None = None if status.st_blocks * 512 < self.size else []

    @classmethod
    def open(cls, name: str, *, dir_fd: int | None = None) -> File:
        """Opens a regular file; CannotOpen for anything else, without waiting for a FIFO's writer."""
        try:
            fd = os.open(name, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, dir_fd=dir_fd)
        except OSError as error:
            raise CannotOpen(f"{name}: {error.strerror}; check its permissions") from error
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise CannotOpen(f"{name}: not a regular file; snapfs reads plain files")
        return cls(fd, name)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Closes the descriptor; the map goes with its last view."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        self._map = None

    def check(self, end: int) -> None:
        """CorruptState when the file no longer reaches to `end`. That it was deleted, moved or written to is logged once."""
        try:
            status = os.fstat(self.fd)
        except OSError as error:
            raise CorruptState(f"{self.name}: {error.strerror}; check the storage it is on") from error
        if status.st_mtime_ns != self.mtime_ns:
            self._edges = []  # somebody writes: what was a hole need not be one any more
            self._ahead.forget()
            self._changed("was written to while in use; what is read now may be neither the old nor the new")
        elif not status.st_nlink:
            self._changed("was deleted or replaced while in use; the file that was opened is still the one that is read")
        elif status.st_ctime_ns != self._ctime_ns:
            self._ctime_ns = status.st_ctime_ns
            place = self._find_place()
            if place != self._place:
                self._changed(f"was moved to {place} while in use; it is still the one that is read")
        if status.st_size < end:
            raise CorruptState(
                f"{self.name}: {status.st_size} bytes long now, {self.size} when it was opened; it was cut while in use, "
                "restore it and mount again"
            )

    def _find_place(self) -> str:
        """Where the file is now, proc_pid_fd(5); empty where that cannot be said."""
        try:
            return os.readlink(f"/proc/self/fd/{self.fd}")
        except OSError:
            return ""

    def _changed(self, how: str) -> None:
        if not self._told:
            self._told = True
            log.warning("%s: %s", self.name, how)

    def pread(self, offset: int, length: int) -> bytes:
        """Exactly the bytes at `offset` up to the size at opening; CorruptState when they are gone or unreadable."""
        wanted = max(0, min(length, self.size - offset))
        if self._edges is None:
            self._edges = self._find_edges()
        if wanted:
            self._check_seldom(offset + wanted)
        pieces: list[bytes] = []
        while wanted:
            try:
                piece = os.pread(self.fd, min(wanted, _PIECE), offset)
            except OSError as error:
                raise CorruptState(f"{self.name}: reading at {offset}: {error.strerror}; check the storage it is on") from error
            if not piece:
                self.check(offset + wanted)
                raise CorruptState(f"{self.name}: nothing could be read at {offset}; check the storage it is on")
            pieces.append(piece)
            offset += len(piece)
            wanted -= len(piece)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def view(self, offset: int, length: int) -> memoryview:
        """A slice of the map, to be handed to the kernel only."""
        wanted = max(0, min(length, self.size - offset))
        if not wanted:
            return memoryview(b"")
        self.check(offset + wanted)
        mapped = self._mapped()
        return mapped.view(offset, offset + wanted) if mapped else memoryview(self.pread(offset, wanted))

    def instant(self, offset: int, length: int) -> memoryview | None:
        """`view` where no disk has to be waited for: in a hole, or where all is in memory already. What can be written to is
        good until the next call."""
        edges = self._edges
        if edges is None or self._far:
            return None
        end = offset + length
        self._glance(end)
        ready = self._ahead
        if ready.start <= offset and end <= ready.end:
            return ready.buffer[offset - ready.start : end - ready.start]
        if edges and _is_hole(edges, offset, end):
            return _HOLE.view(0, length)
        if length <= _COPIED and ready.works:
            ready.prepare(self.fd, offset, length)
            if ready.works:
                return ready.buffer[:length] if ready.start == offset and end <= ready.end else None
        mapped = self._mapped()
        return mapped.view(offset, end) if mapped and mapped.resident(offset, end) else None

    def _glance(self, end: int) -> None:
        """`check`, of which all but the size is looked at now and then only."""
        if not self._check_seldom(end) and os.lseek(self.fd, 0, os.SEEK_END) < end:
            self.check(end)

    def _check_seldom(self, end: int) -> bool:
        """`check`, now and then only; whether it was time."""
        now = monotonic()
        due = now > self._checked + _SELDOM
        if due:
            self._checked = now
            self.check(end)
        return due

    def ahead(self, offset: int, length: int) -> None:
        """Gets ready what will be asked for next, if it is in memory."""
        edges = self._edges
        if edges is not None and not self._far and not (edges and _is_hole(edges, offset, offset + length)):
            self._ahead.prepare(self.fd, offset, length)

    def _mapped(self) -> Map | None:
        """The map; None where the file system has none to give, as FUSE with direct I/O and some of the network."""
        if self._map is None and self._mappable:
            try:
                self._map = Map(self.fd, self.size)
            except (OSError, ValueError):  # ValueError: the file is shorter than it was
                self._mappable = False
        return self._map

    def _find_edges(self) -> list[int]:
        edges: list[int] = []
        for extent in self.extents(0, self.size):
            if extent.kind == "data":
                edges += (extent.start, extent.end)
                if len(edges) >= 2 * _STRETCHES:
                    edges[-1] = self.size
                    break
        return edges or [0, 0]

    def extents(self, start: int, end: int) -> Iterator[Extent]:
        """Data and holes as the file system under the file knows them. What the file has lost since it was opened counts as
        data, so that reading it is tried and fails."""
        while start < end:
            try:
                data = os.lseek(self.fd, start, os.SEEK_DATA)
                stop = os.lseek(self.fd, data, os.SEEK_HOLE) if data < end else end
            except OSError as error:
                # ENXIO: only a hole is left, or nothing; anything else: the file system cannot tell, all is data
                size = os.fstat(self.fd).st_size if error.errno == errno.ENXIO else start
                if start < size:
                    yield Extent(start, min(size, end), "hole")
                if size < end:
                    yield Extent(max(start, size), end, "data")
                return
            if data > start:
                yield Extent(start, min(data, end), "hole")
            if data < end:
                yield Extent(data, min(stop, end), "data")
            start = stop


class FileSlice:
    """`size` bytes of a file from `start` on; the caller has checked that the file is that long."""

    def __init__(self, file: File, start: int = 0, size: int | None = None) -> None:
        self.file = file
        self.start = start
        self.size = file.size - start if size is None else size

    def pread(self, offset: int, length: int) -> bytes:
        n = max(0, min(length, self.size - offset))
        return self.file.pread(self.start + offset, n) if n else b""

    def view(self, offset: int, length: int) -> memoryview:
        return self.file.view(self.start + offset, max(0, min(length, self.size - offset)))

    def locate(self, _: int) -> Place:
        return Place(self.file, 0, self.size, self.start)

    def extents(self, start: int = 0, end: int | None = None) -> Iterator[Extent]:
        stop = self.size if end is None else min(end, self.size)
        for extent in self.file.extents(self.start + start, self.start + stop):
            yield Extent(extent.start - self.start, extent.end - self.start, extent.kind)


def _is_hole(edges: list[int], start: int, end: int) -> bool:
    """Whether there is nothing but a hole in a stretch that one reply can hold."""
    at = bisect_right(edges, start)
    return at % 2 == 0 and (at == len(edges) or end <= edges[at]) and end - start <= _HOLE.size
