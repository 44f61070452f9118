"""Requests that are answered without pyfuse3: reads of what is in memory already, where its way costs more than the read, and
lseek(2) for data and holes, for which it has no handler.
"""

from __future__ import annotations

import errno
import os
from typing import Final, Literal

import pyfuse3

from snapfs.errors import SnapfsError
from snapfs.fuse.device import Device
from snapfs.fuse.operations import Operations
from snapfs.fuse.waiting import Waiting
from snapfs.fuse.wire import IN, LSEEK, LSEEK_IN, LSEEK_OUT, READ, READ_IN

__all__ = ["Direct"]

_KINDS: Final[dict[int, Literal["data", "hole"]]] = {os.SEEK_DATA: "data", os.SEEK_HOLE: "hole"}


class Direct:
    """Answers for the handlers of one process."""

    def __init__(self, operations: Operations, waiting: Waiting) -> None:
        self._operations = operations
        self._waiting = waiting

    def answered(self, device: Device) -> bool:
        """Answers the request that stands in the device, if it is for us."""
        request = device.request
        _, opcode, unique, *_ = IN.unpack_from(request)
        if opcode == READ:
            handle, offset, size, _ = READ_IN.unpack_from(request, IN.size)
            data = self._operations.at_once(handle, offset, size)
            if data is None:
                return False
            if device.answer(unique, data) == errno.EFAULT:
                self._operations.vanished(handle, offset)
            return True
        if opcode == LSEEK:
            handle, offset, whence = LSEEK_IN.unpack_from(request, IN.size)
            self._seek(device, unique, handle, offset, whence)
            return True
        return False

    def meanwhile(self) -> None:
        """Gets ready what the reader who was answered last will ask for next."""
        self._operations.ahead()

    def _seek(self, device: Device, unique: int, handle: int, offset: int, whence: int) -> None:
        kind = _KINDS.get(whence)
        if kind is None:
            device.refuse(unique, errno.EINVAL)
            return

        try:
            place = self._operations.seek_at_once(handle, offset, kind)
        except pyfuse3.FUSEError as error:
            device.refuse(unique, error.errno)
            return
        except SnapfsError:
            place = None  # it is met again, and told, below
        if place is not None:
            device.answer(unique, LSEEK_OUT.pack(place))
            return

        async def found() -> None:
            try:
                late = await self._operations.seek(handle, offset, kind)
            except pyfuse3.FUSEError as error:
                device.refuse(unique, error.errno)
            else:
                device.answer(unique, LSEEK_OUT.pack(late))

        self._waiting.start_apart(found)
