"""Real mounts for tests: the command line in a subprocess, unmounted whatever happens."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

__all__ = ["mounted", "mounts_below", "requires_fuse", "run"]

requires_fuse = pytest.mark.skipif(not os.path.exists("/dev/fuse"), reason="there is no /dev/fuse on this machine")


def run(*args: str | Path, timeout: float = 60, **more: object) -> subprocess.CompletedProcess[str]:
    """`snapfs` with these arguments."""
    command = [sys.executable, "-m", "snapfs", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False, **more)  # type: ignore[call-overload,no-any-return]


def mounts_below(path: Path) -> list[str]:
    """The mount points of snapfs under a directory."""
    lines = Path("/proc/self/mountinfo").read_text(encoding="latin-1").splitlines()
    return [line.split()[4] for line in lines if "fuse.snapfs" in line and line.split()[4].startswith(str(path))]


@contextlib.contextmanager
def mounted(*args: str | Path, at: Path) -> Iterator[Path]:
    """A mount of the given snapshots and options; unmounted by `snapfs umount`, which must succeed."""
    done = run("mount", *args, at)
    try:
        assert done.returncode == 0, done.stderr
        yield at
        gone = run("umount", at)
        assert (gone.returncode, gone.stderr) == (0, ""), gone.stderr
    finally:
        for left in mounts_below(at):
            subprocess.run(["umount", "-l", left], check=False, capture_output=True)
            subprocess.run(["fusermount3", "-uz", left], check=False, capture_output=True)
