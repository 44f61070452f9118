"""The messages of /dev/fuse that snapfs reads and writes itself. Source: include/uapi/linux/fuse.h; native byte order."""

from __future__ import annotations

import struct
from typing import Final

__all__ = [
    "GETXATTR",
    "IN",
    "LSEEK",
    "LSEEK_IN",
    "LSEEK_OUT",
    "OPEN",
    "OPENDIR",
    "OPEN_IN",
    "OPEN_OUT",
    "OUT",
    "READ",
    "READ_IN",
    "RELEASE",
    "RELEASEDIR",
    "RELEASE_IN",
]

#: `struct fuse_in_header`: length, opcode, number of the request, node, uid, gid, pid
IN: Final = struct.Struct("=IIQQIIIHH")
#: `struct fuse_out_header`: length, error as a negative errno, number of the request
OUT: Final = struct.Struct("=IiQ")

OPEN: Final = 14
OPENDIR: Final = 27
#: `struct fuse_open_in`: flags of open(2)
OPEN_IN: Final = struct.Struct("=I4x")
#: `struct fuse_open_out`: handle, flags
OPEN_OUT: Final = struct.Struct("=QI4x")

READ: Final = 15
#: `struct fuse_read_in`: handle, offset, size
READ_IN: Final = struct.Struct("=QQI20x")

RELEASE: Final = 18
RELEASEDIR: Final = 29
#: `struct fuse_release_in`: handle
RELEASE_IN: Final = struct.Struct("=Q16x")

GETXATTR: Final = 22

LSEEK: Final = 46
#: `struct fuse_lseek_in`: handle, offset, whence
LSEEK_IN: Final = struct.Struct("=QQI4x")
#: `struct fuse_lseek_out`: offset
LSEEK_OUT: Final = struct.Struct("=Q")
