"""Whether a file lies on this machine, or whoever looks at it may have to wait for another machine or process."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Final

__all__ = ["is_far"]

# file systems of which even the size of a file is asked from somebody else; `fuse.sshfs` and the like begin with `fuse`
_FAR: Final = frozenset(
    [
        "fuse",
        "fuseblk",
        "virtiofs",
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "9p",
        "ceph",
        "afs",
        "coda",
        "lustre",
        "gfs2",
        "ocfs2",
        "orangefs",
        "pvfs2",
        "beegfs",
        "gpfs",
        "glusterfs",
        "vboxsf",
        "hgfs",
    ]
)


@lru_cache(maxsize=64)
def is_far(device: int) -> bool:
    """Whether the file system with this device number is one that may not answer. Linux: Documentation/filesystems/proc.rst, 3.5."""
    wanted = f"{os.major(device)}:{os.minor(device)}"
    try:
        with open("/proc/self/mountinfo", encoding="latin-1") as lines:
            for line in lines:
                fields = line.split(" ")
                if fields[2] == wanted:
                    return fields[fields.index("-") + 1].partition(".")[0] in _FAR
    except (OSError, ValueError):
        pass  # no /proc: taken for near
    return False
