"""One FUSE session: mounted, served until it is unmounted by whomever, cleaned up.

INT, TERM and HUP unmount, and go on trying while the mount is in use; a second one detaches lazily, so that open files
can still be read; a third one ends at once. USR1 writes tasks and counters to the log.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import tempfile
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Final

import pyfuse3
import trio

from snapfs.errors import Busy, FuseUnavailable, MountError, SnapfsError
from snapfs.fuse import mountpoint as points
from snapfs.fuse import unmount
from snapfs.fuse.attrs import Owner
from snapfs.fuse.operations import Operations
from snapfs.fuse.options import MountOptions
from snapfs.fuse.waiting import Waiting
from snapfs.tree import Dir

__all__ = ["Session"]

log = logging.getLogger(__name__)

_LEAVE: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_HEARD: Final = (*_LEAVE, signal.SIGUSR1)
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
# workers hold the interpreter this long while others wait: a request must not wait behind a rendering
_SWITCH: Final = 0.0005


@dataclass(frozen=True)
class Session:
    """What is mounted where, and how. `size` is what df(1) shows."""

    root: Dir
    source: str
    mountpoint: str
    options: MountOptions
    size: int = 0

    def serve(self, ready: Callable[[], None]) -> None:
        """Mounts, calls `ready` when the mount answers, and returns when it is gone. MountError when it cannot be mounted."""
        started = trio.Event()
        waiting = Waiting()
        waiting.open()
        operations = Operations(self.root, self._owner, waiting, cached=self.options.cache, size=self.size, on_init=started.set)
        sys.setswitchinterval(_SWITCH)
        signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)  # until they are acted on: dying now would leave a dead mount
        _mount(operations, self.mountpoint, self.options.for_kernel(self.source))
        mount = points.mounted_at(self.mountpoint)
        device = mount.device if mount else ""
        serving = _Serving(operations, waiting, self.mountpoint, device)
        waiting.install()
        try:
            trio.run(_serve, serving, started, ready)
        finally:
            pyfuse3.close()
            waiting.close()
            self._clear(device)

    @property
    def _owner(self) -> Owner:
        options = self.options
        uid = os.geteuid() if options.uid is None else options.uid
        gid = os.getegid() if options.gid is None else options.gid
        return Owner(uid, gid, *options.modes)

    def _clear(self, device: str) -> None:
        """A connection that was cut by force leaves a dead mount: it is ours, and goes with us."""
        left = points.mounted_at(self.mountpoint)
        if left is not None and left.device == device:
            try:
                unmount.detach(self.mountpoint, lazy=True)
            except MountError as error:
                log.warning("%s", error)


def _mount(operations: Operations, mountpoint: str, options: set[str]) -> None:
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
    raise _why(mountpoint, " ".join(words.split()))


def _why(mountpoint: str, said: str) -> MountError:
    reason = said.removeprefix("fuse: ").removeprefix("fusermount3: ") or "libfuse gave no reason"
    if "user_allow_other" in said:
        return FuseUnavailable(
            f"{mountpoint}: {reason}; add the line user_allow_other to /etc/fuse.conf, or leave out allow_other and allow_root"
        )
    without = "`snapfs ls`, `cat` and `export` work without it"
    if not os.path.exists("/dev/fuse") or "device not found" in said or "No such device" in said:
        what = "/dev/fuse has no driver" if os.path.exists("/dev/fuse") else "there is no /dev/fuse"
        return FuseUnavailable(
            f"FUSE is not available: {what}; load the kernel module (`modprobe fuse`), or give the container the device. {without}"
        )
    advice = None
    if "exec fusermount3" in said:
        advice = "users who are not root need fusermount3: install the package fuse3"
    elif "open /dev/fuse" in said:
        advice = "let this user open /dev/fuse for reading and writing (udev gives it the mode 0666)"
    elif "ermission denied" in said or "not permitted" in said or "fusermount3" in said:
        advice = "mounting needs CAP_SYS_ADMIN over this mount namespace: `unshare -rm`, or a container that has it and /dev/fuse"
        if os.geteuid():
            advice = "check that fusermount3 is the package's and setuid root (`ls -l $(command -v fusermount3)`)"
    if advice:
        return FuseUnavailable(f"{mountpoint}: FUSE is not permitted here: {reason}; {advice}. {without}")
    return MountError(f"{mountpoint}: cannot be mounted: {reason}")


async def _serve(serving: _Serving, started: trio.Event, ready: Callable[[], None]) -> None:
    async with trio.open_nursery() as nursery:

        async def announce() -> None:
            with serving.waiting.working():
                await started.wait()
                ready()

        nursery.start_soon(announce)
        nursery.start_soon(serving.listen, nursery)
        await pyfuse3.main()
        nursery.cancel_scope.cancel()


@dataclass
class _Serving:
    """A running session: its signals, and the ways to end it."""

    operations: Operations
    waiting: Waiting
    mountpoint: str
    device: str
    _leaving: int = 0

    def take_signals(self) -> None:
        """Signals become bytes on the control pipe. The interpreter's own C handler writes them: a Python handler would run
        too late when the signal comes just before the process begins to wait. Trio has its wake-up there until now."""
        for number in _HEARD:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self.waiting.control_in, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)

    async def listen(self, nursery: trio.Nursery) -> None:
        """Acts on signals."""
        self.take_signals()
        while True:
            await trio.lowlevel.wait_readable(self.waiting.control_out)
            for number in os.read(self.waiting.control_out, 64):
                if number == signal.SIGUSR1:
                    _dump(self.operations)
                    continue
                self._leaving += 1
                log.info("signal %s", signal.Signals(number).name)
                if self._leaving == 1:
                    self.waiting.start(nursery, self._leave)
                elif self._leaving == 2:
                    self.waiting.start(nursery, self._detach)
                else:
                    pyfuse3.terminate()

    @property
    def _mounted(self) -> bool:
        mount = points.mounted_at(self.mountpoint)
        return mount is not None and mount.device == self.device

    async def _leave(self) -> None:
        """Unmounts as soon as nobody uses the mount."""
        pause = _FIRST_PAUSE
        while self._mounted:
            try:
                await trio.to_thread.run_sync(unmount.detach, self.mountpoint)
                return
            except Busy:
                if pause == _FIRST_PAUSE:
                    await trio.to_thread.run_sync(self._say_who)
            except SnapfsError as error:
                log.warning("%s", error)
                return
            await trio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        pyfuse3.terminate()  # detached by somebody else: those who still hold it lose it

    def _say_who(self) -> None:
        held = ", ".join(f"{name} ({pid})" for pid, name, _ in unmount.holders(self.mountpoint))
        log.warning("%s: in use by %s; unmounted when it is free, a second signal detaches it", self.mountpoint, held or "somebody")

    async def _detach(self) -> None:
        """Takes the mount out of sight; it is served until nobody holds it."""
        if not self._mounted:
            pyfuse3.terminate()
            return
        log.warning("%s: detached; served until the last file is closed, a third signal ends it", self.mountpoint)
        try:
            await trio.to_thread.run_sync(lambda: unmount.detach(self.mountpoint, lazy=True))
        except SnapfsError as error:
            log.warning("%s", error)


def _dump(operations: Operations) -> None:
    """Tasks and counters, to the log."""
    counters = " ".join(f"{name}={value}" for name, value in operations.counters.items())
    with open("/proc/self/statm", encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    log.warning(
        "counters: %s inodes=%d streams=%d fds=%d resident=%d", counters, len(operations.table), len(operations.streams), _fds(), resident
    )
    root = trio.lowlevel.current_root_task()
    pending = [root] if root else []
    while pending:
        task = pending.pop()
        frames = [f"{os.path.basename(f.f_code.co_filename)}:{line} {f.f_code.co_name}" for f, line in traceback.walk_stack(_frame(task))][
            :3
        ]
        log.warning("task %s: %s", task.name, " < ".join(frames) or "running")
        for nursery in task.child_nurseries:
            pending.extend(nursery.child_tasks)


def _frame(task: trio.lowlevel.Task) -> FrameType | None:
    frame: FrameType | None = getattr(task.coro, "cr_frame", None)
    return frame


def _fds() -> int:
    return len(os.listdir("/proc/self/fd"))
