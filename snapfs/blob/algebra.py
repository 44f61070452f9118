"""The blobs that need no file, and the laws of all of them.

For every blob b and 0 <= offset: `b.pread(offset, n)` is `whole[offset:offset + n]`, empty past the end, never short
before it. It raises AddressError where a `Gap` begins at `offset`, and ends early only in front of one, so that a reader
gets every byte that exists and an error for the first that does not. `b.view(offset, n)` is the same bytes without a
copy where one piece of a mapped file holds them; such a view may only be handed to the kernel (a page of a shrunken file
kills the process that touches it). `b.extents()` covers 0 to size exactly, in order.

`locate(b, offset)` finds the blob that holds a byte, inside of those that are made of others. `instant` of such a leaf is
the same as `view` where it can be had without waiting for a disk, or None; a leaf need not have it. What it gives is
good until the next call.
"""

from __future__ import annotations

import functools
import mmap
import threading
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Literal, NamedTuple, Protocol, runtime_checkable

from snapfs.errors import AddressError, Unfinished

__all__ = ["Blob", "Concat", "Data", "Deferred", "Extent", "Gap", "Place", "Window", "Zeros", "concat", "locate", "seek", "settle"]

_MOST_ZEROS: Final = 1 << 20
# stretches that one call of `seek` looks at
_LOOKED_AT: Final = 4096


class Extent(NamedTuple):
    """A stretch of a blob: `data` is to be read, `hole` is known to be zeros, `gap` cannot be read."""

    start: int
    end: int
    kind: Literal["data", "hole", "gap"]


@runtime_checkable
class Blob(Protocol):
    """A sequence of `size` bytes."""

    @property
    def size(self) -> int: ...

    def pread(self, offset: int, length: int) -> bytes:
        """The bytes at `offset`, as many as exist of `length`; AddressError in a gap, CorruptState for a vanished file."""

    def view(self, offset: int, length: int) -> bytes | memoryview:
        """The same for a reply to the kernel, without a copy where that is possible; may be shorter at a seam, never empty
        before the end."""

    def extents(self, start: int = 0, end: int | None = None) -> Iterator[Extent]:
        """The stretches between `start` and `end`, cut at both."""


class Place(NamedTuple):
    """Where the bytes from `start` to `end` of a blob are: in `leaf`, `shift` further on."""

    leaf: Any
    start: int
    end: int
    shift: int


def locate(blob: Blob, offset: int) -> Place:
    """The place of the byte at `offset`, which is in the blob."""
    ask: Callable[[int], Place] | None = getattr(blob, "locate", None)
    return ask(offset) if ask else Place(blob, 0, blob.size, 0)


def seek(blob: Blob, offset: int, kind: Literal["data", "hole"]) -> int | None:
    """The first data, or the first hole, at `offset` or behind it, as lseek(2) has it: there is a hole at the end, and what is not
    known to be zeros is data. None where there is no more data, and behind the end."""
    if offset >= blob.size:
        return None
    for count, extent in enumerate(blob.extents(offset)):
        if (extent.kind == "hole") == (kind == "hole"):
            return extent.start
        if count == _LOOKED_AT:
            break  # too many to look at: the rest counts as data
    else:
        return blob.size if kind == "hole" else None
    return blob.size if kind == "hole" else extent.end


def settle(blob: Blob) -> None:
    """Makes what is deferred in a blob, so that its extents are exact, however long it takes. Raises what reading would."""
    do: Callable[[], None] | None = getattr(blob, "settle", None)
    if do:
        do()


def _clip(size: int, offset: int, length: int) -> int:
    return max(0, min(length, size - offset))


@functools.cache
def _zeros() -> memoryview:
    """Zeros for all. They are written, not only left untouched: the kernel is slow to read pages that do not exist yet."""
    buffer = mmap.mmap(-1, _MOST_ZEROS)
    buffer.write(bytes(_MOST_ZEROS))
    return memoryview(buffer).toreadonly()


class Data:
    """Bytes in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def pread(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + max(0, length)]

    view = instant = pread

    def extents(self, start: int = 0, end: int | None = None) -> Iterator[Extent]:
        stop = self.size if end is None else min(end, self.size)
        if start < stop:
            yield Extent(start, stop, "data")


class Zeros:
    """A hole: `size` bytes of zero that exist nowhere."""

    def __init__(self, size: int) -> None:
        self.size = size

    def pread(self, offset: int, length: int) -> bytes:
        return bytes(_clip(self.size, offset, length))

    def view(self, offset: int, length: int) -> memoryview:
        return _zeros()[: _clip(self.size, offset, length)]

    def instant(self, offset: int, length: int) -> memoryview | None:
        n = _clip(self.size, offset, length)
        return _zeros()[:n] if n <= _MOST_ZEROS else None

    def extents(self, start: int = 0, end: int | None = None) -> Iterator[Extent]:
        stop = self.size if end is None else min(end, self.size)
        if start < stop:
            yield Extent(start, stop, "hole")


class Gap:
    """Bytes that should be here and are not; reading says why."""

    def __init__(self, size: int, reason: str) -> None:
        self.size = size
        self.reason = reason

    def pread(self, offset: int, length: int) -> bytes:
        if _clip(self.size, offset, length):
            raise AddressError(self.reason)
        return b""

    view = pread

    def extents(self, start: int = 0, end: int | None = None) -> Iterator[Extent]:
        stop = self.size if end is None else min(end, self.size)
        if start < stop:
            yield Extent(start, stop, "gap")


class Deferred:
    """`size` bytes that `make` gives when they are first looked at; what it gives less is zeros, what it gives more is cut. It may raise
    Unfinished: a reader is told so, while `settle` goes on."""

    def __init__(self, size: int, make: Callable[[], bytes]) -> None:
        self.size = size
        self._make = make
        self._made: bytes | None = None
        self._lock = threading.Lock()

    def _content(self) -> bytes:
        with self._lock:
            if self._made is None:
                self._made = self._make()[: self.size]
            return self._made

    def pread(self, offset: int, length: int) -> bytes:
        wanted = _clip(self.size, offset, length)
        if not wanted:
            return b""
        return self._content()[offset : offset + wanted].ljust(wanted, b"\0")

    view = pread

    def settle(self) -> None:
        while True:
            try:
                self._content()
            except Unfinished:
                continue
            return

    def instant(self, offset: int, length: int) -> bytes | None:
        """Nothing before the content has been made."""
        return self.pread(offset, length) if self._made is not None else None

    def extents(self, start: int = 0, end: int | None = None) -> Iterator[Extent]:
        """Until the content has been made all of it counts as data."""
        stop = self.size if end is None else min(end, self.size)
        made = self.size if self._made is None else min(len(self._made), self.size)
        if start < min(made, stop):
            yield Extent(start, min(made, stop), "data")
        if max(start, made) < stop:
            yield Extent(max(start, made), stop, "hole")


class Window:
    """The part of another blob that begins at `start` and is `size` bytes long."""

    def __init__(self, blob: Blob, start: int, size: int) -> None:
        self._blob = blob
        self._start = start
        self.size = _clip(blob.size, start, size)

    def settle(self) -> None:
        settle(self._blob)

    def pread(self, offset: int, length: int) -> bytes:
        n = _clip(self.size, offset, length)
        return self._blob.pread(self._start + offset, n) if n else b""

    def view(self, offset: int, length: int) -> bytes | memoryview:
        n = _clip(self.size, offset, length)
        return self._blob.view(self._start + offset, n) if n else b""

    def locate(self, offset: int) -> Place:
        leaf, start, end, shift = locate(self._blob, self._start + offset)
        return Place(leaf, max(0, start - self._start), min(self.size, end - self._start), shift + self._start)

    def extents(self, start: int = 0, end: int | None = None) -> Iterator[Extent]:
        stop = self.size if end is None else min(end, self.size)
        for extent in self._blob.extents(self._start + start, self._start + max(start, stop)):
            yield Extent(extent.start - self._start, extent.end - self._start, extent.kind)


class Concat:
    """Several blobs in a row; empty ones are dropped."""

    def __init__(self, parts: Iterable[Blob]) -> None:
        self._parts = tuple(part for part in parts if part.size)
        starts = [0]
        for part in self._parts:
            starts.append(starts[-1] + part.size)
        self._starts = starts
        self.size = starts[-1]

    def settle(self) -> None:
        for part in self._parts:
            settle(part)

    def _at(self, offset: int) -> int:
        return bisect_right(self._starts, offset) - 1

    def pread(self, offset: int, length: int) -> bytes:
        wanted = _clip(self.size, offset, length)
        pieces: list[bytes] = []
        while wanted > 0:
            index = self._at(offset)
            try:
                piece = self._parts[index].pread(offset - self._starts[index], wanted)
            except AddressError:
                if pieces:
                    break
                raise
            pieces.append(piece)
            offset += len(piece)
            wanted -= len(piece)
            if not piece or offset < self._starts[index + 1]:
                break  # a gap inside the part: what came before it has been read
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def view(self, offset: int, length: int) -> bytes | memoryview:
        wanted = _clip(self.size, offset, length)
        if not wanted:
            return b""
        index = self._at(offset)
        inside = offset - self._starts[index]
        if inside + wanted <= self._parts[index].size:
            return self._parts[index].view(inside, wanted)
        return self.pread(offset, wanted)

    def locate(self, offset: int) -> Place:
        index = self._at(offset)
        base = self._starts[index]
        leaf, start, end, shift = locate(self._parts[index], offset - base)
        return Place(leaf, base + start, base + end, shift - base)

    def extents(self, start: int = 0, end: int | None = None) -> Iterator[Extent]:
        stop = self.size if end is None else min(end, self.size)
        while start < stop:
            index = self._at(start)
            base = self._starts[index]
            for extent in self._parts[index].extents(start - base, stop - base):
                yield Extent(base + extent.start, base + extent.end, extent.kind)
            start = self._starts[index + 1]


def concat(*parts: Blob) -> Blob:
    """The parts in a row; a single one stays itself."""
    real = [part for part in parts if part.size]
    return real[0] if len(real) == 1 else Concat(real)
