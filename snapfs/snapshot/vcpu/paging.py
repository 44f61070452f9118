"""What a vCPU's page-table walk starts from, one type per architecture.

These are the registers as they are; how a walk uses them is the business of `guest`. MSHV and KVM give the same type.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from snapfs.layout import Hex

__all__ = ["Arm64Paging", "Paging", "RiscvPaging", "X86Paging"]

_Register = Annotated[int, Hex(64)]


@dataclass(frozen=True)
class X86Paging:
    """Control registers and EFER: Intel SDM volume 3, section 4.1. `idt` is the address of the interrupt descriptor table,
    which tells Linux's two page tables of one process from others; 0 where it is not known."""

    cr0: _Register
    cr3: _Register
    cr4: _Register
    efer: _Register
    idt: _Register = 0


@dataclass(frozen=True)
class Arm64Paging:
    """Stage 1 translation of EL1 and EL0: Arm ARM, chapter D8. `el` is the exception level that the vCPU is at."""

    ttbr0: _Register
    ttbr1: _Register
    tcr: _Register
    sctlr: _Register
    el: int


@dataclass(frozen=True)
class RiscvPaging:
    """The supervisor's translation: RISC-V privileged specification, section 12.1.11. `user` says whether the vCPU is in U mode."""

    satp: _Register
    user: bool


Paging = X86Paging | Arm64Paging | RiscvPaging
