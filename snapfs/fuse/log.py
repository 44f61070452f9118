"""The log of a mount: stderr in the foreground, a file or syslog in the background, and always the last lines as the file
`LOG` at the top of the tree.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import sys
import time
from collections.abc import Mapping
from typing import Final

from snapfs.blob import Blob, Data
from snapfs.errors import WriteError
from snapfs.fuse.shared import Journal
from snapfs.tree import Dir, File, Node

__all__ = ["Tail", "WithLog", "configure"]

_LINES: Final = 100
_WINDOW: Final = 1 << 16
_SYSLOG: Final = "/dev/log"


class Tail(logging.Handler):
    """Keeps the last lines, those of all serving processes."""

    def __init__(self) -> None:
        super().__init__()
        self._journal = Journal("snapfs-log")

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record).encode("utf-8", "backslashreplace") + b"\n"
        self._journal.append(line[-_WINDOW:])
        self._journal.give_back(self._journal.size - _WINDOW)

    def content(self) -> bytes:
        """The lines, the newest last."""
        data = self._journal.tail(_WINDOW)
        if len(data) == _WINDOW:
            data = data[data.find(b"\n") + 1 :]
        return b"".join(data.splitlines(keepends=True)[-_LINES:])


class _LogFile(File):
    """`LOG`."""

    live = True

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._since = time.time_ns()
        self.mtime_ns = self._since

    def blob(self) -> Blob:
        return Data(self._tail.content())


class WithLog(Dir):
    """A root directory and the file `LOG` in it."""

    def __init__(self, root: Dir, tail: Tail) -> None:
        super().__init__(tuple)
        self._root = root
        self._file = _LogFile(tail)
        self.live = root.live
        self.mtime_ns = root.mtime_ns

    @property
    def ready(self) -> bool:
        return self._root.ready

    @property
    def children(self) -> Mapping[str, Node]:
        return {**self._root.children, "LOG": self._file}

    def get(self, name: str) -> Node | None:
        return self._file if name == "LOG" else self._root.get(name)


def configure(*, foreground: bool, level: int, file: str | None) -> Tail:
    """Sets up logging for a mount; WriteError when the log file cannot be written. What cannot be logged later (a full disk,
    no syslog) is dropped: it must not stop the mount."""
    logging.raiseExceptions = False
    top = logging.getLogger()
    for handler in list(top.handlers):
        top.removeHandler(handler)
    top.setLevel(level)
    stamped = logging.Formatter("%(asctime)s %(levelname)s %(message)s")
    tail = Tail()
    tail.setFormatter(stamped)
    top.addHandler(tail)
    if file is not None:
        try:
            to_file: logging.Handler = logging.handlers.WatchedFileHandler(file, encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise WriteError(f"{file}: the log cannot be written: {error.strerror}; name another --log-file") from error
        to_file.setFormatter(stamped)
        top.addHandler(to_file)
    elif foreground:
        to_stderr = logging.StreamHandler(sys.stderr)
        to_stderr.setFormatter(logging.Formatter("snapfs: %(levelname)s %(message)s"))
        top.addHandler(to_stderr)
    elif os.path.exists(_SYSLOG):
        try:
            to_syslog = logging.handlers.SysLogHandler(_SYSLOG, facility=logging.handlers.SysLogHandler.LOG_DAEMON)
        except OSError:
            return tail
        to_syslog.setFormatter(logging.Formatter(f"snapfs[{os.getpid()}]: %(levelname)s %(message)s"))
        top.addHandler(to_syslog)
    return tail
