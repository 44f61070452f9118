"""What a process gives back, seen in the pages that are its own; in a process of its own, since the setting stays."""

from __future__ import annotations

import subprocess
import sys

import pytest

_GROWN = """
import ctypes
from snapfs.fuse.heap import give_back
if not hasattr(ctypes.CDLL(None), "mallopt"):
    raise SystemExit(77)

def own():
    with open("/proc/self/smaps_rollup") as lines:
        return sum(int(line.split()[1]) for line in lines if line.startswith("Private_Dirty"))

give_back()
first = own()
for size in (24 << 20, 16 << 20):
    bytearray(size)
pieces = [bytearray(1 << 20) for _ in range(30)]
pin = bytearray(200 << 10)
for piece in pieces:
    piece[:] = bytes(1 << 20)
del pieces, piece
print(own() - first)
"""


def test_what_is_freed_goes_back_to_the_system() -> None:
    done = subprocess.run([sys.executable, "-c", _GROWN], stdout=subprocess.PIPE, text=True, check=False, timeout=100)
    if done.returncode == 77:
        pytest.skip("this C library has no mallopt(3)")
    assert int(done.stdout) < 4000  # KiB; without it glibc keeps more than 30000
