"""Who of several serving processes looks for requests: the first always, the others when there is more than one process can do.

Whoever is not needed sleeps on a bell of his own. In the kernel's queue he would be woken for every single request, and two
processes that take turns for one reader cost more than one. Now and then a sleeper looks all the same: the first may have been
stopped, or may be busy in a call that does not end.
"""

from __future__ import annotations

import mmap
import os
import select
import time
from collections.abc import Callable
from typing import Final

__all__ = ["Turns"]

# milliseconds after which a sleeper looks, and how often, with seconds in between: a request that is seen once is just being taken
_LOOK: Final = 500
_LOOKS: Final = 5
_PAUSE: Final = 0.001


class Turns:
    """The bells of the serving processes of one mount; made before they are forked."""

    def __init__(self, processes: int) -> None:
        self._bells = [os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK) for _ in range(processes)]
        self._sleeps = memoryview(mmap.mmap(-1, processes))
        self._own = 0
        self._poll = select.poll()

    def close(self) -> None:
        """Gives up the bells."""
        for bell in self._bells:
            os.close(bell)
        self._bells = []

    def take_place(self, number: int) -> None:
        """From now on this process is that one."""
        self._own = number
        self._sleeps[number] = 0
        self._poll = select.poll()  # not that of the process it was forked from
        self._poll.register(self._bells[number], select.POLLIN)

    @property
    def first(self) -> bool:
        """Whether this process is the one that always looks."""
        return self._own == 0

    @property
    def sleepers(self) -> bool:
        """Whether there is anybody to call."""
        return 1 in self._sleeps

    def call(self) -> None:
        """Wakes one that sleeps."""
        number = bytes(self._sleeps).find(1)
        if number >= 0:
            self._sleeps[number] = 0  # whoever calls next wakes another one
            os.eventfd_write(self._bells[number], 1)

    def call_all(self) -> None:
        """Wakes all: the mount is gone."""
        for bell in self._bells:
            os.eventfd_write(bell, 1)

    def sleep(self, is_stuck: Callable[[], object]) -> None:
        """Sleeps until this process is called, or finds that requests are stuck."""
        self._sleeps[self._own] = 1
        while not self._poll.poll(_LOOK):
            if _lasts(is_stuck):
                break
        else:
            os.eventfd_read(self._bells[self._own])
        self._sleeps[self._own] = 0


def _lasts(what: Callable[[], object]) -> bool:
    """Whether something is so each time it is looked at."""
    for _ in range(_LOOKS):
        if not what():
            return False
        time.sleep(_PAUSE)
    return True
