"""Numbers of the x87 unit against the C library's own long double."""

import ctypes
import math
import platform

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.formats.x86_fpu import real


@pytest.mark.parametrize(
    ("bits", "value"),
    [
        (0x4000C90FDAA22168C235, math.pi),
        (0xC000A000000000000000, -2.5),
        (0x414B924D692CA61BE758, 1e100),
        (0x3FFF8000000000000000, 1.0),
        (0x80000000000000000000, -0.0),
        (0x7FFF8000000000000000, math.inf),
        (0xFFFF8000000000000000, -math.inf),
        (0x7FFEFFFFFFFFFFFFFFFF, math.inf),
        (0x00000000000000000001, 0.0),
    ],
)
def test_known_numbers(bits: int, value: float) -> None:
    assert real(bits) == value
    assert math.copysign(1, real(bits)) == math.copysign(1, value)


def test_not_a_number() -> None:
    assert math.isnan(real(0x7FFFC000000000000000))


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="a long double is an x87 number on x86 only")
@given(st.integers(0, 1), st.integers(1, 0x7FFE), st.integers(1 << 63, (1 << 64) - 1))
def test_every_normal_number_is_what_the_processor_rounds_it_to(sign: int, exponent: int, mantissa: int) -> None:
    bits = sign << 79 | exponent << 64 | mantissa
    stored = ctypes.c_longdouble.from_buffer_copy(bits.to_bytes(10, "little").ljust(16, b"\0"))
    # ctypes hands a long double on as a Python float, rounded by the processor
    assert real(bits) == stored.value
