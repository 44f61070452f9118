"""Real mounts for tests: the command line in a subprocess, unmounted whatever happens; and waiting for what must come, however slow
the machine is just now."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

__all__ = ["PATIENCE", "becomes", "ended", "mounted", "mounts_below", "requires_fuse", "run", "server"]

requires_fuse = pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="there is no /dev/fuse on this machine")

# seconds that a process may take to do what it does at once when nobody else wants the processor
PATIENCE = 60


def run(*args: str | Path, timeout: float = 2 * PATIENCE, **more: object) -> subprocess.CompletedProcess[str]:
    """`snapfs` with these arguments."""
    if args[:1] == ("umount",) and "--timeout" not in args:
        # a namespace that another test begins has a copy of the mount for a moment, and with it its process lives on
        args = ("umount", "--timeout", str(PATIENCE), *args[1:])
    command = [sys.executable, "-m", "snapfs", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **more)  # type: ignore[call-overload,no-any-return]


def becomes(what: Callable[[], object], seconds: float = PATIENCE) -> bool:
    """Whether something comes true within that time."""
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def ended(*pids: int) -> bool:
    """Whether no such process is there any more, or only waits to be asked for its exit code."""

    def state(pid: int) -> str:
        try:
            return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return "gone"

    return all(state(pid) in ("gone", "Z", "X") for pid in pids)


def server(at: Path) -> int:
    """The process that serves a mount, or looks after those that do."""
    return int(os.getxattr(at, "user.snapfs.pid"))


def mounts_below(path: Path) -> list[str]:
    """The mount points of snapfs under a directory."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="latin-1").splitlines()
    return [line.split()[4] for line in lines if "fuse.snapfs" in line and line.split()[4].startswith(str(path))]


@contextlib.contextmanager
def mounted(*args: str | Path, at: Path) -> Iterator[Path]:
    """A mount of the given snapshots and options; unmounted by `snapfs umount`, which must succeed."""
    try:
        done = run("mount", *args, at)
        assert done.returncode == 0, done.stderr
        yield at
        gone = run("umount", at)
        assert (gone.returncode, gone.stderr) == (0, ""), gone.stderr
    finally:
        for left in mounts_below(at):
            subprocess.run(["umount", "-l", left], check=False, capture_output=True)
            subprocess.run(["fusermount3", "-uz", left], check=False, capture_output=True)
