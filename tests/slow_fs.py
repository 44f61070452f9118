"""A file system that takes its time: `slow_fs.py DIRECTORY MOUNTPOINT FLAG` shows the files of a directory, and answers no request
about them while the file FLAG exists. It remembers nothing and lets the kernel remember nothing but file pages."""

from __future__ import annotations

import errno
import os
import stat
import sys

import pyfuse3
import trio


class Slow(pyfuse3.Operations):
    def __init__(self, directory: str, flag: str) -> None:
        super().__init__()
        self.paths = {number: os.path.join(directory, name) for number, name in enumerate(sorted(os.listdir(directory)), 2)}
        self.flag = flag

    async def wait(self) -> None:
        while os.path.exists(self.flag):
            await trio.sleep(0.02)

    async def getattr(self, inode, ctx=None):
        attr = pyfuse3.EntryAttributes()
        attr.st_ino = inode
        attr.attr_timeout = 0
        attr.st_mode = stat.S_IFDIR | 0o555
        if inode in self.paths:
            await self.wait()
            attr.st_mode = stat.S_IFREG | 0o444
            attr.st_size = os.stat(self.paths[inode]).st_size
            attr.st_mtime_ns = os.stat(self.paths[inode]).st_mtime_ns
        return attr

    async def lookup(self, parent, name, ctx=None):
        for inode, path in self.paths.items():
            if os.path.basename(path) == os.fsdecode(name):
                return await self.getattr(inode)
        raise pyfuse3.FUSEError(errno.ENOENT)

    async def opendir(self, inode, ctx):
        return inode

    async def readdir(self, fh, start, token):
        for number, (inode, path) in enumerate(self.paths.items(), 1):
            if number > start and not pyfuse3.readdir_reply(token, os.fsencode(os.path.basename(path)), await self.getattr(inode), number):
                return

    async def open(self, inode, flags, ctx):
        return pyfuse3.FileInfo(fh=inode, keep_cache=True)

    async def read(self, fh, off, size):
        await self.wait()
        with open(self.paths[fh], "rb") as file:
            file.seek(off)
            return file.read(size)


if __name__ == "__main__":
    pyfuse3.init(Slow(sys.argv[1], sys.argv[3]), sys.argv[2], {"fsname=slow", "ro"})
    try:
        trio.run(pyfuse3.main)
    finally:
        pyfuse3.close()
