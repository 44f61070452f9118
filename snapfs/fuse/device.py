"""/dev/fuse, in front of libfuse: requests are read here, and those that are not answered here are handed on.

libfuse reads its requests from one descriptor and writes the answers to it. A request that is handed on waits in a file in
memory, which takes the place of /dev/fuse at that descriptor until libfuse has read it, which is when it calls a handler.
What libfuse answers without calling one (ENOSYS to what nobody handles) it writes behind the request; that is sent on with
the next look.

This is for what pyfuse3 has no handler for, lseek(2), and for reads, where its way costs more than the read itself.
"""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from pathlib import Path
from typing import Final

from snapfs.fuse.wire import OUT

__all__ = ["GONE", "NOTHING", "Device"]

#: no request is there
NOTHING: Final = 0
#: unmounted
GONE: Final = -1

_PAGE: Final = mmap.PAGESIZE
# the kernel's own default for fs.fuse.max_pages_limit, which kernels before 6.13 do not name
_MOST_PAGES: Final = 256


class Device:
    """The requests of one process. `fd` is readable when there is one; it never blocks."""

    def __init__(self, session: int) -> None:
        """`session` is libfuse's descriptor."""
        self._session = session
        self.fd = fcntl.fcntl(session, fcntl.F_DUPFD_CLOEXEC, 0)
        os.set_blocking(self.fd, False)
        self._paper = os.memfd_create("snapfs-request", os.MFD_CLOEXEC)
        # the kernel wants room for the largest request; pages that no request reaches cost nothing
        self.request = mmap.mmap(-1, (_most_pages() + 2) * _PAGE)
        self._into = [self.request]
        self._handed_on = 0

    def close(self) -> None:
        """Gives up all but libfuse's own descriptor."""
        self.take_back()
        os.close(self.fd)
        os.close(self._paper)

    def read(self) -> int:
        """The length of the request that now stands in `request`, NOTHING or GONE."""
        try:
            return os.readv(self.fd, self._into)
        except BlockingIOError:
            return NOTHING
        except OSError as error:
            if error.errno == errno.ENODEV:
                return GONE
            if error.errno in (errno.ENOENT, errno.EINTR):
                return NOTHING  # whoever asked was interrupted
            raise

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
        try:
            os.write(self.fd, OUT.pack(OUT.size, -number, unique))
        except OSError:
            pass  # nobody waits for it any more

    def hand_on(self, length: int) -> None:
        """Lets libfuse read the request."""
        os.ftruncate(self._paper, length)
        os.pwrite(self._paper, self.request[:length], 0)
        os.lseek(self._paper, 0, os.SEEK_SET)
        os.dup2(self._paper, self._session, inheritable=False)
        self._handed_on = length

    def take_back(self) -> None:
        """Libfuse has read: its descriptor is /dev/fuse again, and what it has written goes there."""
        if not self._handed_on:
            return
        os.dup2(self.fd, self._session, inheritable=False)
        end = os.lseek(self._paper, 0, os.SEEK_CUR)
        if end > self._handed_on:
            try:
                os.write(self.fd, os.pread(self._paper, end - self._handed_on, self._handed_on))
            except OSError:
                pass  # nobody waits for it any more
        self._handed_on = 0


def _most_pages() -> int:
    """How many pages a request may have."""
    try:
        return max(_MOST_PAGES, int(Path("/proc/sys/fs/fuse/max_pages_limit").read_text(encoding="ascii")))
    except (OSError, ValueError):
        return _MOST_PAGES
