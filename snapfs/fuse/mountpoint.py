"""The mount point: made where its last component is missing, removed again when it was made by us and is empty; and what is
mounted there already, as /proc/self/mountinfo tells.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterable
from typing import Final, NamedTuple

from snapfs.errors import Busy, MountError

__all__ = ["Mounted", "is_dead", "is_there", "keep_apart", "mounted_at", "mounts", "prepare", "remove", "resolved"]

_DEAD: Final = (errno.ENOTCONN, errno.ECONNABORTED)
_OCTAL: Final = re.compile(r"\\([0-7]{3})")
_MOST_LINKS: Final = 40  # as the kernel, path_resolution(7)


class Mounted(NamedTuple):
    """A row of mountinfo."""

    device: str
    path: str
    type: str
    source: str

    @property
    def ours(self) -> bool:
        """Whether it is a mount of snapfs."""
        return self.type == "fuse.snapfs"


def _plain(text: str) -> str:
    return os.fsdecode(_OCTAL.sub(lambda m: chr(int(m[1], 8)), text).encode("latin-1", "surrogateescape"))


def mounts(process: str = "self") -> list[Mounted]:
    """All mounts of a process's namespace, in the order of mounting. OSError for one that has ended or is not for us to see.
    Linux: Documentation/filesystems/proc.rst, 3.5."""
    found = []
    with open(f"/proc/{process}/mountinfo", encoding="latin-1") as lines:
        for line in lines:
            fields = line.rstrip("\n").split(" ")
            rest = fields.index("-")
            found.append(Mounted(fields[2], _plain(fields[4]), fields[rest + 1], _plain(fields[rest + 2])))
    return found


def resolved(path: str) -> str:
    """The absolute path of a mount point, links followed. What is mounted there is not touched: a mount that nobody serves, or
    not yet, would never answer."""
    taken = {mount.path for mount in mounts()}
    for _ in range(_MOST_LINKS):
        above, name = os.path.split(path.rstrip("/"))
        if name in ("", ".", ".."):
            return os.path.realpath(path)
        path = os.path.join(os.path.realpath(above), name)
        if path in taken:
            break
        try:
            path = os.path.join(os.path.dirname(path), os.readlink(path))
        except OSError:
            break  # no link, or not there
    return path


def mounted_at(path: str) -> Mounted | None:
    """What is mounted at exactly that path, the uppermost; it is not touched, since a dead one cannot be."""
    wanted = resolved(path)
    last = None
    for mount in mounts():
        if mount.path == wanted:
            last = mount
    return last


def is_there(path: str, device: str) -> bool:
    """Whether that mount is still where it was. The path is not touched: where autofs watches it, a look would mount again."""
    return any(mount.path == path and mount.device == device for mount in mounts())


def is_dead(path: str) -> bool:
    """Whether what is mounted there has lost its process. statvfs(2) asks it; stat(2) may be answered from the kernel's memory."""
    try:
        os.statvfs(path)
    except OSError as error:
        return error.errno in _DEAD
    return False


def prepare(path: str) -> bool:
    """Makes sure that something can be mounted at `path`; True when the directory was made here. MountError says why not."""
    # over the root of the system a mount hides everything, and unmounting it could take the root itself away
    if not path or os.path.realpath(path) == "/":
        raise MountError(
            f"{path or 'an empty name'}: nothing can be mounted there; name an empty directory, or one that does not exist yet"
        )
    try:
        status = os.stat(path)
    except FileNotFoundError:
        if os.path.islink(path):
            raise MountError(f"{path}: a symbolic link to nowhere; name a directory") from None
        return _make(path)
    except OSError as error:
        if error.errno in _DEAD:
            raise _stale(path) from error
        raise MountError(f"{path}: {error.strerror}; name a directory that you can use") from error
    if not stat.S_ISDIR(status.st_mode):
        raise MountError(f"{path}: not a directory; name an empty directory, or one that does not exist yet")
    here = mounted_at(path)
    if here is not None and here.ours:
        if is_dead(path):
            raise _stale(path)
        raise Busy(f"{path}: {here.source} is mounted here already; run `snapfs umount {path}` first, or name another directory")
    if os.geteuid() and not os.access(path, os.W_OK):
        raise MountError(f"{path}: no write permission; FUSE lets you mount only on a directory that you may write to")
    return False


def keep_apart(path: str, sources: Iterable[str], log_file: str | None) -> None:
    """MountError where a mount at `path`, resolved, would hide what it is made from or writes to: serving a request would then need
    an answer of this very mount."""
    inside = path.rstrip("/") + "/"
    for source in sources:
        real = os.path.realpath(source)
        if (real == path or real.startswith(inside)) and os.listdir(real):
            where = "is the snapshot itself" if real == path else f"holds the snapshot {source}"
            raise MountError(f"{path}: {where}, which the mount would hide; name a directory outside it")
    if log_file is not None and os.path.realpath(log_file).startswith(inside):
        raise MountError(f"{path}: the log file {log_file} is in it, which the mount would hide; name another place for one of them")


def _stale(path: str) -> MountError:
    """For a path that is, or lies in, the mount of a process that died."""
    wanted = os.path.abspath(path)
    above = [mount.path for mount in mounts() if mount.ours and wanted.startswith(mount.path.rstrip("/") + "/")]
    dead = path if mounted_at(path) or not above else above[-1]
    return MountError(
        f"{path}: the mount of a process that died is still here (transport endpoint is not connected); run `snapfs umount {dead}` first"
    )


def _make(path: str) -> bool:
    try:
        os.mkdir(path, 0o700)
    except FileNotFoundError:
        above = os.path.dirname(os.path.abspath(path))
        if os.path.isdir(above):
            raise MountError(f"{path}: nothing can be made in {above}; name a directory that you can use") from None
        raise MountError(f"{path}: {above} does not exist, and only the last directory is made; make it first") from None
    except OSError as error:
        raise MountError(f"{path}: cannot be made: {error.strerror}; name a directory that you can use") from error
    return True


def remove(path: str) -> None:
    """Removes a mount point that was made by us, if it is empty."""
    try:
        os.rmdir(path)
    except OSError:
        pass  # in use or filled meanwhile: it is not ours any more
