"""vCPUs of the Microsoft Hypervisor on aarch64: the general registers are all that is saved.

Source: Cloud Hypervisor, hypervisor/src/mshv/aarch64/mod.rs (`VcpuMshvState`, v45 and later), mshv-bindings (`StandardRegisters`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from snapfs.errors import CorruptState
from snapfs.formats.arm64_flags import FPCR, FPSR
from snapfs.formats.kvm_arm64 import CoreRegisters, UserPtRegs
from snapfs.layout import facet
from snapfs.snapshot.vcpu.arm64 import Arm64Vcpu

__all__ = ["MshvArm64Vcpu"]


class MshvArm64Vcpu(Arm64Vcpu):
    """One vCPU of an aarch64 machine under MSHV."""

    @staticmethod
    def matches(hypervisor: str, keys: Mapping[str, Any]) -> bool:
        """`regs` of x86_64 have no PSTATE."""
        regs = keys.get("regs")
        return isinstance(regs, dict) and "pstate" in regs

    def core(self) -> CoreRegisters:
        return self.regs

    def _number(self, name: str, bits: int) -> int:
        value = self.source["regs"].get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << bits:
            raise CorruptState(f"{self.where('regs')}/{name}: {repr(value)[:40]} where a number of {bits} bits is expected")
        return value

    @facet(needs="regs")
    def regs(self) -> CoreRegisters:
        """General-purpose registers, as far as they were saved."""
        saved = self.source["regs"]
        user = UserPtRegs.read({k: saved[k] for k in UserPtRegs.FIELDS if k in saved}, self.where("regs"))
        named = {f"x{i}": value for i, value in enumerate(user.regs)}
        levels = {name: self._number(name, 64) for name in ("sp_el1", "elr_el1") if name in saved}
        return CoreRegisters(**named, sp=user.sp, pc=user.pc, pstate=user.pstate, **levels)

    @facet(when=lambda v: "fpsr" in v.source["regs"])
    def fpsr(self) -> Annotated[int, FPSR]:
        """Floating-point status."""
        return self._number("fpsr", 32)

    @facet(when=lambda v: "fpcr" in v.source["regs"])
    def fpcr(self) -> Annotated[int, FPCR]:
        """Floating-point control."""
        return self._number("fpcr", 32)
