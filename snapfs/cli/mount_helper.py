"""`mount.snapfs`: what mount(8) runs for `mount -t snapfs` and `-t fuse.snapfs`, and with it fstab, autofs and systemd.

    mount.snapfs SOURCE TARGET [-n] [-s] [-v] [-f] [-N NAMESPACE] [-t TYPE] [-o OPT,OPT]

The flags and the exit codes are those of mount(8): 1 for a wrong call, 32 for a mount that failed.
"""

from __future__ import annotations

import ctypes
import getopt
import importlib
import os
import pkgutil
import sys
from typing import Final

from snapfs.cli.mount import under_sudo
from snapfs.cli.output import unheard
from snapfs.errors import CannotOpen, SnapfsError, UsageError

__all__ = ["run"]

_USAGE: Final = "mount.snapfs SOURCE TARGET [-nsvf] [-N NAMESPACE] [-t TYPE] [-o OPTIONS]"
_WRONG: Final = 1
_FAILED: Final = 32
_CLONE_NEWNS: Final = 0x00020000  # linux: include/uapi/linux/sched.h


def run(args: list[str]) -> int:
    """Mounts as mount(8) wants it and returns mount(8)'s exit code."""
    try:
        flags, places = getopt.gnu_getopt(args, "nsvfhN:t:o:", ["help"])
    except getopt.GetoptError as error:
        return _wrong(f"{error.msg}; {_USAGE}")
    given = {name for name, _ in flags}
    if given & {"-h", "--help"}:
        sys.stdout.write(f"{_USAGE}\n")
        return 0
    if len(places) != 2:
        return _wrong(f"name a snapshot and a mount point: {_USAGE}")
    source, target = places
    try:
        for name, value in flags:
            if name == "-N":
                _enter(value)
        return _mount(source, target, [value for name, value in flags if name == "-o"], given)
    except UsageError as error:
        return _wrong(str(error))
    except SnapfsError as error:
        _say(str(error))
    except Exception as error:  # the boundary to mount(8), which wants a number, not a traceback  # noqa: BLE001
        _say(f"internal error: {type(error).__name__}: {error}; run `snapfs mount --debug` to see where")
    return _FAILED


def _say(text: str) -> None:
    with unheard():
        sys.stderr.write(f"mount.snapfs: {text}\n")
        sys.stderr.flush()


def _wrong(message: str) -> int:
    _say(message)
    return _WRONG


def _mount(source: str, target: str, options: list[str], given: set[str]) -> int:
    from snapfs.fuse.mount import Request, mount
    from snapfs.fuse.options import parse
    from snapfs.snapshot import Snapshot

    parsed = parse(options, sloppy="-s" in given)
    verbose = "-v" in given
    warnings = list(parsed.warnings)
    if "-f" in given:
        Snapshot(source).close()
    else:
        warnings += mount(Request((source,), target, parsed, foreground=parsed.debug, debug=parsed.debug, verbosity=int(verbose)))
    if verbose:
        sys.stdout.write(f"mount.snapfs: {source} on {target}\n")
    if "-f" in given:
        return 0
    for warning in warnings:
        _say(f"warning: {warning}")
    if hint := under_sudo(parsed):
        _say(hint)
    return 0


def _enter(namespace: str) -> None:
    """Goes into another mount namespace: that of a process, or the one that a file stands for. Python need not be there."""
    _load_all()
    path = f"/proc/{namespace}/ns/mnt" if namespace.isdecimal() else namespace
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise CannotOpen(f"-N {namespace}: {error.strerror}; name a process or a namespace file") from error
    try:
        if ctypes.CDLL(None, use_errno=True).setns(fd, _CLONE_NEWNS):
            raise CannotOpen(f"-N {namespace}: {os.strerror(ctypes.get_errno())}; entering a namespace needs root")
    finally:
        os.close(fd)


def _load_all() -> None:
    """Imports whatever serving a mount may need, and what the libraries would look for later."""
    for package in ("encodings", "pydantic._internal", "pydantic.plugin", "snapfs"):
        for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            if not module.name.startswith("snapfs.cli") and not module.name.endswith("__main__"):
                try:
                    importlib.import_module(module.name)
                except ImportError:
                    continue  # said when it is needed
