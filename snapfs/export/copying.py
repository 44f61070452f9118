"""Moves the bytes of one file, piece by piece, and reads them back.

A file's bytes are its data extents; holes are never read nor written. A gap (memory that the snapshot should hold and does
not) is an error before the first byte is moved, so that nobody takes zeros for memory, unless the caller fills gaps.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from snapfs.blob import Blob, Extent, settle
from snapfs.errors import TruncatedMemory, WriteError
from snapfs.tree.nodes import File, StreamFile

__all__ = ["Advance", "Plan", "copy", "filled", "pieces", "plan"]

Advance = Callable[[int], object]
"""Called with the number of bytes that were just written or verified."""

_PIECE: Final = 1 << 20


class Plan(NamedTuple):
    """How one file is written: its data extents in order, its size, and how many of its bytes are gaps."""

    blob: Blob
    data: list[Extent]
    size: int
    missing: int


def plan(file: File, where: str, *, fill_gaps: bool = False) -> Plan:
    """The plan for a file that is not streamed. TruncatedMemory, naming the first gap, where it has any."""
    blob = file.blob()
    settle(blob)
    data: list[Extent] = []
    missing = 0
    for extent in blob.extents():
        if extent.kind == "gap":
            if not fill_gaps:
                raise TruncatedMemory(_gap(blob, extent, where))
            missing += extent.end - extent.start
        if extent.kind == "data":
            if data and data[-1].end == extent.start:
                data[-1] = Extent(data[-1].start, extent.end, "data")
            else:
                data.append(extent)
    return Plan(blob, data, blob.size, missing)


def _gap(blob: Blob, extent: Extent, where: str) -> str:
    try:
        blob.pread(extent.start, 1)
        reason = "not in the snapshot"
    except Exception as error:  # noqa: BLE001 - whatever reading says is the reason
        reason = str(error)
    return (
        f"{where}: {extent.end - extent.start} bytes at offset 0x{extent.start:x} cannot be read: {reason}; "
        "--fill-gaps writes zeros in their place"
    )


def pieces(plan: Plan) -> Iterator[tuple[int, bytes]]:
    """Offset and bytes of all data."""
    for extent in plan.data:
        at = extent.start
        while at < extent.end:
            piece = plan.blob.pread(at, min(_PIECE, extent.end - at))
            if not piece:
                raise TruncatedMemory(f"nothing could be read at offset 0x{at:x}; the snapshot changed while it was read")
            yield at, piece
            at += len(piece)


def filled(missing: int, where: str) -> TruncatedMemory:
    """What is said of a file that was written with zeros for what is missing."""
    return TruncatedMemory(f"{where}: zeros were written for {missing} bytes that are not in the snapshot")


def copy(file: File, fd: int, where: str, advance: Advance, *, fill_gaps: bool = False) -> int:
    """Writes a file's content to the empty file `fd`, then reads it back and compares. WriteError where it differs. Returns
    for how many bytes zeros were written."""
    written = hashlib.sha256()
    missing = 0
    if isinstance(file, StreamFile):
        at = 0
        for piece in file.pieces():
            _put(fd, piece, at)
            written.update(piece)
            at += len(piece)
        wanted = [Extent(0, at, "data")]
    else:
        p = plan(file, where, fill_gaps=fill_gaps)
        for start, piece in pieces(p):
            _put(fd, piece, start)
            written.update(piece)
            advance(len(piece))
        at, wanted, missing = p.size, p.data, p.missing
    os.ftruncate(fd, at)
    os.fsync(fd)
    verify(fd, wanted, at, written.digest(), where, advance)
    return missing


def _put(fd: int, data: bytes, at: int) -> None:
    view = memoryview(data)
    while view:
        n = os.pwrite(fd, view, at)
        view, at = view[n:], at + n


def verify(fd: int, data: list[Extent], size: int, digest: bytes, where: str, advance: Advance) -> None:
    """Reads a file back: WriteError where its size, or the SHA-256 of its data, is not what was written."""
    # what was just written is in the page cache: let go of it, so that the storage is asked
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    found = hashlib.sha256()
    for extent in data:
        at = extent.start
        while at < extent.end:
            piece = os.pread(fd, min(_PIECE, extent.end - at), at)
            if not piece:
                break
            found.update(piece)
            at += len(piece)
            advance(len(piece))
    if os.fstat(fd).st_size != size or found.digest() != digest:
        raise WriteError(f"{where}: reading back gives other bytes than were written; check the storage")
