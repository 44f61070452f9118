"""The heap of a serving process. What was needed to decode a file goes back to the system when it is freed. Source: mallopt(3)."""

from __future__ import annotations

import ctypes
from typing import Final

__all__ = ["give_back"]

# linux: malloc.h
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
# bytes: what glibc begins with. By itself it goes up to 32 MiB, and keeps as much, once something as large has been freed
_LARGE: Final = 128 << 10


def give_back() -> None:
    """Large blocks are given back as soon as they are freed, from now on; nothing where the C library has no such setting."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _LARGE)
        mallopt(_M_TRIM_THRESHOLD, _LARGE)
