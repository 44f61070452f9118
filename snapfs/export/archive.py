"""Writes a tar stream that every tar reads, sparse files as GNU tar's format 1.0 in pax headers.

The standard library writes the headers and streams; it cannot make sparse members, but their format needs nothing of
it that it does not offer: three pax records, and in front of the data a map of it in decimal text, padded to a block.
Source: GNU tar manual, "Storing Sparse Files", PAX format, version 1.0.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Final

from snapfs.blob import Extent
from snapfs.errors import SnapfsError
from snapfs.export.copying import Advance, Plan, filled, pieces, plan, verify
from snapfs.export.disk import Failed, scratch_file
from snapfs.export.selection import Item, Selection
from snapfs.tree import Dir, File, Link
from snapfs.tree.nodes import StreamFile

__all__ = ["write_archive", "write_tar"]

_BLOCK: Final = 512
_BUFFER: Final = 1 << 20


def write_tar(selection: Selection, out: BinaryIO, name: str, advance: Advance, failed: Failed, *, fill_gaps: bool = False) -> None:
    """Writes the selection to `out` with `name` as its top entry. What cannot be read is told to `failed` and left out."""
    with tarfile.open(
        fileobj=out, mode="w|", bufsize=_BUFFER, format=tarfile.PAX_FORMAT, encoding="utf-8", errors="surrogateescape"
    ) as tar:
        for item in selection.items:
            member = _member(item, name)
            try:
                if missing := _add(tar, member, item, advance, fill_gaps=fill_gaps):
                    failed(item.path or name, filled(missing, item.path or name))
            except _Unreadable as failure:
                failed(item.path or name, failure.error)


def write_archive(
    selection: Selection, dest: Path, name: str, advance: Advance, failed: Failed, *, force: bool = False, fill_gaps: bool = False
) -> None:
    """Writes the same into a file, which gets its name when it has been read back."""
    with scratch_file(dest, force=force) as fd:
        out = _Hashed(fd)
        with io.BufferedWriter(out, _BUFFER) as buffer:
            write_tar(selection, buffer, name, advance, failed, fill_gaps=fill_gaps)
        os.fsync(fd)
        verify(fd, [Extent(0, out.size, "data")], out.size, out.digest(), dest.name, lambda _: None)


class _Hashed(io.RawIOBase):
    """A file that knows the SHA-256 of what was written to it."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._hash = hashlib.sha256()
        self.size = 0

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        n = os.write(self._fd, data)
        self._hash.update(memoryview(data)[:n])
        self.size += n
        return n

    def digest(self) -> bytes:
        """Of everything so far."""
        return self._hash.digest()


class _Unreadable(Exception):
    """A member that could not be begun; nothing of it is in the stream."""

    def __init__(self, error: SnapfsError) -> None:
        self.error = error


def _member(item: Item, name: str) -> tarfile.TarInfo:
    member = tarfile.TarInfo(f"{name}/{item.path}" if item.path else name)
    member.uid, member.gid = os.getuid(), os.getgid()
    member.mode = 0o400
    if item.mtime_ns is not None:
        member.mtime = item.mtime_ns // 10**9
        if part := item.mtime_ns % 10**9:
            member.pax_headers = {"mtime": f"{member.mtime}.{part:09d}"}
    return member


def _add(tar: tarfile.TarFile, member: tarfile.TarInfo, item: Item, advance: Advance, *, fill_gaps: bool) -> int:
    """Adds a member; returns for how many of its bytes zeros were written."""
    node = item.node
    missing = 0
    if isinstance(node, Dir):
        member.type, member.mode = tarfile.DIRTYPE, 0o700
        tar.addfile(member)
    elif isinstance(node, Link):
        member.type, member.mode, member.linkname = tarfile.SYMTYPE, 0o777, node.target
        tar.addfile(member)
    elif isinstance(node, File):
        try:
            if not node.huge or isinstance(node, StreamFile):
                data = node.read_bytes()
                member.size = len(data)
                source: io.RawIOBase | io.BytesIO = io.BytesIO(data)
            else:
                p = plan(node, item.path or member.name, fill_gaps=fill_gaps)
                source = _image(member, p, advance)
                missing = p.missing
        except SnapfsError as error:
            raise _Unreadable(error) from error
        tar.addfile(member, source)
    return missing


def _image(member: tarfile.TarInfo, p: Plan, advance: Advance) -> io.RawIOBase:
    """Makes `member` sparse where the image has holes, and gives what follows its header."""
    regions = _regions(p)
    data = sum(end - start for start, end in regions)
    head = b""
    if data < p.size:
        rows = [(start, end - start) for start, end in regions]
        if not rows or regions[-1][1] < p.size:
            rows.append((p.size, 0))  # GNU tar ends the map with an empty piece where the file ends in a hole
        head = "".join(f"{n}\n" for n in (len(rows), *(n for row in rows for n in row))).encode()
        head += bytes(-len(head) % _BLOCK)
        member.pax_headers = {
            **member.pax_headers,
            "GNU.sparse.major": "1",
            "GNU.sparse.minor": "0",
            "GNU.sparse.name": member.name,
            "GNU.sparse.realsize": str(p.size),
        }
        directory, _, base = member.name.rpartition("/")
        member.name = f"{directory}/GNUSparseFile.0/{base}" if directory else f"GNUSparseFile.0/{base}"
    member.size = len(head) + data
    return _Pieces(head, p, regions, advance)


def _regions(p: Plan) -> list[tuple[int, int]]:
    """The data as the map of a sparse member has it. GNU tar reads every region from whole blocks of its own, so that each but the
    last must fill them: what there is of a block beside data is zeros, and stored."""
    found: list[tuple[int, int]] = []
    for extent in p.data:
        start, end = extent.start // _BLOCK * _BLOCK, min(-(-extent.end // _BLOCK) * _BLOCK, p.size)
        if found and start <= found[-1][1]:
            found[-1] = found[-1][0], end
        else:
            found.append((start, end))
    return found


class _Pieces(io.RawIOBase):
    """A stream over a header and the data of a plan."""

    def __init__(self, head: bytes, p: Plan, regions: list[tuple[int, int]], advance: Advance) -> None:
        self._source = self._all(head, p, regions)
        self._rest = memoryview(b"")
        self._advance = advance

    @staticmethod
    def _all(head: bytes, p: Plan, regions: list[tuple[int, int]]) -> Iterator[bytes]:
        if head:
            yield head
        waiting = iter(regions)
        at = end = 0
        for start, piece in pieces(p):
            if start >= end:
                yield bytes(end - at)
                at, end = next(waiting)
            yield bytes(start - at)
            yield piece
            at = start + len(piece)
        yield bytes(end - at)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        found: list[bytes] = []
        while size:
            if not self._rest:
                piece = next(self._source, None)
                if piece is None:
                    break
                self._rest = memoryview(piece)
            part = self._rest if size < 0 else self._rest[:size]
            found.append(bytes(part))
            self._rest = self._rest[len(part) :]
            size = size if size < 0 else size - len(part)
            self._advance(len(part))
        return b"".join(found)
