"""Mounting from the first word to the last: the snapshots are opened, the mount point is made ready, and a process of its own, or
this one, serves.
"""

from __future__ import annotations

import functools
import logging
import os
from dataclasses import dataclass
from typing import Final

from snapfs import tree
from snapfs.errors import FuseUnavailable
from snapfs.fuse import mountpoint as points
from snapfs.fuse.daemon import Announcer, detached
from snapfs.fuse.log import WithLog, configure
from snapfs.fuse.options import MountOptions
from snapfs.snapshot import Snapshot

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
    snap = Snapshot(request.snapshots[0])
    announcer = Announcer(ready_fd=request.ready_fd, pid_file=_absolute(request.options.pid_file))
    path = os.path.abspath(request.mountpoint)
    made = points.prepare(path)
    try:
        serve = functools.partial(_serve, request, snap, path, announcer)
        if request.foreground:
            serve()
            return []
        problems: list[str] = []
        detached(announcer, functools.partial(_serve_child, serve, path, made=made), lambda: problems.extend(snap.problems))
        made = False
        os.stat(path)
        return problems
    finally:
        if made:
            points.remove(path)


def _absolute(path: str | None) -> str | None:
    return None if path is None else os.path.abspath(path)


def _serve_child(serve: functools.partial[None], path: str, *, made: bool) -> int:
    os.chdir("/")
    serve()
    if made:
        points.remove(path)
    return 0


def _serve(request: Request, snap: Snapshot, path: str, announcer: Announcer) -> None:
    level = logging.DEBUG if request.debug or request.verbosity > 1 else _QUIET if request.verbosity < 0 else logging.INFO
    tail = configure(foreground=request.foreground, level=level, file=_absolute(request.options.log_file))
    logging.getLogger("pyfuse3").setLevel(max(level, logging.WARNING))
    try:
        from snapfs.fuse.session import Session
    except ImportError as error:
        raise FuseUnavailable(
            f"pyfuse3 cannot be used: {error}; install libfuse3 and pyfuse3. `snapfs ls`, `cat` and `export` work without them"
        ) from error
    root = WithLog(tree.root(snap), tail)
    session = Session(root, str(snap.source.path), path, request.options, sum(snap.source.open(n).size for n in snap.source.names))
    announcer.write_pid()

    def ready() -> None:
        log.info("%s mounted on %s", snap.source.path, path)
        announcer.ready()

    try:
        session.serve(ready)
        log.info("%s unmounted", path)
    finally:
        announcer.ended()
