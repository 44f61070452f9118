"""Page tables for tests, written into a small physical memory entry by entry."""

from __future__ import annotations

from snapfs.errors import AddressError


class Ram:
    """`size` bytes of memory at `base` into which tests write entries."""

    def __init__(self, size: int = 1 << 20, base: int = 0) -> None:
        self.base = base
        self.data = bytearray(size)

    def put(self, address: int, *entries: int, width: int = 8) -> None:
        for n, entry in enumerate(entries):
            at = address - self.base + n * width
            self.data[at : at + width] = entry.to_bytes(width, "little")

    def fill(self, address: int, entry: int, count: int = 512) -> None:
        self.put(address, *[entry] * count)

    def read(self, gpa: int, length: int) -> bytes:
        if gpa < self.base or gpa + length > self.base + len(self.data):
            raise AddressError(f"0x{gpa:x}: no RAM")
        return bytes(self.data[gpa - self.base : gpa - self.base + length])
