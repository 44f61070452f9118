"""Costly files of a mount with several serving processes: the supervisor makes them, the others ask it, piece by piece.

The kernel sends the reads of one open file to any process; the work behind them must go on in one place. Each question takes
a socket of its own along for the answer, so that a slow file holds up nobody else.
"""

from __future__ import annotations

import logging
import os
import socket
import struct
from typing import Final

import trio

from snapfs.errors import CorruptState, SnapfsError
from snapfs.fuse.shared import SharedTable
from snapfs.fuse.streams import RUN, Streams
from snapfs.fuse.waiting import Waiting
from snapfs.tree import Dir
from snapfs.tree.nodes import StreamFile

__all__ = ["RemoteStreams", "answer_all"]

log = logging.getLogger(__name__)

_QUESTION: Final = struct.Struct("<QQQQ")  # handle, inode, offset, size; the path follows. Size 0 closes
_LONGEST: Final = 1 << 16
_DATA: Final = b"\0"
_END: Final = b"\1"
_ERROR: Final = b"\2"
# a reply fits into one message of a local socket
_MOST: Final = 1 << 17


class RemoteStreams:
    """The runs as a serving process sees them."""

    def __init__(self, waiting: Waiting, table: SharedTable, supervisor: socket.socket) -> None:
        self._waiting = waiting
        self._table = table
        self._supervisor = supervisor
        self._next = 0
        self._process = 0

    def take_place(self, process: int) -> None:
        """From now on handles are those of this process."""
        self._process = process

    def __len__(self) -> int:
        return 0

    def owns(self, handle: int) -> bool:
        """Whether a handle is that of a run."""
        return bool(handle & RUN)

    def inode(self, handle: int) -> int:
        """The number of the file behind a handle."""
        return (self._table.fact(handle) if self.owns(handle) else None) or handle

    def length(self, inode: int) -> int | None:
        """The size of a file that was read to its end."""
        return self._table.fact(inode)

    def forget(self, inode: int) -> None:
        """The table forgets for us."""

    def open(self, inode: int, _: StreamFile) -> int:
        """Begins a run; nothing is made yet."""
        self._next += 1
        handle = RUN | self._process << 40 | self._next
        self._table.tell(handle, inode)
        return handle

    async def read(self, handle: int, offset: int, size: int) -> bytes:
        """Bytes of a run, at least one before the end, as soon as there are any."""
        inode = self._table.fact(handle) or 0
        path = self._table[inode].path
        question = _QUESTION.pack(handle, inode, offset, min(size, _MOST)) + os.fsencode(path)
        answer = await self._waiting.in_thread(self._ask, question)
        kind, data = answer[:1], answer[1:]
        if kind == _ERROR:
            raise CorruptState(data.decode(errors="replace"))
        if kind == _END:
            self._table.tell(inode, offset + len(data))
        elif kind != _DATA:
            raise CorruptState(f"{path}: the process that makes it did not answer; look into LOG")
        return data

    def _ask(self, question: bytes) -> bytes:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            with theirs:
                socket.send_fds(self._supervisor, [question], [theirs.fileno()])
            return ours.recv(_MOST + 1)

    async def close(self, handle: int) -> None:
        """The file was closed."""
        self._table.tell(handle, 0)
        self._supervisor.send(_QUESTION.pack(handle, 0, 0, 0))


async def answer_all(questions: socket.socket, root: Dir) -> None:
    """The supervisor's side: makes what is asked for, until it is cancelled."""
    streams = Streams(Waiting())
    handles: dict[int, int] = {}
    questions.setblocking(False)
    async with trio.open_nursery() as nursery:
        while True:
            await trio.lowlevel.wait_readable(questions)
            try:
                data, fds, _, _ = socket.recv_fds(questions, _LONGEST, 1)
            except BlockingIOError:
                continue
            if len(data) < _QUESTION.size:
                continue
            handle, inode, offset, size = _QUESTION.unpack_from(data)
            if not size:
                own = handles.pop(handle, None)
                if own is not None:
                    nursery.start_soon(streams.close, own)
                continue
            reply = socket.socket(fileno=fds[0])
            try:
                if handle not in handles:
                    node = root / os.fsdecode(data[_QUESTION.size :])
                    if not isinstance(node, StreamFile):
                        raise CorruptState("not a file that is made while it is read")
                    handles[handle] = streams.open(inode, node)
            except SnapfsError as error:
                with reply:
                    reply.send(_ERROR + str(error).encode())
                continue
            nursery.start_soon(_answer, streams, handles[handle], inode, offset, size, reply)


async def _answer(streams: Streams, handle: int, inode: int, offset: int, size: int, reply: socket.socket) -> None:
    with reply:
        try:
            data = await streams.read(handle, offset, size)
            kind = _END if len(data) < size and streams.length(inode) == offset + len(data) else _DATA
            message = kind + data
        except SnapfsError as error:
            message = _ERROR + str(error).encode()[:_MOST]
        except Exception as error:  # as for the kernel: one failed file must not end the others
            log.exception("internal error: %s; please report it", type(error).__name__)
            message = _ERROR + b"internal error"
        try:
            reply.send(message)
        except OSError:
            pass  # whoever asked has died
