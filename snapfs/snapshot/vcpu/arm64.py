"""What every aarch64 vCPU answers, whichever hypervisor saved it: a kind needs to have `regs`, and gives what else it knows.

Source: Arm Architecture Reference Manual for A-profile (DDI 0487), sections D1.2 (exception levels), C5.2.18 (SPSR.M).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from snapfs.formats.arm64_flags import PSTATE
from snapfs.snapshot.vcpu.paging import Arm64Paging
from snapfs.snapshot.vcpu.vcpu import Vcpu

if TYPE_CHECKING:
    from snapfs.formats.kvm_arm64 import CoreRegisters

__all__ = ["Arm64Vcpu"]

_AARCH32 = 0x10
_USER32 = 0x10


class Arm64Vcpu(Vcpu):
    """A vCPU of an aarch64 machine."""

    ARCH = "aarch64"
    WORDS = ("pc", "sp", "ttbr0", "el")

    def core(self) -> CoreRegisters:
        """The general registers."""
        raise NotImplementedError

    def system_register(self, name: str) -> int | None:  # noqa: ARG002 - for kinds that have them
        """A system register by the manual's name; None where the snapshot does not have it."""
        return None

    @property
    def el(self) -> int:
        """The exception level that the vCPU is at. AArch32 code other than a program's counts as EL1."""
        mode = self.core().pstate & 0x1F
        if mode & _AARCH32:
            return 0 if mode == _USER32 else 1
        return mode >> 2 & 3

    @property
    def mode(self) -> str:
        return "AArch32" if self.core().pstate & _AARCH32 else "AArch64"

    @property
    def privilege(self) -> str:
        return f"EL{self.el}"

    @property
    def in_user_mode(self) -> bool | None:
        return self.el == 0

    @property
    def pc(self) -> int | None:
        return self.core().pc

    @property
    def sp(self) -> int | None:
        """SP_EL0 unless PSTATE.SP selects the level's own; the level's own is only saved for EL1."""
        core = self.core()
        if core.pstate & _AARCH32:
            return core.x13
        if not core.pstate & 1:
            return core.sp
        return core.sp_el1 if self.el == 1 else None

    @property
    def page_table_root(self) -> int | None:
        """TTBR0_EL1, which tells processes apart; TTBR1_EL1 is the kernel's own."""
        return self.system_register("TTBR0_EL1")

    @property
    def paging(self) -> Arm64Paging | None:
        ttbr0, ttbr1, tcr, sctlr = (self.system_register(n) for n in ("TTBR0_EL1", "TTBR1_EL1", "TCR_EL1", "SCTLR_EL1"))
        if ttbr0 is None or ttbr1 is None or tcr is None or sctlr is None:
            return None
        return Arm64Paging(ttbr0, ttbr1, tcr, sctlr, self.el)

    @property
    def doing(self) -> str:
        if self.running not in ("running", ""):
            return ""
        if self.el == 0:
            return "in a program"
        return "in the kernel, interrupts off" if self.core().pstate >> 7 & 1 else "in the kernel"

    def further(self) -> Mapping[str, Callable[[], str | int | None]]:
        return {"pstate": lambda: PSTATE.spell(self.core().pstate)}
