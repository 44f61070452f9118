"""How a serving process waits for the kernel's next request: looking for it without sleeping while requests follow each other
closely, since waking a processor costs more than a small read; in one poll(2) while nothing goes on; through trio's event
loop while threads or timers are at work.

pyfuse3 waits through the name `trio` in its own module and looks it up at run time, so that its asyncio adapter can put another
library there; `install` uses the same door.
"""

from __future__ import annotations

import os
import select
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any, Final, Protocol, TypeVar, TypeVarTuple

import pyfuse3
import trio

from snapfs.fuse.device import GONE, NOTHING, Device
from snapfs.fuse.turns import Turns

__all__ = ["Answers", "Waiting"]

# seconds: requests that come this soon after an answer come from a reader who does little else
_CLOSE: Final = 0.0002
# requests in a row that waited, or behind which another one did: more than one reader, who would also close one file and open
# the next
_QUEUED: Final = 8
# an answer of more bytes takes so long that who comes during it waits. After a small one the reader himself may be as fast
_LONG: Final = 64 << 10
# requests without a pause after which the event loop has its turn
_TURN: Final = 256

_Ts = TypeVarTuple("_Ts")
_T = TypeVar("_T")


class Answers(Protocol):
    """Whoever answers requests without pyfuse3."""

    #: bytes of the last read that was answered
    last_read: int

    def answered(self, device: Device) -> bool:
        """Answers the request that stands in the device, if that can be done at once."""

    def meanwhile(self, device: Device) -> bool:
        """What can be done while readers are busy with their answers; whether there was anything."""


class Waiting:
    """Knows whether anything but the kernel may have to be waited for: threads at work, timers, words on the control pipe."""

    def __init__(self, turns: Turns | None = None) -> None:
        """`turns`: other processes serve the same mount."""
        self.turns = turns
        self._busy = 0
        self._lock = _Lock()
        self._device: Device | None = None
        self._answers: Answers | None = None
        self._poll = select.poll()
        self._spins = len(os.sched_getaffinity(0)) > 1
        #: when the last request was answered; whether the one before it had come soon
        self._since = 0.0
        self._closely = False
        self._unpaused = self._queued = self._served = 0
        #: whether the request was there as soon as a long answer had been sent: somebody has waited
        self.pressed = False
        #: a byte written here wakes the event loop
        self.control_out, self.control_in = -1, -1

    @property
    def has_spare(self) -> bool:
        """Whether a second thread may have a processor: where several processes serve they take what there is."""
        return self._spins and self.turns is None

    def open(self) -> None:
        """Makes the control pipe."""
        self.control_out, self.control_in = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)

    def close(self) -> None:
        """Closes the control pipe and what was opened to wait."""
        for fd in (self.control_out, self.control_in):
            if fd >= 0:
                os.close(fd)
        self.control_out = self.control_in = -1
        if self._device is not None:
            self._device.close()
            self._device = None

    def _begin(self) -> None:
        self._busy += 1
        self._lock.pass_on()  # this task is about to wait for something else

    def _end(self) -> None:
        self._busy -= 1

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
        nursery.start_soon(self._counted(task))

    def start_apart(self, task: Callable[[], Awaitable[None]]) -> None:
        """The same for a task that belongs to nobody and raises nothing."""
        trio.lowlevel.spawn_system_task(self._counted(task))

    def _counted(self, task: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        self._begin()

        async def counted() -> None:
            try:
                await task()
            finally:
                self._end()

        return counted

    # ---- in pyfuse3's loop

    async def wait_readable(self, session: int) -> None:
        """Returns when there is a request for libfuse, or none will come any more."""
        device = self._device
        if device is None:
            device = self._device = Device(session)
            self._poll.register(device.fd, select.POLLIN)
            if self.control_out >= 0:
                self._poll.register(self.control_out, select.POLLIN)
        device.catch_up()
        if self._busy:
            await trio.lowlevel.checkpoint()  # requests that never pause must not hold up what else goes on
        sent = False
        while True:
            length = device.read()
            if length == NOTHING:
                sent = False
                if self._answers is not None and self._answers.meanwhile(device):
                    continue
                self._unpaused = 0
                await self._for_more(device)
                continue
            if length == GONE:
                self._lock.open()  # all tasks must see it
                if self.turns is not None:
                    self.turns.call_all()
                return
            self.pressed = sent
            if self.turns is not None and self.turns.sleepers:
                self._queued = self._queued + 1 if sent or self._poll.poll(0) else 0
                if self._queued == _QUEUED:
                    self._queued = 0
                    self.turns.call()
            if self._answers is None or not self._answers.answered(device):
                device.hand_on(length)
                return
            sent = self._answers.last_read > _LONG
            self._unpaused += 1
            self._served += 1
            if self._busy or self._unpaused >= _TURN:
                self._unpaused = 0
                await trio.lowlevel.checkpoint()
                sent = False  # that was not just now

    async def _for_more(self, device: Device) -> None:
        """Waits until there may be a request."""
        if self._busy:
            await trio.lowlevel.wait_readable(device.fd)
            return
        since = perf_counter()
        helper = self.turns if self.turns is not None and not self.turns.first else None
        # a helper comes to rest after a while: if he is needed he will be called again
        looks = self._closely and self._spins and (helper is None or self._served < _TURN)
        found = self._look(since + _CLOSE) if looks else []
        while not found:
            if helper is None:
                found = self._poll.poll()
            else:
                self._served = 0
                helper.sleep(lambda: self._poll.poll(0))
                found = self._poll.poll(0)
        self._closely = helper is not None or perf_counter() - since < _CLOSE
        if len(found) > 1 or found[0][0] != device.fd:
            await trio.lowlevel.wait_readable(device.fd)  # a signal: the event loop sees to it

    def _look(self, until: float) -> list[tuple[int, int]]:
        poll, pause = self._poll.poll, os.sched_yield
        while True:
            found = poll(0)
            if found or perf_counter() > until:
                return found
            pause()

    def end(self) -> None:
        """Ends pyfuse3's loop."""
        self._lock.open()
        pyfuse3.terminate()
        if self._device is not None:
            trio.lowlevel.notify_closing(self._device.fd)

    def handled(self, operations: Any) -> Any:
        """The handlers, for pyfuse3: when it looks for one, libfuse has read the request that was handed on to it."""
        return _Handlers(self, operations)

    def take_back(self) -> None:
        """Libfuse has read its request."""
        if self._device is not None:
            self._device.take_back()

    def install_lock(self) -> None:
        """pyfuse3 makes its lock when it first runs, and keeps it."""
        pyfuse3.__dict__["trio"] = _Names(trio, Lock=lambda: self._lock)

    def install(self, answers: Answers | None = None) -> None:
        """From now on pyfuse3 waits here, and is not asked for what others answer."""
        self._answers = answers
        pyfuse3.__dict__["trio"] = _Names(trio, lowlevel=_Names(trio.lowlevel, wait_readable=self.wait_readable), Lock=lambda: self._lock)

    def run(self) -> None:
        """pyfuse3's loop."""
        trio.run(pyfuse3.main, instruments=[self.instrument])

    @property
    def instrument(self) -> trio.abc.Instrument:
        """What trio must run with: a task of pyfuse3 that ends may be the one whose turn it was."""
        return _Ends(self._lock)


class _Handlers:
    """The handlers, each looked up by pyfuse3 for each request."""

    def __init__(self, waiting: Waiting, operations: Any) -> None:
        self._waiting = waiting
        self._operations = operations

    def __getattr__(self, name: str) -> Any:
        self._waiting.take_back()
        return getattr(self._operations, name)


class _Ends(trio.abc.Instrument):
    """Passes the lock on when a task ends."""

    def __init__(self, lock: _Lock) -> None:
        self._lock = lock

    def task_exited(self, task: trio.lowlevel.Task) -> None:
        self._lock.pass_on()


class _Lock:
    """What pyfuse3 needs of trio's lock, which enters the event loop even where nobody holds it. It is not handed over when it
    is left: the task that had a request mostly answers it at once and comes back for the next. When it cannot, it passes the
    lock on."""

    def __init__(self) -> None:
        self._open = False
        self._held = False
        self._waiting = trio.lowlevel.ParkingLot()

    async def __aenter__(self) -> None:
        while self._held:
            await self._waiting.park()
        self._held = True

    async def __aexit__(self, *_: object) -> None:
        self._held = False
        if self._open:
            self._waiting.unpark()

    def pass_on(self) -> None:
        """One of those who wait may have it, if it is free."""
        if not self._held:
            self._waiting.unpark()

    def open(self) -> None:
        """From now on everybody gets his turn."""
        self._open = True
        self._waiting.unpark_all()


class _Names:
    """A module with some of its names replaced."""

    def __init__(self, module: Any, **replaced: Any) -> None:
        self._module = module
        self.__dict__.update(replaced)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)
