"""Unmounting: the system call for root, fusermount3 for everybody else; who is in the way; and waiting for the daemon's end."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import select
import shutil
import subprocess
import time
from collections.abc import Iterator
from typing import Final

from snapfs.errors import Busy, FuseUnavailable, MountError
from snapfs.fuse.mountpoint import Mounted, is_there, mounted_at, mounts

__all__ = ["detach", "elsewhere", "holders", "server_of", "unmount", "wait_for_end"]

_DETACH: Final = 2  # MNT_DETACH, linux: include/linux/fs.h
_NOFOLLOW: Final = 8  # UMOUNT_NOFOLLOW
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
# the end of a process whose mount is gone takes a moment, on a loaded machine a long one
_LONGEST_END: Final = 60.0
# after which it is asked whether the mount is kept by others, so that the process does not end at all
_USUAL_END: Final = 2.0
_TURN: Final = 0.1


def detach(path: str, *, lazy: bool = False) -> None:
    """Unmounts once. Busy when it is in use, MountError for any other reason."""
    if os.geteuid() == 0:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.umount2(os.fsencode(path), _NOFOLLOW | (_DETACH if lazy else 0)) == 0:
            return
        number = ctypes.get_errno()
        if number != errno.EPERM:
            if number == errno.EBUSY:
                raise Busy(f"{path}: in use")
            raise MountError(f"{path}: {os.strerror(number)}")
    program = shutil.which("fusermount3") or shutil.which("fusermount")
    if program is None:
        raise FuseUnavailable("fusermount3 is not installed; install the package fuse3, or unmount as root")
    command = [program, "-u", *(["-z"] if lazy else []), "--", path]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False, env={**os.environ, "LC_ALL": "C"})
    if done.returncode:
        said = done.stderr.strip()
        # the words of the C library, which are the same in every release of libfuse
        if os.strerror(errno.EBUSY) in said:
            raise Busy(f"{path}: in use")
        raise MountError(f"{path}: {said or 'fusermount3 failed'}; only root and who mounted it can unmount it")


def unmount(path: str, *, lazy: bool = False, patience: float = 5.0) -> None:
    """Unmounts a snapfs mount: tries a busy one again with growing pauses, then Busy says who holds it; returns when the
    serving process has ended."""
    mount = mounted_at(path)
    if mount is None:
        raise MountError(f"{path}: nothing is mounted here; `findmnt -t fuse.snapfs` lists the mounts of snapfs")
    if not mount.ours:
        raise MountError(f"{path}: what is mounted here is {mount.type}, not snapfs; use umount(8)")
    server = server_of(mount.path)
    with contextlib.ExitStack() as stack:
        watched = None
        if server is not None:
            with contextlib.suppress(OSError):
                watched = os.pidfd_open(server)
                stack.callback(os.close, watched)
        _detach_when_free(path, mount, lazy=lazy, patience=patience)
        if watched is None or lazy or wait_for_end(watched, _USUAL_END):
            return
        kept = next(elsewhere(mount.device), None)
        if kept is not None:
            raise Busy(
                f"{path}: unmounted here, but {kept[1]} ({kept[0]}) still has it, in a mount namespace of its own; "
                f"its process {server} ends with that, or with `kill {server}`"
            )
        if not wait_for_end(watched, max(patience, _LONGEST_END)):
            raise Busy(
                f"{path}: unmounted, but its process {server} has not ended yet: a container may have a copy; `kill {server}` ends it"
            )


def _detach_when_free(path: str, mount: Mounted, *, lazy: bool, patience: float) -> None:
    """Tries again with growing pauses. What counts is the time that was waited, not what the clock says: on a machine that is
    stopped or overloaded a deadline may pass without a second try."""
    pause, waited = _FIRST_PAUSE, 0.0
    while True:
        try:
            detach(mount.path, lazy=lazy)
            return
        except Busy:
            if waited + pause > patience:
                raise Busy(_in_the_way(path, mount.path)) from None
        except MountError:
            if not is_there(mount.path, mount.device):
                return  # somebody else was faster
            raise
        time.sleep(pause)
        waited += pause
        pause = min(2 * pause, _LONGEST_PAUSE)


def wait_for_end(pidfd: int, seconds: float) -> bool:
    """Whether a process ends within that time, of which only what was waited counts."""
    poll = select.poll()
    poll.register(pidfd, select.POLLIN)
    return any(poll.poll(_TURN * 1000) for _ in range(max(1, round(seconds / _TURN))))


def server_of(path: str) -> int | None:
    """The process that serves a mount; None when it is dead, or in another pid namespace."""
    try:
        return int(os.getxattr(path, "user.snapfs.pid"))
    except (OSError, ValueError):
        return None


def _in_the_way(path: str, mounted: str) -> str:
    inside = [mount.path for mount in mounts() if mount.path.startswith(mounted.rstrip("/") + "/")]
    if inside:
        return f"{path}: in use: {inside[-1]} is mounted in it; unmount that first"
    held = [f"{what} of {name} ({pid})" for pid, name, what in holders(mounted)]
    listed = ", ".join(held[:5]) + (f" and {len(held) - 5} more" if len(held) > 5 else "")
    who = f"held by {listed}" if held else "held by a process that you may not look at, or mounted elsewhere too"
    return f"{path}: in use: {who}; close it and try again, or detach with `snapfs umount --lazy {path}`"


def elsewhere(device: str) -> Iterator[tuple[int, str]]:
    """The other mount namespaces that have a file system mounted, as containers do that were started meanwhile: for each the
    number and name of a process in it. A copy outside the root directory of that process is not seen."""
    seen = {os.stat("/proc/self/ns/mnt").st_ino}
    for entry in filter(str.isdecimal, os.listdir("/proc")):
        try:
            namespace = os.stat(f"/proc/{entry}/ns/mnt").st_ino
            if namespace in seen:
                continue
            seen.add(namespace)
            if any(mount.device == device for mount in mounts(entry)):
                yield int(entry), _name(entry)
        except OSError:
            continue  # ended meanwhile, or another user's


def _name(process: str) -> str:
    with open(f"/proc/{process}/comm", errors="replace") as comm:
        return comm.read().strip()


def holders(mounted: str) -> Iterator[tuple[int, str, str]]:
    """The processes that have something of a mount open: number, name, and what it is."""
    inside = mounted.rstrip("/") + "/"

    def held(link: str) -> bool:
        try:
            target = os.readlink(link)
        except OSError:
            return False
        return target == mounted or target.startswith(inside)

    for entry in filter(str.isdecimal, os.listdir("/proc")):
        if int(entry) == os.getpid():
            continue
        base = f"/proc/{entry}"
        try:
            name = _name(entry)
            for what, link in (("the working directory", "cwd"), ("the root", "root"), ("the program", "exe")):
                if held(f"{base}/{link}"):
                    yield int(entry), name, what
            for fd in os.listdir(f"{base}/fd"):
                if held(f"{base}/fd/{fd}"):
                    yield int(entry), name, "an open file"
                    break
        except OSError:
            continue  # ended meanwhile, or another user's
