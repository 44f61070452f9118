"""How a serving process waits for the kernel's next request: in one blocking poll(2) while nothing else goes on, through trio's
event loop while something does.

Where several processes serve, each waits in read(2) itself. It holds the interpreter there, so while threads are at work a
timer's signal interrupts it: the request that it woke up for may have gone to another process.

pyfuse3 waits through the name `trio` in its own module and looks it up at run time, so that its asyncio adapter can put another
library there; `install` uses the same door. Waiting without the event loop makes a small read about three times as fast.
"""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, TypeVarTuple

import pyfuse3
import trio

__all__ = ["Waiting"]

_TICK: Final = 0.01

_Ts = TypeVarTuple("_Ts")
_T = TypeVar("_T")


class Waiting:
    """Knows whether anything but the kernel may have to be waited for: threads at work, timers, words on the control pipe."""

    def __init__(self, *, shared: bool = False) -> None:
        """`shared`: other processes serve the same mount."""
        self._shared = shared
        self._busy = 0
        # in read(2) there is no telling that the mount is gone, so everybody must get his turn there
        self._lock = _Lock(sticky=not shared)
        self._poll: select.poll | None = None
        self._fuse = -1
        #: a byte written here wakes the event loop
        self.control_out, self.control_in = -1, -1

    def open(self) -> None:
        """Makes the control pipe."""
        self.control_out, self.control_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def close(self) -> None:
        """Closes the control pipe."""
        for fd in (self.control_out, self.control_in):
            if fd >= 0:
                os.close(fd)
        self.control_out = self.control_in = -1

    def _begin(self) -> None:
        self._busy += 1
        self._lock.pass_on()  # this task is about to wait for something else
        if self._shared and self._busy == 1:
            signal.setitimer(signal.ITIMER_REAL, _TICK, _TICK)

    def _end(self) -> None:
        self._busy -= 1
        if self._shared and self._busy == 0:
            signal.setitimer(signal.ITIMER_REAL, 0)

    @contextmanager
    def working(self) -> Iterator[None]:
        """While inside, the event loop runs."""
        self._begin()
        try:
            yield
        finally:
            self._end()

    async def in_thread(self, work: Callable[[*_Ts], _T], *args: *_Ts) -> _T:
        """`work(*args)` in a worker thread."""
        self._begin()
        try:
            return await trio.to_thread.run_sync(work, *args)
        finally:
            self._end()

    def start(self, nursery: trio.Nursery, task: Callable[[], Awaitable[None]]) -> None:
        """Starts a task during which the event loop runs. It counts from now on: it must not lie ready to run while this
        process waits for the kernel alone."""
        self._begin()

        async def counted() -> None:
            try:
                await task()
            finally:
                self._end()

        nursery.start_soon(counted)

    async def wait_readable(self, fd: int) -> None:
        """Returns when the kernel has a request; where others serve too, it may just have been taken."""
        if self._busy:
            await trio.lowlevel.checkpoint()  # requests that never pause must not hold up what else goes on
        if self._shared and not self._busy:
            return  # libfuse's own read(2) waits: the kernel wakes one process only
        if self._poll is None or fd != self._fuse:
            self._fuse = fd
            self._poll = select.poll()
            self._poll.register(fd, select.POLLIN)
            if not self._shared:
                self._poll.register(self.control_out, select.POLLIN)
        found = self._poll.poll(0 if self._busy else None)
        if len(found) != 1 or found[0][0] != fd:  # also when a signal came along with a request
            await trio.lowlevel.wait_readable(fd)
            found = self._poll.poll(0)
        if any(events & select.POLLERR for ready, events in found if ready == fd):
            self._lock.open()  # unmounted: all tasks must see it

    def end(self) -> None:
        """Ends pyfuse3's loop."""
        self._lock.open()
        pyfuse3.terminate()

    def install_lock(self) -> None:
        """pyfuse3 makes its lock when it first runs, and keeps it."""
        pyfuse3.__dict__["trio"] = _Names(trio, Lock=lambda: self._lock)

    def install(self) -> None:
        """From now on pyfuse3 waits here."""
        pyfuse3.__dict__["trio"] = _Names(trio, lowlevel=_Names(trio.lowlevel, wait_readable=self.wait_readable), Lock=lambda: self._lock)


class _Lock:
    """What pyfuse3 needs of trio's lock, which enters the event loop even where nobody holds it. A sticky one is not handed
    over when it is left: the task that had a request mostly answers it at once and comes back for the next. When it cannot,
    it passes the lock on."""

    def __init__(self, *, sticky: bool) -> None:
        self._sticky = sticky
        self._held = False
        self._waiting = trio.lowlevel.ParkingLot()

    async def __aenter__(self) -> None:
        while self._held:
            await self._waiting.park()
        self._held = True

    async def __aexit__(self, *_: object) -> None:
        self._held = False
        if not self._sticky:
            self._waiting.unpark()

    def pass_on(self) -> None:
        """One of those who wait may have it, if it is free."""
        if not self._held:
            self._waiting.unpark()

    def open(self) -> None:
        """From now on everybody gets his turn."""
        self._sticky = False
        self._waiting.unpark_all()


class _Names:
    """A module with some of its names replaced."""

    def __init__(self, module: Any, **replaced: Any) -> None:
        self._module = module
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
