"""The exception tree; every class knows its errno (for FUSE) and its exit code (for the command line).

    SnapfsError                 message = what, where, what to do
    ├─ UsageError               the command was given wrongly
    ├─ SnapshotError            the input is at fault
    │   ├─ CannotOpen           the operating system refused
    │   ├─ NotASnapshot         nothing in the directory is a snapshot
    │   ├─ Unsupported          a shape that snapfs recognises and cannot read
    │   ├─ CorruptState         file, place, offending value
    │   └─ TruncatedMemory      a memory file that is shorter than its table says
    ├─ AddressError             guest memory that the snapshot does not hold
    ├─ Unfinished               work that goes on when it is asked for again
    ├─ PathError                a path that the tree does not have
    │   ├─ NoSuchNode
    │   ├─ NotADirectory
    │   └─ IsADirectory
    ├─ WriteError               an export or a log could not be written
    └─ MountError               the mount point or FUSE is at fault
        ├─ FuseUnavailable
        └─ Busy

Exit codes are those of snapfs(1): the class is their only home.
"""

from __future__ import annotations

import errno as _errno
from typing import ClassVar

__all__ = [
    "AddressError",
    "Busy",
    "CannotOpen",
    "CorruptState",
    "FuseUnavailable",
    "IsADirectory",
    "MountError",
    "NoSuchNode",
    "NotADirectory",
    "NotASnapshot",
    "PathError",
    "SnapfsError",
    "SnapshotError",
    "TruncatedMemory",
    "Unfinished",
    "Unsupported",
    "UsageError",
    "WriteError",
]


class SnapfsError(Exception):
    """Base of all errors that a user can meet; `str()` is one sentence that helps."""

    errno: ClassVar[int] = _errno.EIO
    exit_code: ClassVar[int] = 70


class UsageError(SnapfsError):
    """The command was given wrongly."""

    errno = _errno.EINVAL
    exit_code = 1


class SnapshotError(SnapfsError):
    """A part of the snapshot cannot be read."""

    exit_code = 3


class CannotOpen(SnapshotError):
    """A file or directory of the snapshot cannot be opened."""

    exit_code = 11


class NotASnapshot(SnapshotError):
    """The directory holds nothing that snapfs can read."""

    exit_code = 12


class Unsupported(SnapshotError):
    """A known shape that cannot be read, with the reason."""

    errno = _errno.ENOTSUP
    exit_code = 13


class CorruptState(SnapshotError):
    """A value of the state or configuration file that cannot be what it should be."""


class TruncatedMemory(SnapshotError):
    """A memory file that is shorter than its table says."""

    exit_code = 14


class AddressError(SnapfsError):
    """Guest memory that was asked for and is not in the snapshot."""

    exit_code = 3


class Unfinished(SnapfsError):
    """Work that is not done yet; asked again it goes on where it was."""

    errno = _errno.EAGAIN
    exit_code = 3


class PathError(SnapfsError):
    """A path that does not lead where it should."""

    exit_code = 2


class NoSuchNode(PathError):
    """No file or directory of that name in the tree."""

    errno = _errno.ENOENT


class NotADirectory(PathError):
    """A file stands where a directory was expected."""

    errno = _errno.ENOTDIR


class IsADirectory(PathError):
    """A directory stands where a file was expected."""

    errno = _errno.EISDIR


class WriteError(SnapfsError):
    """The destination could not be written."""

    exit_code = 4


class MountError(SnapfsError):
    """The mount point cannot be used."""

    exit_code = 10


class FuseUnavailable(MountError):
    """FUSE is missing here, or not permitted."""

    exit_code = 15


class Busy(MountError):
    """Something still uses the mount."""

    exit_code = 16
