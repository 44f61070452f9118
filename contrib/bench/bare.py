"""The yardstick for small reads: the least that pyfuse3 can do, one mapped file served by slices. `bare.py FILE MOUNTPOINT`."""

from __future__ import annotations

import errno
import mmap
import os
import stat
import sys

import pyfuse3
import trio


class Bare(pyfuse3.Operations):
    def __init__(self, path: str) -> None:
        super().__init__()
        fd = os.open(path, os.O_RDONLY)
        self.size = os.fstat(fd).st_size
        self.map = memoryview(mmap.mmap(fd, self.size, mmap.MAP_SHARED, mmap.PROT_READ))

    async def getattr(self, inode, ctx):
        attr = pyfuse3.EntryAttributes()
        attr.st_ino = inode
        attr.st_mode = stat.S_IFDIR | 0o500 if inode == pyfuse3.ROOT_INODE else stat.S_IFREG | 0o400
        attr.st_size = 0 if inode == pyfuse3.ROOT_INODE else self.size
        return attr

    async def lookup(self, parent, name, ctx):
        if name != b"file":
            raise pyfuse3.FUSEError(errno.ENOENT)
        return await self.getattr(2, ctx)

    async def open(self, inode, flags, ctx):
        return pyfuse3.FileInfo(fh=inode, direct_io=True)

    async def read(self, fh, off, size):
        return self.map[off : off + size]


if __name__ == "__main__":
    pyfuse3.init(Bare(sys.argv[1]), sys.argv[2], {*pyfuse3.default_options, "fsname=bare", "ro"})
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close()
