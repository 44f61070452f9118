"""A second thread of a serving process, which sends large answers while the first looks for the next request.

To send an answer is to copy it, and the kernel does that without the interpreter: so several readers are served by two processors.
For one reader, or for what is small, to wake a thread costs more than it gives.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final

__all__ = ["Second"]

# works that wait while one is done; of any more the first thread does one itself
_WAITING: Final = 1
# seconds that the last work has
_PATIENCE: Final = 1.0


class Second:
    """The thread and what waits for it. Works are done in any order and raise nothing."""

    def __init__(self) -> None:
        self._works: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._taken = self._done = 0

    def put(self, work: Callable[[], None]) -> None:
        """Has something done: there, or at once where too much waits already, or the system has no thread to give."""
        if self._thread is None:
            thread = threading.Thread(target=self._run, name="second", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                work()
                return
            self._thread = thread
        self._works.put(work)
        if self._works.qsize() > _WAITING:
            self._do_one()

    def help(self) -> bool:
        """Does one of those that wait while the thread is at another; whether there was one. A thread that has just been woken
        sees to it itself."""
        return self._taken != self._done and self._do_one()

    def end(self) -> bool:
        """Ends the thread; False where it does not come back from its last work."""
        if self._thread is None:
            return True
        self._works.put(None)
        self._thread.join(_PATIENCE)
        return not self._thread.is_alive()

    def _do_one(self) -> bool:
        try:
            work = self._works.get_nowait()
        except queue.Empty:
            return False
        if work is not None:
            work()
        return True

    def _run(self) -> None:
        while (work := self._works.get()) is not None:
            self._taken += 1
            work()
            work = None  # what it would have sent is not kept while nothing goes on
            self._done += 1
