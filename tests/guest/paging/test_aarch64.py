"""aarch64 page tables written by hand after the Arm ARM, section D8."""

import pytest
from guest.paging.tables import Ram

from snapfs.guest import paging
from snapfs.guest.paging import AddressSpace, letters
from snapfs.snapshot.vcpu.paging import Arm64Paging

UXN, PXN, NG, AF = 1 << 54, 1 << 53, 1 << 11, 1 << 10
TG0 = {"4K": 0, "64K": 1, "16K": 2}
TG1 = {"16K": 1, "4K": 2, "64K": 3}


def space(ram: Ram, granule: str = "4K", bits: int = 48, *, ttbr0: int = 0x10000, ttbr1: int = 0x20000, extra: int = 0) -> AddressSpace:
    tcr = 64 - bits | (64 - bits) << 16 | TG0[granule] << 14 | TG1[granule] << 30 | extra
    return paging.space(ram, Arm64Paging(ttbr0, ttbr1, tcr, 1, 1))


def answer(s: AddressSpace, address: int) -> tuple[int | None, int, str]:
    found = s.translate(address)
    return found.physical, found.page, letters(found.rights) if found.physical is not None else found.reason


def test_4k_tables_with_blocks_of_1g_and_2m() -> None:
    ram = Ram()
    ram.put(0x20000, 0x21003)
    ram.put(0x21000, 0x22003, 0x4000_0000 | AF | 1 | UXN)
    ram.put(0x22000, 0x23003, 0x20_0000 | AF | 1 | UXN | PXN | 1 << 7)
    ram.put(0x23000, 0x5000 | AF | 3 | UXN | PXN, 0x6000 | AF | 1)
    s = space(ram)
    high = 0xFFFF_0000_0000_0000
    assert answer(s, high | 0x123) == (0x5123, 1 << 12, "rw--g")
    assert answer(s, high | 0x20_0001) == (0x20_0001, 2 << 20, "r---g")
    assert answer(s, high | 0x4000_0001) == (0x4000_0001, 1 << 30, "rwx-g")
    assert answer(s, high | 0x1000) == (None, 0, "reserved descriptor")
    assert answer(s, 0x123) == (None, 0, "not present")


def test_user_pages_and_execute_only_pages_belong_to_the_user() -> None:
    ram = Ram()
    ram.put(0x10000, 0x11003)
    ram.put(0x11000, 0x12003)
    ram.put(0x12000, 0x13003)
    ram.put(0x13000, 0x5000 | 3 | 3 << 6 | NG | PXN, 0x6000 | 3 | 1 << 6 | NG | PXN | UXN, 0x7000 | 3 | 2 << 6 | NG | PXN)
    s = space(ram)
    assert [answer(s, n << 12)[2] for n in range(3)] == ["r-xu-", "rw-u-", "r-xu-"]


@pytest.mark.parametrize(("extra", "said"), [(0, "r---g"), (1 << 39, "r---g"), (1 << 40, "r---g"), (3 << 39, "rw--g")])
def test_a_page_that_only_waits_to_be_made_dirty_can_be_written(extra: int, said: str) -> None:
    ram = Ram()
    ram.put(0x20000, 0x21003)
    ram.put(0x21000, 0x22003)
    ram.put(0x22000, 0x23003)
    ram.put(0x23000, 0x5000 | AF | 3 | UXN | PXN | 1 << 7 | 1 << 51, 0x6000 | AF | 3 | UXN | PXN | 1 << 7)
    s = space(ram, extra=extra)
    assert answer(s, 0xFFFF_0000_0000_0000)[2] == said
    assert answer(s, 0xFFFF_0000_0000_1000)[2] == "r---g"


def test_a_table_takes_rights_away_from_what_is_below_it() -> None:
    ram = Ram()
    take = {"r-xu-": 2 << 61, "rwx--": 1 << 61 | 1 << 60, "rw-u-": 1 << 60 | 1 << 59}
    for n, bits in enumerate(take.values()):
        ram.put(0x10000 + 8 * n, 0x11003 | bits)
    ram.put(0x11000, 0x4000_0000 | AF | 1 | 1 << 6 | NG)
    s = space(ram)
    assert [answer(s, n << 39)[2] for n in range(3)] == list(take)


def test_16k_tables_have_2048_entries_and_blocks_of_32m() -> None:
    ram = Ram()
    ram.put(0x20000, 0x24003)  # 47 bits: three levels, the first of 2048 entries
    ram.put(0x24000 + 8, 0x28003, 0x200_0000 | AF | 1)
    ram.put(0x28000 + 8 * 2047, 0x8000 | AF | 3)
    s = space(ram, "16K", 47)
    high = (1 << 64) - (1 << 47)
    assert answer(s, high + (1 << 25) + (2047 << 14) + 5) == (0x8005, 1 << 14, "rwxug")
    assert answer(s, high + (2 << 25) + 7) == (0x200_0007, 32 << 20, "rwxug")
    assert [step.level.name for step in s.translate(high).steps] == ["level 1 entry", "level 2 entry"]


def test_64k_tables_have_8192_entries_and_blocks_of_512m() -> None:
    ram = Ram()
    ram.put(0x20000, 0x30003)
    ram.put(0x30000, 0x40003, 0x2000_0000 | AF | 1)
    ram.put(0x40000 + 8 * 8191, 0x5_0000 | AF | 3)
    s = space(ram, "64K")
    high = 0xFFFF_0000_0000_0000
    assert answer(s, high + (8191 << 16) + 9) == (0x5_0009, 1 << 16, "rwxug")
    assert answer(s, high + (1 << 29) + 9) == (0x2000_0009, 512 << 20, "rwxug")


@pytest.mark.parametrize(("bits", "levels"), [(48, 4), (42, 4), (39, 3), (36, 3), (30, 2), (25, 2)])
def test_the_first_level_follows_from_the_size_of_the_half(bits: int, levels: int) -> None:
    (tree,) = [t for t in space(Ram(), bits=bits).trees if t.name == "TTBR0"]
    assert len(tree.levels) == levels
    assert sum(level.bits for level in tree.levels) == bits - 12
    assert (tree.low, tree.high) == (0, 1 << bits)


def test_52_bit_addresses_of_64k_pages_keep_their_upper_bits_in_bits_12_to_15() -> None:
    ram = Ram()
    ram.put(0x20000, 0x30003)
    ram.put(0x30000, 0x40003)
    ram.put(0x40000, 0x5_0000 | 0xA << 12 | AF | 3)
    s = space(ram, "64K", extra=6 << 32)
    assert answer(s, 0xFFFF_0000_0000_0001)[0] == 0xA_0000_0005_0001


def test_lpa2_has_a_level_more_and_keeps_the_upper_bits_in_bits_8_and_9() -> None:
    ram = Ram()
    ram.put(0x20000, 0x21003)
    ram.put(0x21000, 0x22003)
    ram.put(0x22000, 1 << 48 | 1 << 30 | 1 << 8 | 1)
    s = space(ram, bits=52, extra=1 << 59)
    found = s.translate(0xFFF0_0000_0000_0003)
    assert [step.level.name for step in found.steps] == ["level -1 entry", "level 0 entry", "level 1 entry"]
    assert found.physical == 1 << 50 | 1 << 48 | 1 << 30 | 3


def test_a_disabled_half_translates_nothing() -> None:
    s = space(Ram(), extra=1 << 7)
    assert "not canonical" in answer(s, 0x1000)[2]
    assert "TTBR0 off" in s.mode
    assert answer(s, 0xFFFF_0000_0000_0000)[2] == "not present"


def test_a_tag_in_the_top_byte_is_ignored_where_the_register_says_so() -> None:
    ram = Ram()
    ram.put(0x10000, 0x11003)
    ram.put(0x11000, 0x4000_0000 | AF | 1)
    assert answer(space(ram, extra=1 << 37), 0xAB00_0000_0000_0001)[0] == 0x4000_0001
    assert "not canonical" in answer(space(ram), 0xAB00_0000_0000_0001)[2]


def test_with_the_mmu_off_virtual_is_physical() -> None:
    s = paging.space(Ram(), Arm64Paging(0, 0, 0, 0, 1))
    assert s.identity
    assert s.translate(0x4000_0000).physical == 0x4000_0000


def test_one_page_may_be_a_table_of_both_halves_though_they_are_not_of_one_size() -> None:
    ram = Ram()
    ram.put(0x10000, 0x4000_0000 | AF | 1)
    ram.put(0x10000 + 8 * 256, 0x8000_0000 | AF | 1)
    # T0SZ 33: two entries of 1 GiB; T1SZ 25: 512 of them, in the same page
    tcr = 33 | 25 << 16 | TG0["4K"] << 14 | TG1["4K"] << 30
    s = paging.space(ram, Arm64Paging(0x10000, 0x10000, tcr, 1, 1))
    assert answer(s, 5)[0] == 0x4000_0005
    assert answer(s, 0xFFFF_FF80_0000_0000 + (256 << 30) + 5)[0] == 0x8000_0005
    assert answer(s, 6)[0] == 0x4000_0006


def test_where_the_register_says_so_tables_take_no_rights_away() -> None:
    ram = Ram()
    for root in (0x10000, 0x20000):
        ram.put(root, 0x11003 | 31 << 59)
    ram.put(0x11000, 0x4000_0000 | AF | 1 | 1 << 6)
    rights = {0: "r---g", 1 << 41: "rwxug"}
    assert {extra: answer(space(ram, extra=extra), 0)[2] for extra in rights} == rights
    assert answer(space(ram, extra=1 << 42), 0xFFFF_0000_0000_0000)[2] == "rwxug"
