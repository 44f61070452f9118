"""The stored scalar types: little-endian integers, each an `Annotated[int, Stored, Form]`.

`u64` and its kin are counts (decimal); `hex64` and its kin are registers, addresses and masks. A field with named bits
is written `Annotated[int, Stored("Q"), Flags(64, ...)]`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from snapfs.layout.forms import DEC, Hex

__all__ = ["Stored", "Wide", "hex8", "hex16", "hex32", "hex64", "hex128", "i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64"]


@dataclass(frozen=True)
class Stored:
    """How an integer is stored: its `struct` format letter, always little-endian."""

    code: str


@dataclass(frozen=True)
class Wide:
    """An integer of more bytes than `struct` knows, little-endian: vector registers."""

    size: int


u8 = Annotated[int, Stored("B"), DEC]
u16 = Annotated[int, Stored("H"), DEC]
u32 = Annotated[int, Stored("I"), DEC]
u64 = Annotated[int, Stored("Q"), DEC]
i8 = Annotated[int, Stored("b"), DEC]
i16 = Annotated[int, Stored("h"), DEC]
i32 = Annotated[int, Stored("i"), DEC]
i64 = Annotated[int, Stored("q"), DEC]
hex8 = Annotated[int, Stored("B"), Hex(8)]
hex16 = Annotated[int, Stored("H"), Hex(16)]
hex32 = Annotated[int, Stored("I"), Hex(32)]
hex64 = Annotated[int, Stored("Q"), Hex(64)]
hex128 = Annotated[int, Wide(16), Hex(128)]
