"""/dev/fuse, in front of libfuse: requests are read here, and those that are not answered here are handed on.

libfuse reads its requests from one descriptor and writes the answers to it. A request that is handed on is written to a file in
memory, which takes the place of /dev/fuse at that descriptor until libfuse has read it, which is when it calls a handler.
What libfuse answers without calling one (ENOSYS to what nobody handles) it writes behind the request; that is sent on with
the next look.

This is for what pyfuse3 has no handler for, lseek(2), and for reads, where its way costs more than the read itself.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import mmap
import os
from pathlib import Path
from typing import Any, Final

from snapfs.fuse.second import Second
from snapfs.fuse.wire import OUT

__all__ = ["GONE", "NOTHING", "Device"]

#: no request is there
NOTHING: Final = 0
#: unmounted
GONE: Final = -1

_PAGE: Final = mmap.PAGESIZE
# the kernel's own default for fs.fuse.max_pages_limit, which kernels before 6.13 do not name
_MOST_PAGES: Final = 256
# the file of requests is begun anew when it is as long as this
_LONG: Final = 1 << 20

# These calls never wait. So the interpreter is not let go of, as `os` would: with threads at work, to get it back takes
# longer than the call.
_libc: Final[Any] = ctypes.PyDLL(None, use_errno=True)
_libc.read.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)
_libc.write.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t)
_libc.read.restype = _libc.write.restype = ctypes.c_ssize_t


class Device:
    """The requests of one process. `fd` is readable when there is one; it never blocks."""

    def __init__(self, session: int) -> None:
        """`session` is libfuse's descriptor."""
        self._session = session
        self.fd = fcntl.fcntl(session, fcntl.F_DUPFD_CLOEXEC, 0)
        os.set_blocking(self.fd, False)
        # libfuse reads where the last request ended; what is written goes to the end
        self._paper = os.memfd_create("snapfs-request", os.MFD_CLOEXEC)
        self._pen = os.open(f"/proc/self/fd/{self._paper}", os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._end = 0
        self._handed_on = False
        # the kernel wants room for the largest request; pages that no request reaches cost nothing
        self._room = (_most_pages() + 2) * _PAGE
        self.request = mmap.mmap(-1, self._room)
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self.request))
        #: sends answers too
        self.second = Second()

    def close(self) -> None:
        """Gives up all but libfuse's own descriptor."""
        self.take_back()
        for fd in (self._paper, self._pen):
            os.close(fd)
        if self.second.end():  # else the thread waits for a disk, and will write there
            os.close(self.fd)

    def read(self) -> int:
        """The length of the request that now stands in `request`, NOTHING or GONE."""
        length: int = _libc.read(self.fd, self._address, self._room)
        if length >= 0:
            return length
        number = ctypes.get_errno()
        if number == errno.ENODEV:
            return GONE
        if number in (errno.EAGAIN, errno.ENOENT, errno.EINTR):
            return NOTHING  # ENOENT: whoever asked was interrupted
        raise OSError(number, os.strerror(number), "/dev/fuse")

    def answer(self, unique: int, data: bytes | memoryview) -> int:
        """Answers a request; gives 0, ENOENT when nobody waits for it any more, or EFAULT when a page behind `data` has
        vanished, where the kernel has given EIO to the reader."""
        try:
            os.writev(self.fd, (OUT.pack(OUT.size + len(data), 0, unique), data))
        except OSError as error:
            return error.errno or errno.EIO
        return 0

    def refuse(self, unique: int, number: int) -> None:
        """Answers a request with an error."""
        self._send(OUT.pack(OUT.size, -number, unique))

    def _send(self, message: bytes) -> None:
        try:
            os.write(self.fd, message)
        except OSError:
            pass  # nobody waits for it any more

    def hand_on(self, length: int) -> None:
        """Lets libfuse read the request."""
        if self._end > _LONG:
            os.ftruncate(self._paper, 0)
            self._end = os.lseek(self._paper, 0, os.SEEK_SET)
        if _libc.write(self._pen, self._address, length) != length:
            raise OSError(errno.ENOMEM, "no memory for a request")
        self._end += length
        self._put(self._paper)
        self._handed_on = True

    def take_back(self) -> None:
        """Libfuse has read, and called a handler: its descriptor is /dev/fuse again."""
        if self._handed_on:
            self._handed_on = False
            self._put(self.fd)

    def catch_up(self) -> None:
        """Libfuse has read, and asks for more: if it has not called a handler, what it has written is sent."""
        if not self._handed_on:
            return
        self.take_back()
        end = os.lseek(self._paper, 0, os.SEEK_CUR)
        if end > self._end:
            self._send(os.pread(self._paper, end - self._end, self._end))
            self._end = end

    def _put(self, fd: int) -> None:
        if _libc.dup3(fd, self._session, os.O_CLOEXEC) < 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _most_pages() -> int:
    """How many pages a request may have."""
    try:
        return max(_MOST_PAGES, int(Path("/proc/sys/fs/fuse/max_pages_limit").read_text(encoding="ascii")))
    except (OSError, ValueError):
        return _MOST_PAGES
