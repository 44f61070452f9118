"""Serving a mount: what its process does besides answering, alone or as the supervisor of others.

INT, TERM and HUP unmount, and go on trying while the mount is in use; a second one detaches lazily, so that open files
can still be read; a third one ends at once. Where a container was started meanwhile, its mount namespace has a copy of the
mount that nobody here can take away: it does not keep the process. USR1 writes tasks and counters to the log.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import FrameType
from typing import Final

import pyfuse3
import trio

from snapfs.errors import Busy, SnapfsError
from snapfs.fuse import mountpoint as points
from snapfs.fuse import unmount
from snapfs.fuse.daemon import LEAVE
from snapfs.fuse.direct import Direct
from snapfs.fuse.operations import Operations
from snapfs.fuse.remote import answer_all
from snapfs.fuse.waiting import Waiting
from snapfs.fuse.workers import Workers
from snapfs.tree import Dir

__all__ = ["HEARD", "Serving", "serve_alone", "supervise", "work"]

log = logging.getLogger(__name__)

HEARD: Final = (*LEAVE, signal.SIGUSR1)
_FIRST_PAUSE: Final = 0.05
_LONGEST_PAUSE: Final = 1.0
_KEEP_UP: Final = 5.0
# seconds that the kernel has for the end of the session after the mount was taken away
_COPIES: Final = 3.0


@dataclass
class Serving:
    """A running session: its signals, and the ways to end it."""

    operations: Operations
    waiting: Waiting
    mountpoint: str
    device: str
    workers: Workers | None = None
    end: Callable[[], None] = pyfuse3.terminate
    _leaving: int = 0

    def take_signals(self) -> None:
        """Signals become bytes on the control pipe. The interpreter's own C handler writes them: a Python handler would run
        too late when the signal comes just before the process begins to wait. Trio has its wake-up there until now."""
        for number in HEARD:
            signal.signal(number, lambda *_: None)
        signal.set_wakeup_fd(self.waiting.control_in, warn_on_full_buffer=False)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)

    async def listen(self, nursery: trio.Nursery) -> None:
        """Acts on signals."""
        self.take_signals()
        if self._leaving:
            self.waiting.start(nursery, self._leave)
        while True:
            await trio.lowlevel.wait_readable(self.waiting.control_out)
            for number in os.read(self.waiting.control_out, 64):
                if number == signal.SIGUSR1:
                    _dump(self.operations)
                    if self.workers:
                        self.workers.signal(signal.SIGUSR1)
                    continue
                self._leaving += 1
                log.info("signal %s", signal.Signals(number).name)
                if self._leaving == 1:
                    self.waiting.start(nursery, self._leave)
                elif self._leaving == 2:
                    self.waiting.start(nursery, self._detach)
                else:
                    self.end()

    @property
    def _mounted(self) -> bool:
        return points.is_there(self.mountpoint, self.device)

    async def _leave(self) -> None:
        """Unmounts as soon as nobody uses the mount."""
        pause = _FIRST_PAUSE
        while self._mounted:
            try:
                await trio.to_thread.run_sync(unmount.detach, self.mountpoint)
                await self._outlast()
                return
            except Busy:
                if pause == _FIRST_PAUSE:
                    await trio.to_thread.run_sync(self._say_who)
            except SnapfsError as error:
                if points.is_there(self.mountpoint, self.device):
                    log.warning("%s", error)
                    return
                break  # somebody else was faster
            await trio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
        if self._leaving < 2:
            self.end()  # detached by somebody else: those who still hold it lose it

    async def _outlast(self) -> None:
        """Ends what the kernel has not ended soon: nothing of it was in use."""
        await trio.sleep(_COPIES)
        if self._leaving < 2:
            log.warning(
                "%s: unmounted, but another mount namespace has a copy, as of a container; what is there is dead now", self.mountpoint
            )
            self.end()

    def _say_who(self) -> None:
        held = ", ".join(f"{name} ({pid})" for pid, name, _ in unmount.holders(self.mountpoint))
        log.warning("%s: in use by %s; unmounted when it is free, a second signal detaches it", self.mountpoint, held or "somebody")

    async def _detach(self) -> None:
        """Takes the mount out of sight; it is served until nobody holds it."""
        if not self._mounted:
            self.end()
            return
        log.warning("%s: detached; served until the last file is closed, a third signal ends it", self.mountpoint)
        try:
            await trio.to_thread.run_sync(lambda: unmount.detach(self.mountpoint, lazy=True))
        except SnapfsError as error:
            log.warning("%s", error)


async def serve_alone(serving: Serving, started: trio.Event, ready: Callable[[], None]) -> None:
    """Serves in this process; calls `ready` when the kernel has been answered."""
    serving.end = serving.waiting.end
    async with trio.open_nursery() as nursery:

        async def announce() -> None:
            await started.wait()
            ready()

        # counted from now on, so that the event loop runs until all three have begun
        serving.waiting.start(nursery, announce)
        nursery.start_soon(serving.listen, nursery)
        await pyfuse3.main()
        nursery.cancel_scope.cancel()


async def supervise(serving: Serving, workers: Workers, questions: socket.socket, root: Dir, ready: Callable[[], None] | None) -> bool:
    """Looks after the serving processes. True when one of them must be forked again, False when the mount is gone."""
    again = False
    async with trio.open_nursery() as nursery:
        serving.workers = workers
        serving.end = nursery.cancel_scope.cancel
        nursery.start_soon(serving.listen, nursery)
        nursery.start_soon(answer_all, questions, root)
        nursery.start_soon(_keep_up, serving.operations)
        if ready is not None:
            ready()
        again = await workers.watch()
        nursery.cancel_scope.cancel()
    return again


async def _keep_up(operations: Operations) -> None:
    """A process that is forked later begins with what the supervisor knows."""
    while True:
        operations.table.is_known(0)
        await trio.sleep(_KEEP_UP)


def work(operations: Operations, waiting: Waiting, users: frozenset[int] | None, number: int) -> None:
    """A serving process among several: it hears no signals but USR1, and ends when the mount is gone. `users` as in Direct."""
    signal.set_wakeup_fd(-1)
    for leave in LEAVE:
        signal.signal(leave, signal.SIG_IGN)
    signal.signal(signal.SIGUSR1, lambda *_: _dump_tasks())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
    operations.take_place(number)
    if waiting.turns is not None:
        waiting.turns.take_place(number)
    waiting.install(Direct(operations, waiting, users))
    waiting.run()


def _dump(operations: Operations) -> None:
    """Tasks and counters, to the log."""
    counters = " ".join(f"{name}={value}" for name, value in operations.counters.sums().items())
    with open("/proc/self/statm", encoding="ascii") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    log.warning(
        "counters: %s inodes=%d streams=%d fds=%d resident=%d", counters, len(operations.table), len(operations.streams), _fds(), resident
    )
    _dump_tasks()


def _dump_tasks() -> None:
    root = trio.lowlevel.current_root_task()
    pending = [root] if root else []
    while pending:
        task = pending.pop()
        frames = [f"{os.path.basename(f.f_code.co_filename)}:{line} {f.f_code.co_name}" for f, line in traceback.walk_stack(_frame(task))][
            :3
        ]
        log.warning("process %d task %s: %s", os.getpid(), task.name, " < ".join(frames) or "running")
        for nursery in task.child_nurseries:
            pending.extend(nursery.child_tasks)


def _frame(task: trio.lowlevel.Task) -> FrameType | None:
    frame: FrameType | None = getattr(task.coro, "cr_frame", None)
    return frame


def _fds() -> int:
    return len(os.listdir("/proc/self/fd"))
