"""Page-table isolation: the two page tables of one Linux process, one for the kernel and one for the user's program.

Linux keeps the two top tables in neighbouring pages, the kernel's first. A vCPU that runs a program has the second in CR3,
which shows hardly anything of the kernel. The pair is recognised by what both must map alike: the interrupt descriptor table,
and the user's half, whose entries in the kernel's table may only have the no-execute bit more.
Source: linux, arch/x86/mm/pti.c and arch/x86/include/asm/pgtable.h (`kernel_to_user_pgdp`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from snapfs.errors import AddressError
from snapfs.guest.paging import x86
from snapfs.guest.paging.space import AddressSpace, Physical
from snapfs.snapshot.vcpu.paging import X86Paging

__all__ = ["other_half"]

_SWITCH: Final = 1 << 12
_LMA: Final = 1 << 10
# no-execute and accessed may differ
_SAME: Final = ~(1 << 63 | 1 << 5)


def other_half(memory: Physical, paging: X86Paging) -> tuple[str, X86Paging] | None:
    """The other table of the pair and whose it is, `kernel` or `user`; None where there is no pair."""
    if not paging.cr0 & 1 << 31 or not paging.efer & _LMA:
        return None
    other = replace(paging, cr3=paging.cr3 ^ _SWITCH)
    first, second = (_space(memory, p) for p in (paging, other))
    here, there = first.translate(paging.idt).physical, second.translate(paging.idt).physical
    if paging.idt < 1 << 63 or here is None or here != there:
        return None
    try:
        mine, its = (memory.read(s.trees[0].root, 2048) for s in (first, second))
    except AddressError:
        return None
    for at in range(0, 2048, 8):
        a, b = (int.from_bytes(half[at : at + 8], "little") for half in (mine, its))
        if (a ^ b) & _SAME:
            return None
    return ("kernel" if paging.cr3 & _SWITCH else "user"), other


def _space(memory: Physical, paging: X86Paging) -> AddressSpace:
    return AddressSpace(memory, x86.trees(paging.cr0, paging.cr3, paging.cr4, paging.efer), "")
