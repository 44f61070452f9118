"""The messages of /dev/fuse that snapfs reads and writes itself. Source: include/uapi/linux/fuse.h; native byte order."""

from __future__ import annotations

import struct
from typing import Final

__all__ = ["IN", "LSEEK", "LSEEK_IN", "LSEEK_OUT", "OUT", "READ", "READ_IN"]

#: `struct fuse_in_header`: length, opcode, number of the request, node, uid, gid, pid
IN: Final = struct.Struct("=IIQQIIIHH")
#: `struct fuse_out_header`: length, error as a negative errno, number of the request
OUT: Final = struct.Struct("=IiQ")

READ: Final = 15
#: `struct fuse_read_in`: handle, offset, size
READ_IN: Final = struct.Struct("=QQII16x")

LSEEK: Final = 46
#: `struct fuse_lseek_in`: handle, offset, whence
LSEEK_IN: Final = struct.Struct("=QQI4x")
#: `struct fuse_lseek_out`: offset
LSEEK_OUT: Final = struct.Struct("=Q")
