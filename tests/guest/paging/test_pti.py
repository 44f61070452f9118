"""The two page tables of one Linux process, as arch/x86/mm/pti.c makes them."""

from __future__ import annotations

from guest.paging.tables import Ram

from snapfs.guest.paging import pti
from snapfs.snapshot.vcpu.paging import X86Paging

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
