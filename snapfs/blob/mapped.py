"""A file mapped for the kernel's eyes: slices of the map go into replies without a copy, and `resident` tells beforehand
whether the kernel will find all of a slice in memory, or would make us wait for a disk.
"""

from __future__ import annotations

import ctypes
import mmap
from typing import Any, Final

__all__ = ["Map"]

_PAGE: Final = mmap.PAGESIZE
# the kernel maps the neighbours of a page too: 64 KiB at once (linux: mm/memory.c, fault_around_bytes)
_AROUND: Final = 64 << 10
# bytes of the file that may stay mapped: they count as memory of this process, though they are pages of the page cache
_MAPPED: Final = 4 << 20


class _Buffer(ctypes.Structure):
    """`Py_buffer` of Include/pybuffer.h; the one way to the address of a map that cannot be written."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


_mincore: Any = ctypes.CDLL(None).mincore
_mincore.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p)


class Map:
    """A shared, read-only map of the first `size` bytes of a file."""

    def __init__(self, fd: int, size: int) -> None:
        self._map = mmap.mmap(fd, size, mmap.MAP_SHARED, mmap.PROT_READ)
        self._view = memoryview(self._map)
        self._touched = 0
        self._address = _address(self._map)
        self._one = ctypes.create_string_buffer(1)

    def view(self, start: int, end: int) -> memoryview:
        """A slice. Pages of earlier slices are unmapped now and then; whoever still holds one gets the same bytes again."""
        self._touched += max(end - start, _AROUND)
        if self._touched > _MAPPED:
            self._touched = 0
            self._map.madvise(mmap.MADV_DONTNEED)
        return self._view[start:end]

    def resident(self, start: int, end: int) -> bool:
        """Whether all pages of a stretch are in memory. The kernel says yes to everything where we may not know: the file
        is not ours and we may not write to it (linux: mm/mincore.c, can_do_mincore)."""
        first = start // _PAGE
        count = -(-end // _PAGE) - first
        vector = self._one if count == 1 else ctypes.create_string_buffer(count)
        if _mincore(self._address + first * _PAGE, count * _PAGE, vector):
            return False
        # the lowest bit counts, the others are reserved and have never been anything but 0
        return bytes(vector).count(0) == 0 if count > 1 else vector[0] != b"\0"


def _address(mapped: mmap.mmap) -> int:
    buffer = _Buffer()
    get, release = ctypes.pythonapi.PyObject_GetBuffer, ctypes.pythonapi.PyBuffer_Release
    get.argtypes = (ctypes.py_object, ctypes.POINTER(_Buffer), ctypes.c_int)
    release.argtypes = (ctypes.POINTER(_Buffer),)
    get(mapped, ctypes.byref(buffer), 0)
    address = buffer.buf
    release(ctypes.byref(buffer))
    if not address:
        raise ValueError("a map without an address")
    return int(address)
