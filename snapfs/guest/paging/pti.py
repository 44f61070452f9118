"""Page-table isolation: the two page tables of one Linux process, one for the kernel and one for the user's program.

A vCPU that runs a program has a table that shows hardly anything of the kernel. On x86 Linux keeps the two top tables in neighbouring
pages, the kernel's first. The pair is recognised by what both must map alike: the interrupt descriptor table, and the user's half,
whose entries in the kernel's table may only have the no-execute bit more. On aarch64 only TTBR1 changes: two pages below the
kernel's table is one for all programs, which maps the few pages of the exception vectors, and as the kernel's own does.
Sources: linux, arch/x86/mm/pti.c and arch/x86/include/asm/pgtable.h (`kernel_to_user_pgdp`); arch/arm64/kernel/entry.S
(`tramp_map_kernel`), arch/arm64/mm/mmu.c (`map_entry_trampoline`) and arch/arm64/include/asm/memory.h (`TRAMP_SWAPPER_OFFSET`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from snapfs.errors import AddressError
from snapfs.guest.paging import aarch64, x86
from snapfs.guest.paging.space import AddressSpace, Physical
from snapfs.guest.paging.tables import END
from snapfs.snapshot.vcpu.paging import Arm64Paging, Paging, X86Paging

__all__ = ["other_half"]

_SWITCH: Final = 1 << 12
_LMA: Final = 1 << 10
# no-execute and accessed may differ
_SAME: Final = ~(1 << 63 | 1 << 5)
# pages that the user's table of aarch64 has of the kernel's half, at the most
_VECTORS: Final = 16
# what TTBR1_EL1 has of an address
_BADDR: Final = (1 << 48) - 1


def other_half(memory: Physical, paging: Paging) -> tuple[str, Paging] | None:
    """The other table of the pair and whose it is, `kernel` or `user`; None where there is no pair."""
    if isinstance(paging, X86Paging):
        return _x86(memory, paging)
    return _arm64(memory, paging) if isinstance(paging, Arm64Paging) else None


def _x86(memory: Physical, paging: X86Paging) -> tuple[str, Paging] | None:
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


def _arm64(memory: Physical, paging: Arm64Paging) -> tuple[str, Paging] | None:
    mine = _upper(memory, paging)
    if mine is None:
        return None
    step = 2 << mine.trees[0].levels[-1].shift
    for whose, ttbr1 in (("kernel", paging.ttbr1 + step), ("user", paging.ttbr1 - step)):
        if ttbr1 < 0 or (ttbr1 ^ paging.ttbr1) & ~_BADDR:
            continue
        other = replace(paging, ttbr1=ttbr1)
        its = _upper(memory, other)
        if its is not None and (_part(mine, its) if whose == "kernel" else _part(its, mine)):
            return whose, other
    return None


def _upper(memory: Physical, paging: Arm64Paging) -> AddressSpace | None:
    """The kernel's half alone; None where there is none."""
    trees = aarch64.trees(paging.sctlr, paging.tcr, paging.ttbr0, paging.ttbr1)
    upper = tuple(tree for tree in trees if tree.high == END)
    return AddressSpace(memory, upper, "") if upper else None


def _part(user: AddressSpace, kernel: AddressSpace) -> bool:
    """Whether the first maps no more than some pages, and those as the second does."""
    pages = _vectors(user)
    return bool(pages) and all(kernel.translate(virtual).physical == physical for virtual, physical in pages.items())


def _vectors(space: AddressSpace) -> dict[int, int]:
    """The pages of the upper half, virtual and physical address; empty unless one branch of tables has all, and they are few."""
    tree = space.trees[0]
    table, first = tree.root, tree.low
    for depth, level in enumerate(tree.levels):
        entries = space.table(tree, depth, table)
        used = () if isinstance(entries, str) else tuple((n, tree.decode(depth, entry)) for n, entry in enumerate(entries) if entry)
        if depth == len(tree.levels) - 1 and len(used) <= _VECTORS:
            return {first + (n << level.shift): entry.address for n, entry in used if entry.size}
        if len(used) != 1 or used[0][1].reason or used[0][1].size:
            break
        first += used[0][0] << level.shift
        table = used[0][1].address
    return {}


def _space(memory: Physical, paging: X86Paging) -> AddressSpace:
    return AddressSpace(memory, x86.trees(paging.cr0, paging.cr3, paging.cr4, paging.efer), "")
