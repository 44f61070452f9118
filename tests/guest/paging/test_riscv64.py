"""riscv64 page tables written by hand after the privileged architecture's chapter on supervisor translation."""

import pytest
from guest.paging.tables import Ram

from snapfs.guest import paging
from snapfs.guest.paging import AddressSpace, letters
from snapfs.snapshot.vcpu.paging import RiscvPaging

V, R, W, X, U, G = 1, 2, 4, 8, 16, 32
BASE = 0x8000_0000


def space(ram: Ram, mode: int) -> AddressSpace:
    return paging.space(ram, RiscvPaging(mode << 60 | 7 << 44 | (BASE + 0x1000) >> 12, user=False))


def pte(address: int, bits: int) -> int:
    return address >> 12 << 10 | bits


def answer(s: AddressSpace, address: int) -> tuple[int | None, int, str]:
    found = s.translate(address)
    return found.physical, found.page, letters(found.rights) if found.physical is not None else found.reason


@pytest.mark.parametrize(("mode", "levels"), [(8, 3), (9, 4), (10, 5)])
def test_sv39_sv48_and_sv57_differ_in_the_number_of_levels(mode: int, levels: int) -> None:
    ram = Ram(base=BASE)
    at = BASE + 0x1000
    for _ in range(levels - 1):
        ram.put(at + 8 * 256, pte(at + 0x1000, V))
        at += 0x1000
    ram.put(at + 8 * 256, pte(0x9000_0000, V | R | W | G))
    s = space(ram, mode)
    address = (1 << 64) - (1 << 11 + 9 * levels)
    for n in range(levels - 1):
        address |= 256 << 12 + 9 * n
    assert answer(s, address + 5) == (0x9000_0005, 1 << 12, "rw--g")
    assert "not canonical" in answer(s, 1 << 11 + 9 * levels)[2]
    assert s.mode == f"Sv{12 + 9 * levels}"


def test_superpages_napot_pages_and_reserved_entries() -> None:
    ram = Ram(base=BASE)
    ram.put(BASE + 0x1000, pte(0x4000_0000, V | R | X | U), pte(BASE + 0x2000, V | G), pte(0x1000, V | R))
    ram.put(BASE + 0x2000, pte(0x20_0000, V | R), pte(BASE + 0x3000, V))
    ram.put(BASE + 0x3000, *[pte(0x1_8000, V | R | W) | 1 << 63] * 16, pte(0x5000, V | W), pte(0x5000, V))
    s = space(ram, 8)
    assert answer(s, 0x123) == (0x4000_0123, 1 << 30, "r-xu-")
    assert answer(s, (1 << 30) + 7) == (0x20_0007, 2 << 20, "r---g")
    assert answer(s, (1 << 30) + (1 << 21) + 0x5004) == (0x1_5004, 64 << 10, "rw--g")
    assert answer(s, 2 << 30)[2] == "misaligned superpage"
    assert answer(s, (1 << 30) + (1 << 21) + 0x1_0000)[2].startswith("reserved")
    assert "leads to a table" in answer(s, (1 << 30) + (1 << 21) + 0x1_1000)[2]
    runs = [r for r in s.mappings() if r]
    assert (runs[2].start, runs[2].end, runs[2].physical, runs[2].page) == (0x4020_0000, 0x4021_0000, 0x1_0000, 1 << 16)


def test_bare_mode_is_the_physical_address_space() -> None:
    s = paging.space(Ram(), RiscvPaging(0, user=False))
    assert s.identity
    assert "Bare" in s.mode


def test_a_loop_that_never_reaches_a_page_is_called_one() -> None:
    ram = Ram(base=BASE)
    ram.put(BASE + 0x1000, pte(BASE + 0x1000, V))
    found = space(ram, 9).translate(0)
    assert found.physical is None
    assert found.reason.startswith("loop")
