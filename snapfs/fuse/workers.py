"""Several processes that serve one mount, and the one that looks after them.

The first process answers FUSE_INIT, leaves pyfuse3's loop and forks. Each child gets a /dev/fuse of its own for the session, so
that the kernel ends its requests when it dies; on a shared one the readers would hang. The parent serves nobody: it hears
signals, unmounts, makes the costly files and puts another in place of a child that died.
"""

from __future__ import annotations

import ctypes
import fcntl
import gc
import logging
import os
import signal
import struct
from collections.abc import Callable
from typing import Final, NoReturn

import pyfuse3
import trio

from snapfs.errors import FuseUnavailable

__all__ = ["Workers", "answer_init", "session_fd"]

log = logging.getLogger(__name__)

_CLONE: Final = 0x8004E500  # FUSE_DEV_IOC_CLONE, linux: include/uapi/linux/fuse.h
_PDEATHSIG: Final = 1  # PR_SET_PDEATHSIG, linux: include/uapi/linux/prctl.h
# children that die faster than this are not replaced for ever
_MOST_DEATHS: Final = 100


def session_fd() -> int:
    """The descriptor of the session, which pyfuse3 keeps to itself."""
    for name in os.listdir("/proc/self/fd"):
        try:
            if os.readlink(f"/proc/self/fd/{name}") == "/dev/fuse":
                return int(name)
        except OSError:
            continue  # the descriptor of the listing itself
    raise FuseUnavailable("the descriptor of /dev/fuse cannot be found in /proc/self/fd; mount /proc, or use -o processes=1")


async def answer_init(started: trio.Event) -> None:
    """Serves until the kernel has said its first word and got the answer."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pyfuse3.main)
        await started.wait()
        nursery.cancel_scope.cancel()


class Workers:
    """The serving processes."""

    def __init__(self, count: int, work: Callable[[int], None]) -> None:
        """`work(n)` serves in the child number n until the mount is gone."""
        self._count = count
        self._work = work
        self._fd = session_fd()
        self.pids: dict[int, int] = {}
        self._deaths = 0

    def start(self) -> None:
        """Forks those that do not run. Not from inside the event loop: a child could not start its own."""
        gc.freeze()  # a collection writes to what it looks at, and a page that is written to is not shared any more
        for number in range(self._count):
            if number not in self.pids:
                self.pids[number] = self._fork(number)

    def _fork(self, number: int) -> int:
        parent = os.getpid()
        child = os.fork()
        if not child:
            self._serve(number, parent)
        return child

    def _serve(self, number: int, parent: int) -> NoReturn:
        code = 1
        try:
            ctypes.CDLL(None).prctl(_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            if os.getppid() == parent:
                _own_device(self._fd)
                self._work(number)
                code = 0
        except BaseException as error:  # a forked child must never return into its parent's code
            log.exception("serving process %d: %s", os.getpid(), type(error).__name__)
        finally:
            os._exit(code)

    async def watch(self) -> bool:
        """Returns when one has ended: False when all have, because the mount is gone, True when a new one is needed."""
        while self.pids:
            async with trio.open_nursery() as nursery:
                for pid in self.pids.values():
                    nursery.start_soon(_wait_for_end, pid, nursery.cancel_scope)
            for number, pid in list(self.pids.items()):
                ended, status = os.waitpid(pid, os.WNOHANG)
                if not ended:
                    continue
                del self.pids[number]
                code = os.waitstatus_to_exitcode(status)
                if code:
                    log.error("serving process %d ended with %d; its requests failed, another takes its place", pid, code)
                    self._deaths += 1
                    return self._deaths <= _MOST_DEATHS
        return False

    def end(self) -> None:
        """Ends those that are left."""
        self.signal(signal.SIGKILL)
        for pid in self.pids.values():
            os.waitpid(pid, 0)
        self.pids.clear()

    def signal(self, number: int) -> None:
        """Sends a signal to all."""
        for pid in self.pids.values():
            try:
                os.kill(pid, number)
            except OSError:
                pass  # just ended


def _own_device(session: int) -> None:
    """Puts a /dev/fuse of this process's own in the place of the session's."""
    device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(device, _CLONE, struct.pack("I", session))
    os.dup2(device, session, inheritable=False)
    os.close(device)


async def _wait_for_end(pid: int, then: trio.CancelScope) -> None:
    watched = os.pidfd_open(pid)
    try:
        await trio.lowlevel.wait_readable(watched)
    finally:
        os.close(watched)
    then.cancel()
