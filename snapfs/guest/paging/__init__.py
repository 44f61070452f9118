"""Page tables: a vCPU's virtual addresses, translated as its processor would.

`x86`, `aarch64` and `riscv64` say what the formats are, `space` walks them for an address, `mappings` goes through all of them,
`window` reads through them, `pti` finds the other half of a pair of page tables.
"""

from __future__ import annotations

from snapfs.guest.paging import aarch64, riscv64, x86
from snapfs.guest.paging.mappings import Mapping
from snapfs.guest.paging.space import AddressSpace, Physical, Step, Translation
from snapfs.guest.paging.tables import letters
from snapfs.guest.paging.window import VirtualWindow
from snapfs.snapshot.vcpu.paging import Arm64Paging, Paging, RiscvPaging, X86Paging

__all__ = ["AddressSpace", "Mapping", "Paging", "Step", "Translation", "VirtualWindow", "letters", "space"]


def space(memory: Physical, paging: Paging | None) -> AddressSpace:
    """The address space that a vCPU's registers select."""
    if isinstance(paging, X86Paging):
        trees = x86.trees(paging.cr0, paging.cr3, paging.cr4, paging.efer)
        mode = x86.mode(paging.cr0, paging.cr4, paging.efer)
        return AddressSpace(memory, trees, mode, identity=not x86.enabled(paging.cr0))
    if isinstance(paging, Arm64Paging):
        trees = aarch64.trees(paging.sctlr, paging.tcr, paging.ttbr0, paging.ttbr1)
        return AddressSpace(memory, trees, aarch64.mode(paging.sctlr, paging.tcr), identity=not aarch64.enabled(paging.sctlr))
    if isinstance(paging, RiscvPaging):
        return AddressSpace(memory, riscv64.trees(paging.satp), riscv64.mode(paging.satp), identity=not riscv64.enabled(paging.satp))
    return AddressSpace(memory, (), "the snapshot does not say which page tables this vCPU uses")
