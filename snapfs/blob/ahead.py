"""A buffer for what a reader will ask for next: filled while he is busy with what he has, from the page cache only.

The copy into a buffer that stays in the processor's cache is made while nobody waits for it; the kernel's own copy out of
the buffer is then a short one.
"""

from __future__ import annotations

import errno
import mmap
import os
from typing import Final

__all__ = ["Ahead"]

_SIZE: Final = 1 << 20


class Ahead:
    """The bytes from `start` to `end` of a file, in `buffer`."""

    __slots__ = ("buffer", "end", "start", "works")

    def __init__(self) -> None:
        self.start = self.end = 0
        self.buffer = memoryview(b"")
        #: whether the file system can say that a read would have to wait
        self.works = hasattr(os, "RWF_NOWAIT")

    def forget(self) -> None:
        """The file is not what it was."""
        self.start = self.end = 0

    def prepare(self, fd: int, start: int, length: int) -> None:
        """Puts here as much of a stretch of at most 1 MiB as is in the page cache."""
        length = min(length, _SIZE)
        if not self.works or (self.start <= start and start + length <= self.end):
            return
        if not self.buffer:
            self.buffer = memoryview(mmap.mmap(-1, _SIZE))
        self.end = self.start = start
        try:
            self.end += os.preadv(fd, [self.buffer[:length]], start, os.RWF_NOWAIT)
        except BlockingIOError:
            pass
        except OSError as error:
            # some file systems, and some C libraries, have no such read; an error of the disk is for who asks for it
            self.works = error.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS)
