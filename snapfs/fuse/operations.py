"""The handlers: what the kernel asks, answered with nodes. Handles are inode numbers: an open file has no state of its own.

What is at hand is answered at once; what must be decoded, rendered or read from a disk is done in a worker thread, so that
nobody waits for another one's file. One wrapper turns SnapfsError into its errno and anything unexpected into EIO.
"""

from __future__ import annotations

import errno
import functools
import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from itertools import islice
from typing import Any, Concatenate, Final, Literal, NoReturn, ParamSpec, TypeVar

import pyfuse3

from snapfs.blob import Blob, Cursor, seek
from snapfs.errors import IsADirectory, NoSuchNode, PathError, SnapfsError
from snapfs.fuse.attrs import Owner, attributes, deferred, is_direct
from snapfs.fuse.inodes import ROOT, Entry, InodeTable
from snapfs.fuse.remote import RemoteStreams
from snapfs.fuse.shared import Counters, SharedTable
from snapfs.fuse.streams import Streams
from snapfs.fuse.waiting import Waiting
from snapfs.tree import Dir, File, Link, Node
from snapfs.tree.nodes import ImageFile, StreamFile, TextFile

__all__ = ["PID_ATTRIBUTE", "Operations"]

log = logging.getLogger(__name__)

#: extended attribute of the root directory: the number of the serving process
PID_ATTRIBUTE: Final = b"user.snapfs.pid"

COUNTED: Final = ("lookup", "getattr", "readdir", "open", "read", "bytes", "errors")
LOOKUP, GETATTR, READDIR, OPEN, READ, BYTES, ERRORS = range(len(COUNTED))

# rendered texts that are kept between the requests that read them, in bytes
_KEPT: Final = 4 << 20
# names of a directory that are answered at once
_AT_ONCE: Final = 128
# messages that were logged already, so that a program that tries again and again does not fill the log
_SAID: Final = 1024

_WRITES: Final = os.O_WRONLY | os.O_RDWR | os.O_TRUNC

_P = ParamSpec("_P")
_T = TypeVar("_T")


def _answers(
    handler: Callable[Concatenate[Operations, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[Operations, _P], Coroutine[Any, Any, _T]]:
    """The one place where errors become what the kernel understands."""

    @functools.wraps(handler)
    async def answer(self: Operations, /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await handler(self, *args, **kwargs)
        except pyfuse3.FUSEError:
            raise
        except Exception as error:  # the boundary to the kernel: nothing may pass  # noqa: BLE001
            self.fail(error, handler.__name__, args[0] if args else 0)

    return answer


class Operations(pyfuse3.Operations):
    """The file system of one tree."""

    supports_dot_lookup = False
    enable_writeback_cache = False

    def __init__(
        self,
        root: Dir,
        owner: Owner,
        waiting: Waiting | None = None,
        *,
        table: InodeTable | None = None,
        streams: Streams | RemoteStreams | None = None,
        cached: bool = False,
        size: int = 0,
        on_init: Callable[[], None] | None = None,
        pid: int | None = None,
    ) -> None:
        """`table` and `streams` are the shared ones where several processes serve. `cached`: huge files go through the page
        cache. `size`: what df(1) shows. `on_init` is called when the kernel has spoken first."""
        super().__init__()
        self._waiting = waiting or Waiting()
        self.table = InodeTable(root) if table is None else table
        self.streams = Streams(self._waiting) if streams is None else streams
        self.counters = Counters(COUNTED)
        self._owner = owner
        self._cached = cached
        self._size = size
        self._on_init = on_init
        self._pid = pid or os.getpid()
        self._cursors: dict[int, Cursor] = {}
        #: whose read was answered last, and whether he was the one before too: for him something may be got ready
        self._last: Cursor | None = None
        self._next: Cursor | None = None
        self._texts: OrderedDict[int, Blob] = OrderedDict()
        self._texts_size = 0
        self._said: OrderedDict[str, None] = OrderedDict()

    def take_place(self, number: int) -> None:
        """From now on this process is that one of several."""
        self.counters.take_row(number)
        if isinstance(self.table, SharedTable):
            self.table.take_place(number)
        if isinstance(self.streams, RemoteStreams):
            self.streams.take_place(number)

    # ---- errors

    def fail(self, error: Exception, what: str, inode: Any) -> NoReturn:
        """Logs what went wrong and raises what the kernel understands."""
        if isinstance(error, PathError):
            raise pyfuse3.FUSEError(error.errno) from None
        self.counters.row[ERRORS] += 1
        entry = self.table.get(self.streams.inode(inode)) if isinstance(inode, int) else None
        where = entry.path if entry else f"inode {inode}"
        if isinstance(error, SnapfsError):
            self._say(logging.ERROR, f"{where}: {error}")
            raise pyfuse3.FUSEError(error.errno) from None
        self._say(logging.ERROR, f"{where}: internal error in {what}: {type(error).__name__}: {error}; please report it", error)
        raise pyfuse3.FUSEError(errno.EIO) from None

    def _say(self, level: int, message: str, error: Exception | None = None) -> None:
        if message in self._said:
            return
        self._said[message] = None
        if len(self._said) > _SAID:
            self._said.popitem(last=False)
        log.log(level, "%s", message, exc_info=error)

    # ---- names and attributes

    def init(self) -> None:
        if self._on_init:
            self._on_init()

    async def _told(self, entry: Entry) -> pyfuse3.EntryAttributes:
        """The true attributes of an entry, in a thread where they cost something."""
        told: pyfuse3.EntryAttributes | None = entry.told
        if told is not None:
            return told
        node = entry.node
        if isinstance(node, File) and not node.ready and not node.streamed:
            attr = await self._waiting.in_thread(self._attributes, entry)
        else:
            attr = self._attributes(entry)
        return attr

    def _attributes(self, entry: Entry) -> pyfuse3.EntryAttributes:
        """The true attributes; what was said once of what cannot change is said again."""
        told: pyfuse3.EntryAttributes | None = entry.told
        if told is not None:
            return told
        try:
            attr = attributes(entry, self._owner, self.streams.length(entry.ino))
        except Exception as error:  # noqa: BLE001 - a file that cannot be made by our own fault keeps its name too
            self._say(logging.ERROR, f"{entry.path}: internal error: {type(error).__name__}: {error}; please report it", error)
            attr = deferred(entry, self._owner)
            attr.st_size = 4096
        passing = entry.node.live or (entry.parent is not None and entry.parent.node.live)
        if not passing and not (isinstance(entry.node, File) and entry.node.streamed):
            entry.told = attr
            if self.table.shared and attr.st_size and not _is_quick(entry.node):
                self.table.tell(entry.ino, attr.st_size)
        return attr

    @_answers
    async def lookup(self, parent_inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:
        self.counters.row[LOOKUP] += 1
        parent = self.table[parent_inode]
        text = os.fsdecode(name)
        if text in (".", ".."):
            raise NoSuchNode(text)
        if isinstance(parent.node, Dir) and (parent.node.ready or parent.node.at_hand) and not parent.node.live:
            entry = self.table.child(parent, text)
        else:
            entry = await self._waiting.in_thread(self.table.child, parent, text)
        if entry is None:
            return self._absent(parent)
        attr = await self._told(entry) if _is_quick(entry.node) else self._listed(entry)
        self.table.count(entry)
        return attr

    def _absent(self, parent: Entry) -> pyfuse3.EntryAttributes:
        """A negative entry: the kernel remembers that there is no such name."""
        if parent.node.live:
            raise pyfuse3.FUSEError(errno.ENOENT)
        absent = pyfuse3.EntryAttributes()
        absent.st_ino = 0
        absent.entry_timeout = 300.0
        return absent

    async def forget(self, inode_list: Sequence[tuple[int, int]]) -> None:
        for ino, count in inode_list:
            if self.table.forget(ino, count):
                self._cursors.pop(ino, None)
                self._drop_text(ino)
                self.streams.forget(ino)

    @_answers
    async def getattr(self, inode: int, ctx: pyfuse3.RequestContext) -> pyfuse3.EntryAttributes:
        self.counters.row[GETATTR] += 1
        return await self._told(self.table[inode])

    @_answers
    async def readlink(self, inode: int, ctx: pyfuse3.RequestContext) -> bytes:
        node = self.table[inode].node
        if not isinstance(node, Link):
            raise pyfuse3.FUSEError(errno.EINVAL)
        return os.fsencode(node.target)

    # ---- directories

    @_answers
    async def opendir(self, inode: int, ctx: pyfuse3.RequestContext) -> int:
        if not isinstance(self.table[inode].node, Dir):
            raise pyfuse3.FUSEError(errno.ENOTDIR)
        return inode

    @_answers
    async def readdir(self, fh: int, start_id: int, token: Any) -> None:
        self.counters.row[READDIR] += 1
        parent = self.table[fh]
        node = parent.node
        if not isinstance(node, Dir):
            raise pyfuse3.FUSEError(errno.ENOTDIR)
        if node.at_hand and not node.live:
            entries = self._rendered(parent, node, start_id)
        elif node.ready and not node.live:
            entries, values = self._below(parent, node, start_id)
            if values:
                await self._waiting.in_thread(self._render, values)
        else:
            entries = await self._waiting.in_thread(self._rendered, parent, node, start_id)
        told = 0
        for entry in entries:
            attr = self._listed(entry)
            if not pyfuse3.readdir_reply(token, os.fsencode(entry.name), attr, start_id + told + 1):
                break
            told += 1
        self.table.count(*entries[:told])

    def _below(self, parent: Entry, node: Dir, start: int) -> tuple[list[Entry], list[Entry]]:
        """Entries of a directory from a place on, and those of them whose values are still to be rendered."""
        found = islice(node.children.items(), start, start + _AT_ONCE)
        entries = [self.table.entry(parent, name, child) for name, child in found]
        return entries, [entry for entry in entries if entry.told is None and _is_quick(entry.node)]

    def _render(self, values: list[Entry]) -> None:
        for entry in values:
            self._attributes(entry)

    def _rendered(self, parent: Entry, node: Dir, start: int) -> list[Entry]:
        """What a listing needs, all in one go."""
        entries, values = self._below(parent, node, start)
        self._render(values)
        return entries

    def _listed(self, entry: Entry) -> pyfuse3.EntryAttributes:
        """Attributes for a listing or a look-up: those that cost little, or that the kernel was told before. A size that must
        be worked for is left to those who ask for it: a look-up holds up all others in its directory (pyfuse3 does not ask
        for FUSE_PARALLEL_DIROPS)."""
        node = entry.node
        if entry.told is not None or not isinstance(node, File) or node.ready or node.streamed:
            return self._attributes(entry)
        # another process may have told its size: a file that is in use must not shrink to 0
        return deferred(entry, self._owner, self.table.fact(entry.ino) or 0)

    # ---- files

    @_answers
    async def open(self, inode: int, flags: int, ctx: pyfuse3.RequestContext) -> pyfuse3.FileInfo:
        self.counters.row[OPEN] += 1
        entry = self.table[inode]
        node = entry.node
        if flags & _WRITES:
            raise pyfuse3.FUSEError(errno.EROFS)
        if not isinstance(node, File):
            raise IsADirectory(f"{entry.path}: a directory")
        direct = is_direct(node, cached=self._cached)
        handle = self.streams.open(inode, node) if isinstance(node, StreamFile) else inode
        return pyfuse3.FileInfo(fh=handle, direct_io=direct, keep_cache=not direct)

    def open_at_once(self, inode: int, flags: int) -> bool | None:
        """As `open`, for a file whose handle is its number: whether it is read past the page cache. None leaves it to `open`."""
        entry = self.table.get(inode)
        if entry is None or flags & _WRITES or not isinstance(entry.node, File) or isinstance(entry.node, StreamFile):
            return None
        self.counters.row[OPEN] += 1
        return is_direct(entry.node, cached=self._cached)

    def is_directory(self, inode: int) -> bool:
        """Whether a number is known to be that of a directory."""
        entry = self.table.get(inode)
        return entry is not None and isinstance(entry.node, Dir)

    def at_once(self, fh: int, off: int, size: int) -> bytes | memoryview | None:
        """The bytes of a request where nothing has to be waited for; None leaves it to `read`. What can be written to is good
        until the next call."""
        cursor = self._cursors.get(fh)
        # where two files are read in turns, what is got ready for one would be lost to the other
        self._next = cursor if cursor is self._last else None
        self._last = cursor
        data: bytes | memoryview | None
        if cursor is None:
            data = self._text(fh, off, size)
        else:
            try:
                data = cursor.instant(off, size)
            except SnapfsError:
                return None  # `read` meets it again, and says so
        if data is not None:
            counters = self.counters.row
            counters[READ] += 1
            counters[BYTES] += len(data)
        return data

    def _text(self, inode: int, off: int, size: int) -> bytes | None:
        """Bytes of a text that has been rendered."""
        kept = self._texts.get(inode)
        if kept is None:
            entry = self.table.get(inode)
            if entry is None or not isinstance(entry.node, TextFile) or not entry.node.ready or entry.node.live:
                return None
            kept = entry.node.blob()
        return kept.pread(off, size)

    def ahead(self) -> bool:
        """Gets ready what will be asked for after the last `at_once`; whether there was anything."""
        cursor, self._next = self._next, None
        return cursor is not None and cursor.ahead()

    def vanished(self, fh: int, off: int) -> None:
        """A page of what was handed to the kernel was no longer in its file: who asked has got EIO, this is for the log."""
        entry = self.table.get(fh)
        self.counters.row[ERRORS] += 1
        self._say(logging.ERROR, f"{entry.path if entry else fh}: the file behind it was cut while {off} was read; mount again")

    async def read(self, fh: int, off: int, size: int) -> bytes | memoryview:  # type: ignore[override]
        try:
            if self.streams.owns(fh):
                return await self.streams.read(fh, off, size)
            cursor = self._cursors.get(fh)
            blob = cursor.blob if cursor else await self._content(fh)
            self.counters.row[READ] += 1
            data = b"" if off >= blob.size else await self._bytes(fh, blob, off, size)
            self.counters.row[BYTES] += len(data)
            return data
        except pyfuse3.FUSEError:
            raise
        except Exception as error:  # as `_answers`, which would cost every read another coroutine  # noqa: BLE001
            self.fail(error, "read", fh)

    async def _bytes(self, fh: int, blob: Blob, off: int, size: int) -> bytes | memoryview:
        """The bytes of a request. Where a gap follows, a reader past the page cache gets what is before it; the page cache
        would take a short answer for the end of the file."""
        node = self.table[fh].node
        if not isinstance(node, ImageFile):
            return blob.pread(off, size)
        data = await self._waiting.in_thread(blob.pread, off, size)
        if len(data) < min(size, blob.size - off) and not is_direct(node, cached=self._cached):
            raise pyfuse3.FUSEError(errno.EIO)
        return data

    def seek_at_once(self, fh: int, offset: int, kind: Literal["data", "hole"]) -> int | None:
        """As `seek`; None where that is not known yet."""
        cursor = self._cursors.get(fh)
        return None if cursor is None or cursor.slow else self._sought(cursor.blob, offset, kind)

    async def seek(self, fh: int, offset: int, kind: Literal["data", "hole"]) -> int:
        """lseek(2) for data or holes in an open file, in a thread where the blob has to be made or asked."""
        try:
            if self.streams.owns(fh):
                raise pyfuse3.FUSEError(errno.EINVAL)
            cursor = self._cursors.get(fh)
            blob = cursor.blob if cursor else await self._content(fh)
            return await self._waiting.in_thread(self._sought, blob, offset, kind)
        except pyfuse3.FUSEError:
            raise
        except Exception as error:  # as `_answers`  # noqa: BLE001
            self.fail(error, "lseek", fh)

    @staticmethod
    def _sought(blob: Blob, offset: int, kind: Literal["data", "hole"]) -> int:
        place = seek(blob, offset, kind)
        if place is None:
            raise pyfuse3.FUSEError(errno.ENXIO)
        return place

    async def _content(self, inode: int) -> Blob:
        """The content of a file: the images as long as the kernel knows them, of the texts those that were read last."""
        node = self.table[inode].node
        if not isinstance(node, File):
            raise IsADirectory("a directory has no content")
        if node.live:
            return await self._waiting.in_thread(node.blob)
        if isinstance(node, ImageFile):
            blob = node.blob() if node.ready else await self._waiting.in_thread(node.blob)
            self._cursors[inode] = Cursor(blob)
            return blob
        kept = self._texts.get(inode)
        if kept is not None:
            self._texts.move_to_end(inode)
            return kept
        if node.ready:
            return node.blob()
        blob = await self._waiting.in_thread(node.blob)
        if inode not in self._texts:
            self._texts[inode] = blob
            self._texts_size += blob.size
            while self._texts_size > _KEPT and len(self._texts) > 1:
                self._texts_size -= self._texts.popitem(last=False)[1].size
        return blob

    def _drop_text(self, inode: int) -> None:
        gone = self._texts.pop(inode, None)
        if gone is not None:
            self._texts_size -= gone.size

    @_answers
    async def release(self, fh: int) -> None:
        if self.streams.owns(fh):
            await self.streams.close(fh)

    async def flush(self, fh: int) -> None:
        raise pyfuse3.FUSEError(errno.ENOSYS)

    async def releasedir(self, fh: int) -> None:
        pass

    # ---- the file system

    async def statfs(self, ctx: pyfuse3.RequestContext) -> pyfuse3.StatvfsData:
        answer = pyfuse3.StatvfsData()
        answer.f_bsize = answer.f_frsize = 4096
        answer.f_blocks = -(-self._size // 4096)
        answer.f_bfree = answer.f_bavail = 0
        answer.f_files = len(self.table)
        answer.f_ffree = answer.f_favail = 0
        answer.f_namemax = 255
        return answer

    async def getxattr(self, inode: int, name: bytes, ctx: pyfuse3.RequestContext) -> bytes:
        if inode == ROOT and name == PID_ATTRIBUTE:
            return str(self._pid).encode()
        raise pyfuse3.FUSEError(pyfuse3.ENOATTR)

    async def listxattr(self, inode: int, ctx: pyfuse3.RequestContext) -> Sequence[bytes]:
        raise pyfuse3.FUSEError(errno.ENOSYS)


def _is_quick(node: Node) -> bool:
    """Whether a file is one value, as against a table or an image that must be put together."""
    return isinstance(node, TextFile) and not node.composed
