"""What vCPUs of x86_64 answer whatever the hypervisor, and the parts that KVM and MSHV save alike.

A kind gives `regs` and `sregs`; the rest follows from them, from the MSRs and from the local APIC.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from snapfs.errors import SnapfsError
from snapfs.formats.entries import entries
from snapfs.formats.kvm_x86_64 import KvmFpu, KvmMsrEntry, KvmRegs, KvmSregs
from snapfs.formats.x86_flags import CR0, CR4, EFER, RFLAGS
from snapfs.formats.x86_fpu import legacy
from snapfs.formats.x86_lapic import Lapic
from snapfs.formats.x86_msrs import Msrs
from snapfs.layout import Values, facet
from snapfs.layout.record import present
from snapfs.snapshot.vcpu import x86_mode
from snapfs.snapshot.vcpu.paging import X86Paging
from snapfs.snapshot.vcpu.vcpu import Vcpu

__all__ = ["X86Vcpu", "fpu_values"]


def fpu_values(fpu: KvmFpu) -> Values:
    """kvm_fpu with its registers by name, in the order of the struct."""
    found = Values()
    for name in present(fpu):
        if name == "fpr":
            for row in legacy(fpu.fpr, ()):
                found.put(*row)
        elif name == "xmm":
            for row in legacy((), fpu.xmm):
                found.put(*row)
        else:
            found.put(name, getattr(fpu, name), fpu.FIELDS[name].form)
    return found


class X86Vcpu(Vcpu):
    """One vCPU of an x86_64 machine."""

    ARCH = "x86_64"
    WORDS = ("rip", "rsp", "cr3", "ring")

    @facet(needs="regs")
    def regs(self) -> KvmRegs:
        """General-purpose registers."""
        return KvmRegs.read(self.source["regs"], self.where("regs"))

    @facet(needs="sregs")
    def sregs(self) -> KvmSregs:
        """Segments, descriptor tables and control registers."""
        return KvmSregs.read(self.source["sregs"], self.where("sregs"))

    @facet(needs="msrs")
    def msrs(self) -> Msrs:
        """Model-specific registers by name, those that the hypervisor keeps in `sregs` among them."""
        found = Msrs(entries(KvmMsrEntry, self.source["msrs"], self.where("msrs")))
        for index, value in self._msrs_of_sregs():
            found.add(index, value)
        return found

    def _msrs_of_sregs(self) -> Iterator[tuple[int, int]]:
        try:
            s = self.sregs
            yield from ((0x1B, s.apic_base), (0xC0000080, s.efer), (0xC0000100, s.fs.base), (0xC0000101, s.gs.base))
        except SnapfsError:
            return

    @property
    def lapic_state(self) -> Lapic | None:
        """The local APIC; None where it was not saved."""
        return None

    # ---- what every kind answers

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

    @property
    def interrupts_enabled(self) -> bool:
        """RFLAGS.IF."""
        return bool(self.regs.rflags >> 9 & 1)

    @property
    def doing(self) -> str:
        if self.running == "halted":
            return "idle" if self.interrupts_enabled else "halted for good: interrupts are off"
        if self.running not in ("running", ""):
            return ""
        if self.mode == "real":
            return "firmware or early boot" if self.sregs.cs.base or self.pc != 0xFFF0 else "at the reset vector"
        if self.in_user_mode:
            return "in a program"
        return "in the kernel" if self.interrupts_enabled else "in the kernel, interrupts off"

    def further(self) -> Mapping[str, Callable[[], str | int | None]]:
        return {
            "rflags": lambda: RFLAGS.spell(self.regs.rflags) or "none",
            "cr0": lambda: CR0.spell(self.sregs.cr0),
            "cr4": lambda: CR4.spell(self.sregs.cr4),
            "efer": lambda: EFER.spell(self.sregs.efer),
            "pending": self._pending,
            "local APIC": self._local_apic,
        }

    def _pending(self) -> str:
        """The interrupts that the local APIC has for this vCPU."""
        lapic = self.lapic_state
        return "interrupts " + " ".join(map(str, lapic["pending"])) if lapic and lapic["pending"] else ""

    def _local_apic(self) -> str:
        lapic = self.lapic_state
        if lapic is None:
            return ""
        words = [f"id {lapic['apic_id']}", lapic.get("mode", ""), "timer", lapic.words("lvt_timer")]
        return " ".join(w for w in words if w)
