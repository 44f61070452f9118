"""x86 page tables written by hand after the Intel SDM, volume 3, chapter 4."""

import pytest
from guest.paging.tables import Ram

from snapfs.guest import paging
from snapfs.guest.paging import AddressSpace, letters
from snapfs.snapshot.vcpu.paging import X86Paging

PG, PSE, PAE, LA57 = 1 << 31, 1 << 4, 1 << 5, 1 << 12
LMA, NXE = 1 << 10, 1 << 11
NX = 1 << 63


def space(ram: Ram, cr3: int, *, cr4: int = PAE, efer: int = LMA | NXE, cr0: int = PG) -> AddressSpace:
    return paging.space(ram, X86Paging(cr0, cr3, cr4, efer))


def answer(s: AddressSpace, address: int) -> tuple[int | None, int, str]:
    found = s.translate(address)
    return found.physical, found.page, letters(found.rights) if found.physical is not None else found.reason


def test_four_levels_with_pages_of_every_size() -> None:
    ram = Ram()
    ram.put(0x1000 + 8 * 0x100, 0x2000 | 7)  # PML4E of 0xffff800000000000
    ram.put(0x2000, 0x3000 | 7, 0x4000_0000 | 0x83 | NX)  # PDPTEs: a table, a page of 1G
    ram.put(0x3000, 0x4000 | 7, 0x60_0000 | 0x1E7)  # PDEs: a table, a global page of 2M
    ram.put(0x4000, 0x9000 | 1, 0xA000 | 7 | NX)
    s = space(ram, 0x1000)
    assert answer(s, 0xFFFF_8000_0000_0123) == (0x9123, 1 << 12, "r-x--")
    assert answer(s, 0xFFFF_8000_0000_1FFF) == (0xAFFF, 1 << 12, "rw-u-")
    assert answer(s, 0xFFFF_8000_0020_0001) == (0x60_0001, 2 << 20, "rwxug")
    assert answer(s, 0xFFFF_8000_7FFF_FFFF) == (0x7FFF_FFFF, 1 << 30, "rw---")
    assert answer(s, 0xFFFF_8000_0000_2000) == (None, 0, "not present")


def test_rights_are_those_that_every_level_gives() -> None:
    ram = Ram()
    ram.put(0x1000, 0x2000 | 7, 0x2000 | 5, 0x2000 | 3, 0x2000 | 7 | NX)
    ram.put(0x2000, 0x3000 | 7)
    ram.put(0x3000, 0x4000 | 7)
    ram.put(0x4000, 0x9000 | 7)
    s = space(ram, 0x1000)
    assert [answer(s, n << 39)[2] for n in range(4)] == ["rwxu-", "r-xu-", "rwx--", "rw-u-"]


def test_no_execute_counts_only_when_efer_enables_it() -> None:
    ram = Ram()
    ram.put(0x1000, 0x2000 | 7)
    ram.put(0x2000, 0x83 | NX)
    assert answer(space(ram, 0x1000), 0)[2] == "rw---"
    assert answer(space(ram, 0x1000, efer=LMA), 0)[2] == "rwx--"


def test_the_low_bits_of_cr3_are_no_address() -> None:
    ram = Ram()
    ram.put(0x1000, 0x2000 | 7)
    ram.put(0x2000, 0x83)
    # PCID 0x1b, and LAM_U48, which has the processor ignore bits 48 to 62
    assert answer(space(ram, 0x1000 | 0x1B), 5)[0] == 5
    assert answer(space(ram, 0x1000 | 1 << 62), 0x7ABC_0000_0000_0005)[0] == 5


def test_five_levels() -> None:
    ram = Ram()
    ram.put(0x1000 + 8 * 256, 0x2000 | 3)
    ram.put(0x2000, 0x3000 | 3)
    ram.put(0x3000, 0x83)
    s = space(ram, 0x1000, cr4=PAE | LA57)
    assert answer(s, 0xFF00_0000_0000_0042) == (0x42, 1 << 30, "rwx--")
    assert [step.level.name for step in s.translate(0xFF00_0000_0000_0042).steps] == ["PML5E", "PML4E", "PDPTE"]
    assert "not canonical" in answer(s, 0x0100_0000_0000_0000)[2]


def test_addresses_between_the_halves_are_not_canonical() -> None:
    s = space(Ram(), 0x1000)
    assert "not canonical" in answer(s, 0x0000_8000_0000_0000)[2]
    assert "not canonical" in answer(s, 0xFFFF_7FFF_FFFF_FFFF)[2]
    assert answer(s, 0x0000_7FFF_FFFF_FFFF)[2] == "not present"


def test_pae_has_four_first_entries_without_rights() -> None:
    ram = Ram()
    ram.put(0x1020, 0x2000 | 1, 0, 0x3000 | 1)  # CR3 is aligned to 32 bytes only
    ram.put(0x2000, 0x4000 | 7)
    ram.put(0x3000, 0x20_0000 | 0x81)
    ram.put(0x4000, 0x1_2345_6000 | 3 | NX)
    s = space(ram, 0x1020, efer=NXE)
    assert answer(s, 0x10) == (0x1_2345_6010, 1 << 12, "rw---")
    assert answer(s, 0x8000_0010) == (0x20_0010, 2 << 20, "r-x--")
    assert answer(s, 0x4000_0000)[2] == "not present"
    assert "not canonical" in answer(s, 1 << 32)[2]


def test_32_bit_tables_have_1024_entries_of_4_bytes() -> None:
    ram = Ram()
    ram.put(0x1000 + 4 * 1023, 0x2000 | 3, width=4)
    ram.put(0x1000, 0x00C0_0000 | 1 << 13 | 0x83, width=4)  # a page of 4M at 0x1_00c0_0000: PSE-36
    ram.put(0x2000 + 4 * 1023, 0x7000 | 0x105, width=4)
    s = space(ram, 0x1000, cr4=PSE, efer=0)
    assert answer(s, 0xFFFF_F00F) == (0x700F, 1 << 12, "r-x-g")
    assert answer(s, 0x0012_3456) == (0x1_00D2_3456, 4 << 20, "rwx--")
    # without CR4.PSE bit 7 means nothing, and the entry leads to a table
    assert answer(space(ram, 0x1000, cr4=0, efer=0), 0x0012_3456)[2] == "table outside RAM"


def test_without_paging_virtual_is_physical() -> None:
    s = space(Ram(), 0x1000, cr0=0)
    assert s.identity
    assert s.translate(0xFFFF_1234).physical == 0xFFFF_1234
    assert "off" in s.mode


@pytest.mark.parametrize("levels", [4, 5])
def test_a_table_that_leads_to_itself_translates_as_the_processor_does(levels: int) -> None:
    ram = Ram()
    ram.put(0x1000 + 8 * 0x1ED, 0x1000 | 3)  # the self-map of Windows
    s = space(ram, 0x1000, cr4=PAE | (LA57 if levels == 5 else 0))
    address = (1 << 64) - (1 << 9 * levels + 12)
    for level in range(levels):
        address |= 0x1ED << 12 + 9 * level
    found = s.translate(address)
    assert found.physical == 0x1000
    assert [bool(step.repeats) for step in found.steps] == [False] + [True] * (levels - 1)
    runs = [run for run in s.mappings() if run]
    assert [(run.start, run.physical) for run in runs] == [(address, 0x1000)]
