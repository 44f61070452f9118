"""LiME's image of memory: every range of RAM behind a head that says where it was.

Source: LiME, src/lime.h (`lime_mem_range_header`).
"""

from __future__ import annotations

from typing import Annotated, Final

from snapfs.blob import Blob, Concat, Data
from snapfs.images.ram import Packed
from snapfs.layout import Bytes, Record, hex32, hex64, u32

__all__ = ["lime"]

_MAGIC: Final = 0x4C694D45


class RangeHeader(Record, size=32):
    """lime_mem_range_header; `e_addr` is the last address of the range, not the one behind it."""

    magic: hex32
    version: u32
    s_addr: hex64
    e_addr: hex64
    reserved: Annotated[bytes, Bytes(8)]


def lime(packed: Packed) -> Blob:
    """The image of guest RAM."""
    pieces: list[Blob] = []
    for part in packed.parts:
        head = RangeHeader(magic=_MAGIC, version=1, s_addr=part.start, e_addr=part.start + part.size - 1, reserved=bytes(8))
        pieces += [Data(head.encode()), part.content]
    return Concat(pieces)
