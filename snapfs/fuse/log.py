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
# that the log file cannot be written is told again after so many seconds: the tail goes on
_AGAIN: Final = 60.0


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


class _ToFile(logging.handlers.WatchedFileHandler):
    """Writes to the file of `--log-file`. Where that fails the tail is told, now and then: what is missing in the file is there."""

    def __init__(self, path: str, tail: Tail) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self._tail = tail
        self._told_at = -_AGAIN

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:  # of the file's own directory
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - a name of the standard library
        error = sys.exc_info()[1]
        if isinstance(error, OSError) and time.monotonic() - self._told_at >= _AGAIN:
            self._told_at = time.monotonic()
            text = f"{self.baseFilename}: the log cannot be written: {error.strerror}; LOG in the mount goes on"
            self._tail.handle(logging.LogRecord(record.name, logging.ERROR, __file__, 0, text, None, None))


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
    no syslog) must not stop the mount, and stands in the tail."""
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
            to_file: logging.Handler = _ToFile(file, tail)
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
