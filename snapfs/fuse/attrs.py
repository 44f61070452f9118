"""Nodes as the kernel sees them: mode, size, blocks, times, and for how long it may remember that."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from typing import Final

import pyfuse3

from snapfs.blob import Blob
from snapfs.errors import SnapfsError
from snapfs.fuse.inodes import Entry
from snapfs.tree import Dir, File, Link

__all__ = ["Owner", "attributes", "deferred", "is_direct"]

# a snapshot never changes: what was told once is true until it is unmounted
_FOREVER: Final = 86400.0 * 365
# how long the names in a directory that changes may be remembered: new ones are to appear within a second
_BRIEF: Final = 0.5
# the size of a file that cannot be made: not 0, so that whoever copies it reads, and gets the error
_FAILED_SIZE: Final = 4096
# stretches that are counted for st_blocks before the rest is taken for data
_EXTENTS: Final = 1 << 16


@dataclass(frozen=True)
class Owner:
    """To whom the files belong, and the modes."""

    uid: int
    gid: int
    file_mode: int = 0o400
    dir_mode: int = 0o500


def is_direct(node: File, *, cached: bool) -> bool:
    """Whether the page cache of the mount is passed by: for what changes, for what has no size yet, and for huge files, whose
    pages are in the cache already as those of the snapshot's own files. `cached` is the option `cache`."""
    return node.live or node.streamed or (node.huge and not cached)


def _blank(entry: Entry, owner: Owner) -> pyfuse3.EntryAttributes:
    attr = pyfuse3.EntryAttributes()
    attr.st_ino = entry.ino
    attr.st_uid = owner.uid
    attr.st_gid = owner.gid
    mtime = entry.mtime_ns or 0
    attr.st_mtime_ns = attr.st_ctime_ns = attr.st_atime_ns = mtime
    attr.st_nlink = 1
    if isinstance(entry.node, Dir):
        attr.st_mode = stat.S_IFDIR | owner.dir_mode
    elif isinstance(entry.node, Link):
        attr.st_mode = stat.S_IFLNK | 0o777
    else:
        attr.st_mode = stat.S_IFREG | owner.file_mode
    passing = entry.parent is not None and entry.parent.node.live
    attr.entry_timeout = _BRIEF if passing else _FOREVER
    attr.attr_timeout = _BRIEF if passing or entry.node.live else _FOREVER
    return attr


def attributes(entry: Entry, owner: Owner, length: int | None = None) -> pyfuse3.EntryAttributes:
    """The true attributes; may render or decode, so it may take its time. Never raises SnapfsError: what cannot be made
    keeps its name and has a size, so that reading it is tried. `length` is that of a stream that was read to its end."""
    attr = _blank(entry, owner)
    node = entry.node
    if isinstance(node, Link):
        attr.st_size = len(os.fsencode(node.target))
    elif isinstance(node, File):
        if node.streamed:
            attr.st_size = length or 0
            attr.attr_timeout = 0
        else:
            try:
                blob = node.blob()
            except SnapfsError:
                attr.st_size = _FAILED_SIZE
                return attr
            attr.st_size = blob.size
            attr.st_blksize = 1 << 20 if node.huge else 4096
            attr.st_blocks = _blocks(blob) if node.huge else -(-blob.size // 512)
        if node.live:
            attr.attr_timeout = 0
    return attr


def deferred(entry: Entry, owner: Owner, size: int = 0) -> pyfuse3.EntryAttributes:
    """Attributes for a listing that must not wait: name, number and kind are true, the rest is asked for when it is wanted."""
    attr = _blank(entry, owner)
    attr.attr_timeout = 0
    attr.st_size = size
    return attr


def _blocks(blob: Blob) -> int:
    """How much of a blob is data, in blocks of 512 bytes."""
    total = 0
    for count, extent in enumerate(blob.extents()):
        if count == _EXTENTS:
            total += blob.size - extent.start
            break
        if extent.kind == "data":
            total += extent.end - extent.start
    return -(-total // 512)
