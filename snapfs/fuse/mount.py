"""Mounting from the first word to the last: the snapshots are opened, the mount point is made ready, and a process of its own, or
this one, serves.
"""

from __future__ import annotations

import functools
import logging
import os
import resource
import threading
from dataclasses import dataclass, replace
from typing import Final

from snapfs.errors import CannotOpen, FuseUnavailable
from snapfs.fuse import mountpoint as points
from snapfs.fuse.daemon import Announcer, detached, ended_by_signals
from snapfs.fuse.log import WithLog, configure
from snapfs.fuse.options import MountOptions
from snapfs.snapshot import Snapshot
from snapfs.tree import Dir
from snapfs.tree.many import Many, tree_of

__all__ = ["Request", "mount"]

log = logging.getLogger(__name__)

_QUIET: Final = logging.ERROR


@dataclass(frozen=True)
class Request:
    """What the user asked for."""

    snapshots: tuple[str, ...]
    mountpoint: str
    options: MountOptions
    foreground: bool = False
    debug: bool = False
    verbosity: int = 0
    ready_fd: int | None = None


def mount(request: Request) -> list[str]:
    """Mounts; in the background it returns when the mount answers, in the foreground when it is gone. The sentences are
    what the user should know; those of a foreground mount have been logged."""
    root, snap = tree_of(request.snapshots, request.options.name)
    # in the background relative paths would mean something else
    options = replace(request.options, log_file=_absolute(request.options.log_file), pid_file=_absolute(request.options.pid_file))
    request = replace(request, options=options, snapshots=tuple(map(os.path.abspath, request.snapshots)))
    announcer = Announcer(ready_fd=request.ready_fd, pid_file=request.options.pid_file)
    made = points.prepare(request.mountpoint)
    path = points.resolved(request.mountpoint)
    try:
        points.keep_apart(path, _sources(request, root), options.log_file)
        serve = functools.partial(_serve, request, root, snap, path, announcer)
        if request.foreground:
            with ended_by_signals():
                serve()
            return []
        problems = detached(announcer, functools.partial(_serve_child, serve, path, made=made), lambda: snap.problems if snap else [])
        made = False
        os.stat(path)
        return problems
    finally:
        if made:
            points.remove(path)


def _sources(request: Request, root: Dir) -> list[str]:
    """All that is read from."""
    return [*request.snapshots, *(root.directories.values() if isinstance(root, Many) else ())]


def _log_problems(snap: Snapshot) -> None:
    for problem in snap.problems:
        log.warning("%s", problem)


def _size(snap: Snapshot) -> int:
    """What df(1) shows: the bytes of the snapshot's files."""
    total = 0
    for name in snap.source.names:
        try:
            total += snap.source.open(name).size
        except CannotOpen:
            continue
    return total


def _allow_many_files() -> None:
    """Each snapshot that is looked into keeps up to four files open: as many as the administrator allows."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.abspath(path)


def _serve_child(serve: functools.partial[None], path: str, *, made: bool) -> int:
    os.chdir("/")
    serve()
    if made:
        points.remove(path)
    return 0


def _serve(request: Request, root: Dir, snap: Snapshot | None, path: str, announcer: Announcer) -> None:
    level = logging.DEBUG if request.debug or request.verbosity > 1 else _QUIET if request.verbosity < 0 else logging.INFO
    tail = configure(foreground=request.foreground, level=level, file=request.options.log_file)
    logging.getLogger("pyfuse3").setLevel(max(level, logging.WARNING))
    _allow_many_files()
    try:
        from snapfs.fuse.session import Session
    except ImportError as error:
        raise FuseUnavailable(
            f"pyfuse3 cannot be used: {error}; install libfuse3 and pyfuse3. `snapfs ls`, `cat` and `export` work without them"
        ) from error
    source = request.snapshots[0]
    session = Session(WithLog(root, tail), source, path, request.options, _size(snap) if snap else 0)
    announcer.write_pid()

    def mounted() -> None:
        announcer.mounted()
        here = points.mounted_at(path)
        if here is not None and isinstance(root, Many):
            root.leave_out(here.device)

    def ready() -> None:
        log.info("%s mounted on %s", source, path)
        announcer.ready()
        for warning in request.options.warnings:
            log.warning("%s", warning)
        if request.foreground and snap:
            # nobody waits for it, and reading the state takes a while
            threading.Thread(target=_log_problems, args=(snap,), daemon=True).start()

    try:
        session.serve(ready, mounted)
        log.info("%s unmounted", path)
    finally:
        announcer.ended()
