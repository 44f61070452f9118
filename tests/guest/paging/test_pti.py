"""The two page tables of one Linux process, as arch/x86/mm/pti.c makes them."""

from __future__ import annotations

import pytest
from guest.paging.tables import Ram

from snapfs.guest.paging import pti
from snapfs.snapshot.vcpu.paging import Arm64Paging, RiscvPaging, X86Paging

IDT = 0xFFFF_FE00_0000_0000
NX = 1 << 63
KERNEL, USER = 0x2000, 0x3000


def pair() -> Ram:
    """The kernel's top table at 0x2000, the user's at 0x3000; the entry area is in both, by tables of its own."""
    ram = Ram()
    for top, below in ((KERNEL, 0x10000), (USER, 0x20000)):
        ram.put(top + 8 * 508, below | 3)
        ram.put(below, below + 0x1000 | 3)
        ram.put(below + 0x1000, below + 0x2000 | 3)
        ram.put(below + 0x2000, 0x30001)
    ram.put(KERNEL + 8 * 5, 0x40067 | NX)
    ram.put(USER + 8 * 5, 0x40067)
    ram.put(KERNEL + 8 * 273, 0x50063)
    return ram


def registers(cr3: int, idt: int = IDT) -> X86Paging:
    return X86Paging(1 << 31, cr3, 1 << 5, 1 << 10 | 1 << 11, idt)


def test_each_half_leads_to_the_other() -> None:
    found = pti.other_half(pair(), registers(USER))
    assert found is not None
    assert (found[0], found[1].cr3) == ("kernel", KERNEL)
    found = pti.other_half(pair(), registers(KERNEL))
    assert found is not None
    assert (found[0], found[1].cr3) == ("user", USER)


def test_the_process_id_in_the_low_bits_is_no_obstacle() -> None:
    # arch/x86/mm/tlb.c: the user's half has bit 11 set in its PCID
    found = pti.other_half(pair(), registers(USER | 0x802))
    assert found is not None
    assert found[1].cr3 & ~0xFFF == KERNEL


def test_neighbouring_pages_that_are_no_pair_are_not_taken_for_one() -> None:
    ram = pair()
    ram.put(USER + 8 * 7, 0x41067)
    assert pti.other_half(ram, registers(KERNEL)) is None
    assert pti.other_half(Ram(), registers(KERNEL)) is None
    assert pti.other_half(pair(), registers(KERNEL, idt=0)) is None
    elsewhere = pair()
    elsewhere.put(0x22000, 0x31001)
    assert pti.other_half(elsewhere, registers(KERNEL)) is None


def test_a_table_at_the_end_of_memory_has_no_neighbour() -> None:
    assert pti.other_half(Ram(0x3000), registers(KERNEL)) is None


# ---- aarch64: arch/arm64/kernel/vmlinux.lds.S has the tables in the order idmap, tramp, reserved, swapper

TG1 = {0x1000: 2, 0x4000: 1}
#: the ASID of a program's table has the lowest bit more than that of its kernel's
USER_ASID, KERNEL_ASID = 5 << 48, 4 << 48


def swapper(page: int, *, cnp: int = 0) -> tuple[Ram, Arm64Paging, Arm64Paging]:
    """Two pages of vectors at the top, which both tables map, the kernel's image in its own alone; registers with either table."""
    ram = Ram(0x200000)
    top = (page >> 3) - 1
    user, kernel = 2 * page, 4 * page
    for root, below in ((user, 8 * page), (kernel, 12 * page)):
        ram.put(root + 8 * (top if page == 0x1000 else 1), below | 3)
        ram.put(below + 8 * top, below + page | 3)
        ram.put(below + page + 8 * top, below + 2 * page | 3)
        ram.put(below + 2 * page + 8 * (top - 20), 0x1C0000 | 0x483, 0x1C0000 + page | 0x483)
    ram.put(kernel, 16 * page | 3)
    tcr = 16 | 16 << 16 | TG1[page] << 30
    found = (Arm64Paging(0x8000, root | asid | cnp, tcr, 1, el) for root, asid, el in ((user, USER_ASID, 0), (kernel, KERNEL_ASID, 1)))
    return ram, *found  # type: ignore[return-value]


@pytest.mark.parametrize("page", [0x1000, 0x4000])
@pytest.mark.parametrize("cnp", [0, 1])
def test_on_aarch64_the_kernels_table_is_two_pages_above_that_of_all_programs(page: int, cnp: int) -> None:
    ram, user, kernel = swapper(page, cnp=cnp)
    assert pti.other_half(ram, user) == ("kernel", Arm64Paging(0x8000, 4 * page | USER_ASID | cnp, user.tcr, 1, 0))
    assert pti.other_half(ram, kernel) == ("user", Arm64Paging(0x8000, 2 * page | KERNEL_ASID | cnp, kernel.tcr, 1, 1))


def test_on_aarch64_other_neighbours_are_no_pair() -> None:
    ram, user, kernel = swapper(0x1000)
    vectors = 10 * 0x1000 + 8 * 491
    for off, entry in (
        (vectors, 0x1D0000 | 0x483),  # another page than the kernel has there
        (2 * 0x1000, 0x3003),  # two branches
        (10 * 0x1000, 0),  # replaced below: nothing at all
    ):
        changed = Ram(len(ram.data))
        changed.data[:] = ram.data
        if entry:
            changed.put(off, entry)
        else:
            changed.put(vectors, 0, 0)
        assert pti.other_half(changed, user) is None
        assert pti.other_half(changed, kernel) is None
    many = Ram(len(ram.data))
    many.data[:] = ram.data
    for table in (10 * 0x1000, 14 * 0x1000):
        many.put(table + 8 * 400, *(0x1C0000 | 0x483 for _ in range(64)))
    assert pti.other_half(many, user) is None


def test_on_aarch64_there_is_no_pair_without_tables_or_beyond_memory() -> None:
    ram, user, _ = swapper(0x1000)
    off = Arm64Paging(user.ttbr0, user.ttbr1, user.tcr, 0, 0)
    disabled = Arm64Paging(user.ttbr0, user.ttbr1, user.tcr | 1 << 23, 1, 0)
    for registers in (off, disabled, Arm64Paging(0, 0, user.tcr, 1, 1), Arm64Paging(0, (1 << 48) - 0x1000, user.tcr, 1, 1)):
        assert pti.other_half(ram, registers) is None
    assert pti.other_half(ram, RiscvPaging(8 << 60, user=True)) is None
