"""Files that take long to make: they wait for a flag, a file beside the mount point, so that no clock decides."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mounted import PATIENCE, requires_fuse

pytestmark = requires_fuse

_SERVE = """
import os, sys, time
from snapfs.fuse.options import parse
from snapfs.fuse.session import Session
from snapfs.tree import Dir
from snapfs.tree.nodes import StreamFile, TextFile

def wait():
    while not os.path.exists(sys.argv[3]):
        time.sleep(0.02)

def slow():
    wait()
    return "slow\\n"

def pieces():
    for n in range(40):
        yield b"%d\\n" % n
        wait()

root = Dir(lambda: [
    ("quick", TextFile(lambda: "quick\\n", lambda: 0)),
    ("slow", TextFile(slow)), ("slow2", TextFile(slow)), ("slow3", TextFile(slow)),
    ("stream", StreamFile(pieces)),
    ("dir", Dir(lambda: [(str(n), TextFile(lambda n=n: str(n), lambda: 0)) for n in range(50)])),
])
Session(root, "/fake", sys.argv[1], parse([f"processes={sys.argv[2]}"])).serve(lambda: print("ready", flush=True))
"""


@contextlib.contextmanager
def served(at: Path, processes: int) -> Iterator[tuple[Path, Path]]:
    """The mount, and the flag that lets its slow files go on."""
    at.mkdir()
    flag = at.parent / "flag"
    with subprocess.Popen([sys.executable, "-c", _SERVE, at, str(processes), flag], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield at, flag
        finally:
            flag.touch()
            subprocess.run(["umount", "-l", at], check=False)
        assert process.wait(PATIENCE) == 0


def _readers(at: Path, *names: str) -> list[subprocess.Popen[bytes]]:
    return [subprocess.Popen(["cat", at / name], stdout=subprocess.PIPE) for name in names]


@pytest.mark.parametrize("processes", [1, 2])
def test_slow_reads_never_block_a_listing(processes: int, tmp_path: Path) -> None:
    with served(tmp_path / "m", processes) as (at, flag):
        slow = _readers(at, "slow", "slow2", "slow3", "stream")
        time.sleep(0.3)  # where they have not begun to read yet, they do so among the rest
        for _ in range(20):
            assert len(os.listdir(at / "dir")) == 50
            assert (at / "quick").read_text() == "quick\n"
        assert [reader.poll() for reader in slow] == [None] * 4
        flag.touch()
        outputs = [reader.communicate(timeout=PATIENCE)[0] for reader in slow]
    assert outputs[:3] == [b"slow\n"] * 3
    assert outputs[3] == b"".join(b"%d\n" % n for n in range(40))


@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_hangs_when_requests_are_answered_by_threads(processes: int, tmp_path: Path) -> None:
    with served(tmp_path / "m", processes) as (at, flag):
        readers = _readers(at, "slow", "slow2", "slow3", "slow", "slow2")
        time.sleep(0.3)
        flag.touch()
        for reader in readers:
            assert reader.communicate(timeout=PATIENCE)[0] == b"slow\n"


@pytest.mark.parametrize("processes", [1, 2])
def test_stream_has_its_size_when_it_was_read(processes: int, tmp_path: Path) -> None:
    with served(tmp_path / "m", processes) as (at, flag):
        assert (at / "stream").stat().st_size == 0
        with (at / "stream").open("rb", buffering=0) as file:
            assert file.read(10) == b"0\n"  # what is there, without waiting for the rest
            flag.touch()
            content = b"0\n" + b"".join(iter(lambda: file.read(10), b""))
        assert content == b"".join(b"%d\n" % n for n in range(40))
        assert (at / "stream").stat().st_size == len(content)
        assert (at / "stream").read_bytes() == content
