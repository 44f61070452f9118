"""Requests that are answered without pyfuse3: lseek(2) for data and holes, for which it has no handler, and those whose answer is at
hand, where its way costs more than the answer. A recursive reader asks for little else.

What is not answered here goes the usual way, so each of these answers is only a short cut, save that of lseek(2).
"""

from __future__ import annotations

import errno
import functools
import os
from collections.abc import Callable
from typing import Final, Literal

import pyfuse3

from snapfs.errors import SnapfsError
from snapfs.fuse import wire
from snapfs.fuse.device import Device
from snapfs.fuse.inodes import ROOT
from snapfs.fuse.operations import Operations
from snapfs.fuse.waiting import Waiting

__all__ = ["Direct"]

_KINDS: Final[dict[int, Literal["data", "hole"]]] = {os.SEEK_DATA: "data", os.SEEK_HOLE: "hole"}
# `FOPEN_DIRECT_IO` and `FOPEN_KEEP_CACHE`, linux: include/uapi/linux/fuse.h
_DIRECT_IO: Final = 1
_KEEP_CACHE: Final = 2
# more than this is sent by a second thread while others wait, and for that many requests after somebody has waited
_LARGE: Final = 256 << 10
_CROWD: Final = 16


class Direct:
    """Answers for the handlers of one process."""

    def __init__(self, operations: Operations, waiting: Waiting, uids: frozenset[int] | None = None) -> None:
        """`uids` are the users who may do anything at all, None for all whom the kernel lets pass: with `allow_root` libfuse
        turns the others away, so that their requests are left to it."""
        self._operations = operations
        self._waiting = waiting
        self._uids = uids
        self._crowd = 0
        self.last_read = 0
        #: by opcode: whether the request of a number, for a node, has been answered
        self._answers: dict[int, Callable[[Device, int, int], bool]] = {
            wire.READ: self._read,
            wire.OPEN: self._open,
            wire.RELEASE: self._release,
            wire.OPENDIR: self._opendir,
            wire.RELEASEDIR: self._releasedir,
            wire.GETXATTR: self._getxattr,
            wire.LSEEK: self._lseek,
        }

    def answered(self, device: Device) -> bool:
        """Answers the request that stands in the device, if that can be done at once."""
        _, opcode, unique, node, uid, *_ = wire.IN.unpack_from(device.request)
        answer = self._answers.get(opcode)
        if answer is None or (self._uids is not None and uid not in self._uids):
            return False
        return answer(device, unique, node)

    def meanwhile(self, device: Device) -> bool:
        """Sends an answer that waits, or gets ready what the reader who was answered last will ask for next; whether there was
        anything."""
        return device.second.help() or self._operations.ahead()

    def _read(self, device: Device, unique: int, _: int) -> bool:
        handle, offset, size = wire.READ_IN.unpack_from(device.request, wire.IN.size)
        data = self._operations.at_once(handle, offset, size)
        if data is None:
            return False
        self.last_read = size
        if size > _LARGE and self._is_crowded() and (isinstance(data, bytes) or data.readonly):
            device.second.put(functools.partial(self._send, device, unique, data, handle, offset))
        else:
            self._send(device, unique, data, handle, offset)
        return True

    def _send(self, device: Device, unique: int, data: bytes | memoryview, handle: int, offset: int) -> None:
        if device.answer(unique, data) == errno.EFAULT:
            self._operations.vanished(handle, offset)

    def _is_crowded(self) -> bool:
        """Whether several readers ask for much, now or just before."""
        if self._waiting.pressed:
            self._crowd = _CROWD if self._waiting.has_spare else 0
        elif self._crowd:
            self._crowd -= 1
        return self._crowd > 0

    def _open(self, device: Device, unique: int, node: int) -> bool:
        (flags,) = wire.OPEN_IN.unpack_from(device.request, wire.IN.size)
        direct = self._operations.open_at_once(node, flags)
        if direct is None:
            return False
        device.answer(unique, wire.OPEN_OUT.pack(node, _DIRECT_IO if direct else _KEEP_CACHE))
        return True

    def _release(self, device: Device, unique: int, _: int) -> bool:
        (handle,) = wire.RELEASE_IN.unpack_from(device.request, wire.IN.size)
        if self._operations.streams.owns(handle):
            return False
        device.answer(unique, b"")
        return True

    def _opendir(self, device: Device, unique: int, node: int) -> bool:
        if not self._operations.is_directory(node):
            return False
        device.answer(unique, wire.OPEN_OUT.pack(node, 0))
        return True

    def _releasedir(self, device: Device, unique: int, _: int) -> bool:
        device.answer(unique, b"")
        return True

    def _getxattr(self, device: Device, unique: int, node: int) -> bool:
        if node == ROOT:
            return False
        device.refuse(unique, errno.ENODATA)
        return True

    def _lseek(self, device: Device, unique: int, _: int) -> bool:
        handle, offset, whence = wire.LSEEK_IN.unpack_from(device.request, wire.IN.size)
        kind = _KINDS.get(whence)
        if kind is None:
            device.refuse(unique, errno.EINVAL)
            return True
        try:
            place = self._operations.seek_at_once(handle, offset, kind)
        except pyfuse3.FUSEError as error:
            device.refuse(unique, error.errno)
            return True
        except SnapfsError:
            place = None  # it is met again, and told, below
        if place is not None:
            device.answer(unique, wire.LSEEK_OUT.pack(place))
            return True

        async def found() -> None:
            try:
                late = await self._operations.seek(handle, offset, kind)
            except pyfuse3.FUSEError as error:
                device.refuse(unique, error.errno)
            else:
                device.answer(unique, wire.LSEEK_OUT.pack(late))

        self._waiting.start_apart(found)
        return True
