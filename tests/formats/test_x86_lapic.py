"""The local APIC's page: registers written where the Intel SDM has them (volume 3, table 11-1)."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from snapfs.errors import CorruptState
from snapfs.formats.x86_lapic import Lapic

XAPIC, X2APIC = 0xFEE00900, 0xFEE00D00


def page(registers: dict[int, int]) -> bytes:
    data = bytearray(1024)
    for offset, value in registers.items():
        struct.pack_into("<I", data, offset, value)
    return bytes(data)


@given(st.sets(st.integers(0, 255)), st.sets(st.integers(0, 255)), st.sets(st.integers(0, 255)))
def test_vectors_are_listed(pending: set[int], in_service: set[int], level: set[int]) -> None:
    registers: dict[int, int] = {}
    for first, vectors in ((0x200, pending), (0x100, in_service), (0x180, level)):
        for vector in vectors:
            offset = first + 16 * (vector // 32)
            registers[offset] = registers.get(offset, 0) | 1 << vector % 32
    found = Lapic(page(registers), XAPIC)
    assert (found["pending"], found["in_service"], found["level_triggered"]) == (sorted(pending), sorted(in_service), sorted(level))


@pytest.mark.parametrize(
    ("register", "apic_base", "apic_id"),
    [
        (5 << 24, XAPIC, 5),
        (5 << 24, X2APIC, 5),  # KVM without the x2APIC API
        (5, X2APIC, 5),  # KVM with it
        (300, X2APIC, 300),
        (0, X2APIC, 0),
        (7 << 24, None, 7),
    ],
)
def test_both_forms_of_the_id(register: int, apic_base: int | None, apic_id: int) -> None:
    assert Lapic(page({0x20: register}), apic_base)["apic_id"] == apic_id


@pytest.mark.parametrize(("apic_base", "mode"), [(XAPIC, "xapic"), (X2APIC, "x2apic"), (0xFEE00100, "disabled")])
def test_the_mode_is_that_of_apic_base(apic_base: int, mode: str) -> None:
    assert Lapic(page({}), apic_base)["mode"] == mode


@pytest.mark.parametrize(
    ("offset", "value", "name", "words"),
    [
        (0x320, 0x400EC, "lvt_timer", "vector=236 TSC-deadline"),
        (0x320, 0x300EC, "lvt_timer", "vector=236 masked periodic"),
        (0x350, 0x10700, "lvt_lint0", "vector=0 ExtINT masked"),
        (0x360, 0x0400, "lvt_lint1", "vector=0 NMI"),
        (0x340, 0x0B0FE, "lvt_perfctr", "vector=254 Fixed pending active-low level"),
        (0x0F0, 0x1FF, "svr", "vector=255 enabled"),
        (0x0F0, 0x10FF, "svr", "vector=255 disabled EOI-broadcast-suppressed"),
        (0x300, 0xC08FB, "icr_low", "vector=251 Fixed logical to-all-but-self"),
        (0x300, 0x04500, "icr_low", "vector=0 INIT physical assert"),
        (0x280, 0x41, "esr", "send-checksum received-illegal-vector"),
        (0x3E0, 0xB, "timer_divide_config", "by=1"),
        (0x3E0, 0x3, "timer_divide_config", "by=16"),
        (0x3E0, 0xA, "timer_divide_config", "by=128"),
    ],
)
def test_registers_are_spelled(offset: int, value: int, name: str, words: str) -> None:
    found = Lapic(page({offset: value}), XAPIC)
    form = found.form_of(name)
    assert form is not None
    assert found[name] == value
    assert form.spell(value) == words


def test_a_register_that_no_manual_names_is_shown_where_it_holds_anything() -> None:
    assert Lapic(page({0x3B0: 9}), XAPIC)["0x3b0"] == 9
    assert "0x3b0" not in Lapic(page({}), XAPIC)


def test_a_page_that_was_cut_is_an_error() -> None:
    with pytest.raises(CorruptState, match="1024"):
        Lapic(bytes(1023), XAPIC)
