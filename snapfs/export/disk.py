"""Writes to disk: under a temporary name beside the destination, renamed when all of it is there and verified.

Files are 0400 and directories 0700, whatever the umask: guest memory holds secrets. Times are those of the tree.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import stat
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from snapfs.errors import SnapfsError, WriteError
from snapfs.export.copying import Advance, copy, filled
from snapfs.export.selection import Item, Selection
from snapfs.tree import Dir, File, Link

__all__ = ["check_destination", "scratch_file", "write_directory", "write_file"]

Failed = Callable[[str, SnapfsError], object]
"""Called with the path of what could not be read, or not all of it, and why."""


def check_destination(dest: Path, *, force: bool) -> None:
    """WriteError where `dest` cannot be made, or may not be replaced."""
    if not dest.parent.is_dir():
        raise WriteError(f"{dest.parent}: no such directory; make it first")
    if not os.path.lexists(dest):
        return
    if special := _special(dest):
        raise WriteError(f"{dest}: is {special}, which an export neither replaces nor writes into; name a file, or - for a tar on stdout")
    if not force:
        raise WriteError(f"{dest}: exists already; name another, or replace it with --force")
    kept = {Path.cwd(), Path.home(), Path("/")}
    if dest.is_dir() and not dest.is_symlink() and any(dest.resolve() in (k, *k.parents) for k in kept):
        raise WriteError(f"{dest}: is in use or a home directory, --force does not replace it; name another")


def _special(dest: Path) -> str:
    """What a destination is, or leads to, where that is neither file nor directory."""
    kinds = {stat.S_IFCHR: "a device", stat.S_IFBLK: "a device", stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket"}
    try:
        return kinds.get(stat.S_IFMT(os.stat(dest).st_mode), "")
    except OSError:
        return ""  # a link to nowhere


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Signals that end the program wait until the block is left: who presses Ctrl-C twice leaves nothing half written behind. A
    mask would not do: it is this thread's alone, and another, that of a progress bar, would take the signal for the process."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are none of its business
        return
    held: list[int] = []
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    for number in before:
        signal.signal(number, lambda got, _: held.append(got))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if held:
            signal.raise_signal(held[0])


@contextlib.contextmanager
def _said(dest: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(f"{dest}: {error.strerror}; nothing was left there") from error


@contextlib.contextmanager
def scratch_file(dest: Path, *, force: bool) -> Iterator[int]:
    """A descriptor of an empty file that becomes `dest` when the block ends well, and is gone when it does not."""
    if dest.is_dir() and not dest.is_symlink():
        raise WriteError(f"{dest}: is a directory, which a file does not replace; name the file to write in it")
    check_destination(dest, force=force)
    with _said(dest):
        fd, name = tempfile.mkstemp(prefix=f".{dest.name[:100]}.", suffix=".part", dir=dest.parent)
    try:
        with _said(dest):
            yield fd
            os.fchmod(fd, 0o400)
            _place(Path(name), dest, force=force)
    except BaseException:
        with _undisturbed(), contextlib.suppress(FileNotFoundError):
            os.unlink(name)
        raise
    finally:
        os.close(fd)


def _place(scratch: Path, dest: Path, *, force: bool) -> None:
    """Gives the finished copy its name."""
    old = None
    if force and os.path.lexists(dest) and scratch.is_dir():
        # a directory is not replaced by rename(2): the old one steps aside first
        old = Path(tempfile.mkdtemp(prefix=f".{dest.name[:100]}.", suffix=".old", dir=dest.parent))
        os.rename(dest, old / "old")
    try:
        if force or scratch.is_dir():
            os.rename(scratch, dest)
        else:
            os.link(scratch, dest)  # unlike rename, fails when somebody made `dest` meanwhile
            os.unlink(scratch)
    except OSError:
        if old is not None:
            os.rename(old / "old", dest)
            old.rmdir()
        raise
    if old is not None:
        with _undisturbed():
            shutil.rmtree(old)


def write_file(
    file: File,
    dest: Path,
    mtime_ns: int | None,
    advance: Advance,
    failed: Failed,
    *,
    where: str = "",
    force: bool = False,
    fill_gaps: bool = False,
) -> None:
    """Writes one file, which messages call `where`. That zeros stand for missing bytes is told to `failed`; what else cannot be
    read is raised."""
    where = where or dest.name
    with scratch_file(dest, force=force) as fd:
        try:
            missing = copy(file, fd, where, advance, fill_gaps=fill_gaps)
        except SnapfsError as error:
            if where in str(error):
                raise
            raise type(error)(f"{where}: {error}") from error
        if mtime_ns is not None:
            os.utime(fd, ns=(mtime_ns, mtime_ns))
    if missing:
        failed(where, filled(missing, where))


def write_directory(
    selection: Selection, dest: Path, advance: Advance, failed: Failed, *, force: bool = False, fill_gaps: bool = False
) -> None:
    """Writes a directory. What cannot be read is told to `failed` and left out; the rest is written."""
    check_destination(dest, force=force)
    with _said(dest):
        scratch = Path(tempfile.mkdtemp(prefix=f".{dest.name[:100]}.", suffix=".part", dir=dest.parent))
    try:
        with _said(dest):
            for item in selection.items:
                _write(item, scratch, advance, failed, fill_gaps=fill_gaps)
            for item in reversed(selection.items):
                if isinstance(item.node, Dir) and item.mtime_ns is not None:
                    os.utime(_below(scratch, item.path), ns=(item.mtime_ns, item.mtime_ns))
            _place(scratch, dest, force=force)
    except BaseException:
        with _undisturbed():
            shutil.rmtree(scratch, ignore_errors=True)
        raise


def _below(directory: Path, path: str) -> str:
    return f"{directory}/{path}" if path else str(directory)


def _write(item: Item, scratch: Path, advance: Advance, failed: Failed, *, fill_gaps: bool) -> None:
    target = _below(scratch, item.path)
    if isinstance(item.node, Dir):
        if item.path:
            os.mkdir(target, 0o700)
    elif isinstance(item.node, Link):
        os.symlink(item.node.target, target)
    elif isinstance(item.node, File):
        fd = os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if item.node.huge or item.node.streamed:
                if missing := copy(item.node, fd, item.path, advance, fill_gaps=fill_gaps):
                    failed(item.path, filled(missing, item.path))
            else:
                _small(item.node, fd, item.path)
            os.fchmod(fd, 0o400)
            if item.mtime_ns is not None:
                os.utime(fd, ns=(item.mtime_ns, item.mtime_ns))
        except WriteError:
            raise
        except SnapfsError as error:
            os.unlink(target)
            failed(item.path, error)
        finally:
            os.close(fd)


def _small(file: File, fd: int, where: str) -> None:
    """A small file: thousands of them make a tree, so they are compared from the page cache and not synced one by one."""
    data = file.read_bytes()
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    if os.pread(fd, len(data) + 1, 0) != data:
        raise WriteError(f"{where}: reading back gives other bytes than were written; check the storage")
