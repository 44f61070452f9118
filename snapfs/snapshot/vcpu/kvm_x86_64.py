"""vCPUs of KVM on x86_64.

Source: Cloud Hypervisor, hypervisor/src/kvm/x86_64/mod.rs (`VcpuKvmState`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snapfs.formats.kvm_x86_64 import KvmRegs, KvmSregs
from snapfs.layout import facet
from snapfs.snapshot.vcpu import x86_mode
from snapfs.snapshot.vcpu.paging import X86Paging
from snapfs.snapshot.vcpu.vcpu import Vcpu

__all__ = ["KvmX86Vcpu"]


class KvmX86Vcpu(Vcpu):
    """One vCPU of an x86_64 machine under KVM."""

    ARCH = "x86_64"
    WORDS = ("rip", "rsp", "cr3", "ring")

    @staticmethod
    def matches(hypervisor: str, keys: Mapping[str, Any]) -> bool:
        """KVM saves `lapic_state` and `sregs` here, MSHV `lapic` or `vp_states`."""
        return hypervisor in ("Kvm", "") and "sregs" in keys and "dbg" not in keys

    @facet(needs="regs")
    def regs(self) -> KvmRegs:
        """General-purpose registers."""
        return KvmRegs.read(self.source["regs"], self.where("regs"))

    @facet(needs="sregs")
    def sregs(self) -> KvmSregs:
        """Segments, descriptor tables and control registers."""
        return KvmSregs.read(self.source["sregs"], self.where("sregs"))

    @property
    def mode(self) -> str:
        return x86_mode.mode(self.regs.rflags, self.sregs)

    @property
    def privilege(self) -> str:
        return str(x86_mode.ring(self.regs.rflags, self.sregs))

    @property
    def in_user_mode(self) -> bool:
        return x86_mode.ring(self.regs.rflags, self.sregs) == 3

    @property
    def pc(self) -> int:
        return self.regs.rip

    @property
    def sp(self) -> int:
        return self.regs.rsp

    @property
    def page_table_root(self) -> int:
        return self.sregs.cr3

    @property
    def paging(self) -> X86Paging:
        s = self.sregs
        return X86Paging(s.cr0, s.cr3, s.cr4, s.efer, s.idt.base)
