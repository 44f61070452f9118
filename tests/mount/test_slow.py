from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from mounted import requires_fuse

pytestmark = requires_fuse

_SERVE = """
import sys, time
from snapfs.fuse.options import parse
from snapfs.fuse.session import Session
from snapfs.tree import Dir
from snapfs.tree.nodes import StreamFile, TextFile

def slow():
    time.sleep(2)
    return "slow\\n"

def pieces():
    for n in range(40):
        time.sleep(0.05)
        yield b"%d\\n" % n

root = Dir(lambda: [
    ("quick", TextFile(lambda: "quick\\n", lambda: 0)),
    ("slow", TextFile(slow)), ("slow2", TextFile(slow)), ("slow3", TextFile(slow)),
    ("stream", StreamFile(pieces)),
    ("dir", Dir(lambda: [(str(n), TextFile(lambda n=n: str(n), lambda: 0)) for n in range(50)])),
])
Session(root, "/fake", sys.argv[1], parse([f"processes={sys.argv[2]}"])).serve(lambda: print("ready", flush=True))
"""


@contextlib.contextmanager
def served(at: Path, processes: int) -> Iterator[Path]:
    at.mkdir()
    with subprocess.Popen([sys.executable, "-c", _SERVE, str(at), str(processes)], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield at
        finally:
            subprocess.run(["umount", "-l", at], check=False)
        assert process.wait(10) == 0


def _readers(at: Path, *names: str) -> list[subprocess.Popen[bytes]]:
    return [subprocess.Popen(["cat", at / name], stdout=subprocess.PIPE) for name in names]


@pytest.mark.parametrize("processes", [1, 2])
def test_slow_reads_never_block_a_listing(processes: int, tmp_path: Path) -> None:
    with served(tmp_path / "m", processes) as at:
        slow = _readers(at, "slow", "slow2", "slow3", "stream")
        time.sleep(0.3)
        begun = time.monotonic()
        for _ in range(20):
            assert len(os.listdir(at / "dir")) == 50
            assert (at / "quick").read_text() == "quick\n"
        assert time.monotonic() - begun < 1
        outputs = [process.communicate(timeout=20)[0] for process in slow]
    assert outputs[:3] == [b"slow\n"] * 3
    assert outputs[3] == b"".join(b"%d\n" % n for n in range(40))


@pytest.mark.parametrize("processes", [1, 2])
def test_nothing_hangs_when_requests_are_answered_by_threads(processes: int, tmp_path: Path) -> None:
    with served(tmp_path / "m", processes) as at:
        begun = time.monotonic()
        for process in _readers(at, "slow", "slow2", "slow3", "slow", "slow2"):
            assert process.communicate(timeout=15)[0] == b"slow\n"
        assert time.monotonic() - begun < 6


@pytest.mark.parametrize("processes", [1, 2])
def test_stream_has_its_size_when_it_was_read(processes: int, tmp_path: Path) -> None:
    with served(tmp_path / "m", processes) as at:
        assert (at / "stream").stat().st_size == 0
        content = (at / "stream").read_bytes()
        assert content == b"".join(b"%d\n" % n for n in range(40))
        assert (at / "stream").stat().st_size == len(content)
        with (at / "stream").open("rb", buffering=0) as file:
            begun = time.monotonic()
            assert file.read(10) == b"0\n"
            assert time.monotonic() - begun < 1
