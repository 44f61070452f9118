"""One FUSE session: mounted, served until it is unmounted by whomever, cleaned up."""

from __future__ import annotations

import errno
import functools
import logging
import os
import shutil
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import pyfuse3
import trio

from snapfs.errors import FuseUnavailable, MountError
from snapfs.fuse import mountpoint as points
from snapfs.fuse import unmount
from snapfs.fuse.attrs import Owner
from snapfs.fuse.direct import Direct
from snapfs.fuse.heap import give_back
from snapfs.fuse.inodes import InodeTable
from snapfs.fuse.operations import Operations
from snapfs.fuse.options import MountOptions
from snapfs.fuse.remote import RemoteStreams
from snapfs.fuse.serving import HEARD, Serving, serve_alone, supervise, work
from snapfs.fuse.shared import SharedTable
from snapfs.fuse.streams import Streams
from snapfs.fuse.turns import Turns
from snapfs.fuse.waiting import Waiting
from snapfs.fuse.workers import Workers, answer_init
from snapfs.tree import Dir

__all__ = ["Session"]

log = logging.getLogger(__name__)

# workers hold the interpreter this long while others wait: a request must not wait behind a rendering
_SWITCH: Final = 0.0005
# how /dev/fuse refuses where there is no FUSE
_ABSENT: Final = {
    errno.ENOENT: "there is no /dev/fuse",
    errno.ENODEV: "/dev/fuse has no driver",
    errno.ENXIO: "/dev/fuse has no driver",
    errno.ENOTTY: "/dev/fuse is not a device",
}


@dataclass(frozen=True)
class Session:
    """What is mounted where, and how. `size` is what df(1) shows."""

    root: Dir
    source: str
    mountpoint: str
    options: MountOptions
    size: int = 0

    def serve(self, ready: Callable[[], None], mounted: Callable[[], None] = lambda: None) -> None:
        """Mounts, calls `mounted` at once and `ready` when the mount answers, and returns when it is gone. MountError when it
        cannot be mounted."""
        # what comes and goes must come and go for all readers at once, so one process looks at the disk
        processes = 1 if self.root.live else self.options.processes or 1
        sys.setswitchinterval(_SWITCH)
        give_back()
        started = trio.Event()
        control = waiting = Waiting()
        control.open()
        table: InodeTable
        streams: Streams | RemoteStreams
        questions, asking = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        if processes > 1:
            waiting = Waiting(Turns(processes))
            table = shared = SharedTable(self.root, processes)
            streams = RemoteStreams(waiting, shared, asking)
        else:
            table, streams = InodeTable(self.root), Streams(waiting)
        operations = Operations(
            self.root, self._owner, waiting, table=table, streams=streams, cached=self.options.cache, size=self.size, on_init=started.set
        )
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)  # until they are acted on: dying now would leave a dead mount
        try:
            _mount(waiting.handled(operations), self.mountpoint, self.options.for_kernel(self.source))
            mounted()
            mount = points.mounted_at(self.mountpoint)
            path, device = (mount.path, mount.device) if mount else (self.mountpoint, "")
            self._tune(device)
            serving = Serving(operations, control, path, device)
            workers: Workers | None = None
            try:
                if processes > 1:
                    waiting.install_lock()
                    trio.run(answer_init, started)
                    workers = Workers(processes, functools.partial(work, operations, waiting, self._users))
                    workers.start()
                    announce: Callable[[], None] | None = ready
                    while trio.run(supervise, serving, workers, questions, self.root, announce):
                        announce = None
                        workers.start()
                else:
                    waiting.install(Direct(operations, waiting, self._users))
                    trio.run(serve_alone, serving, started, ready, instruments=[waiting.instrument])
            finally:
                pyfuse3.close()
                self._clear(path, device)
                if workers is not None:
                    workers.end()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
            waiting.close()
            control.close()
            questions.close()
            asking.close()

    def _tune(self, device: str) -> None:
        """Read-ahead in pieces as large as a request may be; only root may say so, and only the option `cache` profits."""
        if self.options.cache and device:
            try:
                with open(f"/sys/class/bdi/{device}/read_ahead_kb", "w", encoding="ascii") as setting:
                    setting.write("1024")
            except OSError:
                pass  # 128 KiB then

    @property
    def _owner(self) -> Owner:
        options = self.options
        uid = os.geteuid() if options.uid is None else options.uid
        gid = os.getegid() if options.gid is None else options.gid
        return Owner(uid, gid, *options.modes)

    @property
    def _users(self) -> frozenset[int] | None:
        """Whose requests are answered, None for all whom the kernel lets pass."""
        return frozenset((0, os.getuid())) if self.options.allow == "root" else None

    def _clear(self, path: str, device: str) -> None:
        """A connection that was cut by force leaves a dead mount: it is ours, and goes with us. One that lives is another's, to whom
        the kernel gave our device number again."""
        if points.is_there(path, device) and points.is_dead(path):
            try:
                unmount.detach(path, lazy=True)
            except MountError as error:
                log.warning("%s", error)


def _mount(operations: Any, mountpoint: str, options: set[str]) -> None:
    """Mounts; what libfuse and fusermount3 print becomes the reason in the error."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        failed = False
        try:
            pyfuse3.init(operations, mountpoint, options)
        except RuntimeError:
            failed = True
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
        if not failed:
            return
        said.seek(0)
        words = said.read(4096).decode(errors="replace")
    raise _why(mountpoint, " ".join(words.split()), asks_for_others=bool(options & {"allow_other", "allow_root"}))


def _why(mountpoint: str, said: str, *, asks_for_others: bool) -> MountError:
    """What to do about a mount that failed. libfuse's words change with its releases: the system is asked, and of the words
    only those of the C library count."""
    reason = said.removeprefix("fuse: ").removeprefix("fusermount3: ") or "libfuse gave no reason"
    if os.geteuid() and asks_for_others and not _others_allowed():
        return FuseUnavailable(
            f"{mountpoint}: {reason}; add the line user_allow_other to /etc/fuse.conf, or leave out allow_other and allow_root"
        )
    without = "`snapfs ls`, `cat` and `export` work without it"
    refused = _device_error()
    if refused in _ABSENT:
        return FuseUnavailable(
            f"FUSE is not available: {_ABSENT[refused]}; load the kernel module (`modprobe fuse`), or give the container the device. "
            + without
        )
    advice = None
    if refused is not None:
        advice = "let this user open /dev/fuse for reading and writing (udev gives it the mode 0666)"
    elif os.geteuid() and shutil.which("fusermount3") is None:
        advice = "users who are not root need fusermount3: install the package fuse3"
    elif os.geteuid() and "mount_max" in said:  # its name in /etc/fuse.conf
        return FuseUnavailable(f"{mountpoint}: {reason}; unmount some, or have an administrator raise it")
    elif os.geteuid():
        advice = "check that fusermount3 is the package's and setuid root (`ls -l $(command -v fusermount3)`)"
    elif any(os.strerror(number) in said for number in (errno.EPERM, errno.EACCES)):
        advice = "mounting needs CAP_SYS_ADMIN over this mount namespace: `unshare -rm`, or a container that has it and /dev/fuse"
    if advice:
        return FuseUnavailable(f"{mountpoint}: FUSE is not permitted here: {reason}; {advice}. {without}")
    return MountError(f"{mountpoint}: cannot be mounted: {reason}")


def _others_allowed() -> bool:
    """Whether the administrator lets users ask for allow_other, fuse(8)."""
    try:
        with open("/etc/fuse.conf", encoding="utf-8", errors="replace") as settings:
            return any(line.strip() == "user_allow_other" for line in settings)
    except OSError:
        return False


def _device_error() -> int | None:
    """The number of the error with which /dev/fuse refuses to be opened, ENOTTY where it is no device; None when it does not."""
    try:
        device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        is_one = stat.S_ISCHR(os.fstat(device).st_mode)
        os.close(device)
    except OSError as error:
        return error.errno
    return None if is_one else errno.ENOTTY
