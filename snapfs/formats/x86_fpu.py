"""The x87 and SSE state of x86: control and status words, the 80-bit stack, the vector registers.

Source: Intel SDM volume 1, sections 8.1 (x87), 10.2 (SSE, MXCSR), 10.5 (FXSAVE area).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator, Sequence
from typing import Any, Final

from snapfs.layout import Flags, Form, Hex, Spelled

__all__ = ["FCW", "FSW", "FTW", "MXCSR", "MXCSR_MASK", "ST", "legacy", "number", "real", "vector"]

_EXCEPTIONS: Final = ("I", "D", "Z", "O", "U", "P")
_ROUNDING: Final = ("nearest", "down", "up", "zero")
_PRECISION: Final = {0: "single", 1: "reserved(1)", 2: "double", 3: "extended"}


def _control(value: int) -> str:
    masks = [f"{name}M" for bit, name in enumerate(_EXCEPTIONS) if value >> bit & 1]
    return " ".join([*masks, f"PC={_PRECISION[value >> 8 & 3]}", f"RC={_ROUNDING[value >> 10 & 3]}"])


def _status(value: int) -> str:
    flags = [f"{name}E" for bit, name in enumerate(_EXCEPTIONS) if value >> bit & 1]
    flags += [name for bit, name in ((6, "SF"), (7, "ES"), (8, "C0"), (9, "C1"), (10, "C2"), (14, "C3"), (15, "B")) if value >> bit & 1]
    return " ".join([*flags, f"TOP={value >> 11 & 7}"])


def _mxcsr(value: int) -> str:
    flags = [f"{name}E" for bit, name in enumerate(_EXCEPTIONS) if value >> bit & 1]
    flags += ["DAZ"] if value >> 6 & 1 else []
    flags += [f"{name}M" for bit, name in enumerate(_EXCEPTIONS) if value >> bit + 7 & 1]
    return " ".join([*flags, f"RC={_ROUNDING[value >> 13 & 3]}", *(["FZ"] if value >> 15 & 1 else [])])


FCW: Final = Spelled(16, _control)
FSW: Final = Spelled(16, _status)
# the abridged tag word: one bit per physical register, set when it holds a value
FTW: Final = Flags(8, {i: f"R{i}" for i in range(8)})
MXCSR: Final = Spelled(32, _mxcsr)
MXCSR_MASK: Final = Hex(32)


def real(value: int) -> float:
    """The value of an 80-bit extended real, as near as a double comes."""
    sign = -1.0 if value >> 79 & 1 else 1.0
    exponent, mantissa = value >> 64 & 0x7FFF, value & (1 << 64) - 1
    if exponent == 0x7FFF:
        return sign * math.inf if not mantissa & (1 << 63) - 1 else math.nan
    try:
        # the division of integers rounds once; ldexp of an already rounded mantissa rounds twice only for subnormals
        return sign * math.ldexp(mantissa, max(exponent, 1) - 16383 - 63)
    except OverflowError:
        return sign * math.inf


def _spell_real(value: int) -> str:
    return repr(real(value))


ST: Final = Spelled(80, _spell_real, None)


def _lanes(bits: int) -> Any:
    def words(value: int) -> str:
        data = value.to_bytes(bits // 8, "little")
        doubles = " ".join(f"{v:.17g}" for (v,) in struct.iter_unpack("<d", data))
        singles = " ".join(f"{v:.9g}" for (v,) in struct.iter_unpack("<f", data))
        return f"f64 {doubles} f32 {singles}"

    return words


_VECTORS: Final = {bits: Spelled(bits, _lanes(bits), None) for bits in (128, 256, 512)}


def vector(bits: int) -> Form:
    """The form of a vector register: one number, and in tables its lanes as reals, the lowest first."""
    return _VECTORS[bits]


def number(data: bytes) -> int:
    """The bytes of a register as one number."""
    return int.from_bytes(data, "little")


def legacy(st: Sequence[bytes], xmm: Sequence[bytes]) -> Iterator[tuple[str, int, Form]]:
    """The rows of the stack, ST0 first, and of the XMM registers. A slot of the stack has 16 bytes, of which 10 count."""
    yield from ((f"st{i}", number(data[:10]), ST) for i, data in enumerate(st))
    yield from ((f"xmm{i}", number(data), vector(128)) for i, data in enumerate(xmm))
