"""vCPUs of KVM on x86_64.

Source: Cloud Hypervisor, hypervisor/src/kvm/x86_64/mod.rs (`VcpuKvmState`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from snapfs.errors import CorruptState, SnapfsError
from snapfs.formats.entries import entries
from snapfs.formats.kvm import KvmMpState
from snapfs.formats.kvm_x86_64 import EXCEPTIONS, MP_STATES, KvmCpuidEntry2, KvmFpu, KvmVcpuEvents, KvmXcrs, nested
from snapfs.formats.x86_cpuid import Cpuid, Leaf
from snapfs.formats.x86_flags import XCR0
from snapfs.formats.x86_lapic import Lapic
from snapfs.formats.x86_xsave import Xsave
from snapfs.layout import BOOL, DEC, Choice, Hex, Values, facet
from snapfs.layout.record import octets
from snapfs.snapshot.vcpu.x86 import X86Vcpu, fpu_values

__all__ = ["KvmX86Vcpu", "cpuid_of"]


def cpuid_of(value: Any, where: str) -> Cpuid:
    """A saved CPUID list: that of a vCPU, or the machine's template."""
    leaves: list[Leaf] = []
    damaged: list[tuple[str, CorruptState]] = []
    for place, e in enumerate(entries(KvmCpuidEntry2, value, where)):
        try:
            leaves.append(Leaf(e.function, e.index, e.eax, e.ebx, e.ecx, e.edx))
        except CorruptState as error:
            damaged.append((f"entry{place}", error))
    found = Cpuid(leaves)
    for name, failure in damaged:
        found.put(name, failure)
    return found


class KvmX86Vcpu(X86Vcpu):
    """One vCPU of an x86_64 machine under KVM."""

    @staticmethod
    def matches(hypervisor: str, keys: Mapping[str, Any]) -> bool:
        """KVM saves `lapic_state` and `sregs` here, MSHV `lapic` or `vp_states`."""
        return hypervisor != "Mshv" and ("sregs" in keys or "lapic_state" in keys) and not {"dbg", "vp_states"} & keys.keys()

    @facet(needs="cpuid")
    def cpuid(self) -> Cpuid:
        """CPUID as the guest sees it on this vCPU."""
        return cpuid_of(self.source["cpuid"], self.where("cpuid"))

    @facet(needs="fpu")
    def fpu(self) -> Values:
        """x87 and SSE registers as KVM_GET_FPU gave them; `xsave` has them too, and more."""
        return fpu_values(KvmFpu.read(self.source["fpu"], self.where("fpu")))

    @facet(needs="xsave")
    def xsave(self) -> Xsave:
        """The XSAVE area by register, laid out as this vCPU's CPUID says."""
        where = self.where("xsave")
        saved = self.source["xsave"]
        if isinstance(saved, dict):
            area = _words(saved.get("region"), f"{where}/region") + _words(saved.get("extra") or [], f"{where}/extra")
        else:
            area = _words(saved, where)
        return Xsave(area, self._own_cpuid())

    def _own_cpuid(self) -> Cpuid | None:
        try:
            return self.cpuid if "cpuid" in self.source else None
        except SnapfsError:
            return None

    @facet(needs="lapic_state")
    def lapic(self) -> Lapic:
        """The local APIC."""
        where = self.where("lapic_state")
        saved = self.source["lapic_state"]
        page = octets(saved.get("regs") if isinstance(saved, dict) else saved, where)
        return Lapic(page, self._apic_base())

    def _apic_base(self) -> int | None:
        try:
            return self.sregs.apic_base if "sregs" in self.source else None
        except SnapfsError:
            return None

    @facet(needs="vcpu_events")
    def events(self) -> KvmVcpuEvents:
        """Exceptions, interrupts, NMIs and SMIs about to be delivered."""
        return KvmVcpuEvents.read(self.source["vcpu_events"], self.where("vcpu_events"))

    @facet(needs="xcrs")
    def xcrs(self) -> Values:
        """Extended control registers: XCR0 says which components the guest has enabled."""
        saved = KvmXcrs.read(self.source["xcrs"], self.where("xcrs"))
        found = Values([("nr_xcrs", saved.nr_xcrs, DEC), ("flags", saved.flags, Hex(32))])
        for entry in saved.xcrs[: saved.nr_xcrs]:
            found.put(f"xcr{entry.xcr}", entry.value, Hex(64) if entry.xcr else XCR0)
        return found

    @facet(needs="mp_state")
    def mp_state(self) -> Annotated[int, Choice(MP_STATES)]:
        """Whether the vCPU runs, halts, or was never started."""
        return KvmMpState.read(self.source["mp_state"], self.where("mp_state")).mp_state

    @facet(needs="tsc_khz")
    def tsc_khz(self) -> Annotated[int, DEC] | None:
        """The frequency of the guest's time-stamp counter; null where the host could not tell."""
        value = self.source["tsc_khz"]
        if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
            raise CorruptState(f"{self.where('tsc_khz')}: {str(value)[:40]!r} where a number is expected")
        return value

    @facet(needs="nested_state", when=lambda v: v.source["nested_state"] is not None)
    def nested(self) -> Values:
        """The state of a hypervisor in the guest: where its VMCS or VMCB is, and the copies that KVM keeps."""
        return nested(self.source["nested_state"], self.where("nested_state"))

    @facet("nested", needs="nested_state", when=lambda v: v.source["nested_state"] is None)
    def no_nested(self) -> Annotated[int, DEC] | None:
        """Null: the guest runs no hypervisor."""
        return None

    @facet(needs="hyperv_synic")
    def hyperv_synic(self) -> Annotated[bool, BOOL]:
        """Whether the Hyper-V synthetic interrupt controller is active."""
        return bool(self.source["hyperv_synic"])

    # ---- what every kind answers

    def further(self) -> Mapping[str, Callable[[], str | int | None]]:
        return {
            **super().further(),
            "about to be delivered": self._deliveries,
            "processor": lambda: self.cpuid.brand or self.cpuid.vendor,
            "TSC": lambda: f"{self.tsc_khz} kHz" if self.tsc_khz else "",
            "nested": lambda: "" if self.source.get("nested_state") is None else "runs a hypervisor of its own",
        }

    def _deliveries(self) -> str:
        """What KVM was about to inject, or holds back."""
        e = self.events
        found = []
        if e.exception.injected or e.exception.pending:
            found.append(f"exception {EXCEPTIONS.get(e.exception.nr, e.exception.nr)}")
        if e.interrupt.injected:
            found.append(f"interrupt {e.interrupt.nr}")
        if e.nmi.injected or e.nmi.pending:
            found.append("NMI")
        if e.smi.smm:
            found.append("in system management mode")
        return ", ".join(found)

    @property
    def lapic_state(self) -> Lapic | None:
        return self.lapic if "lapic_state" in self.source else None

    @property
    def running(self) -> str:
        if "mp_state" not in self.source:
            return ""
        state = self.mp_state
        names = {0: "running", 1: "not started", 2: "init received", 3: "halted", 4: "sipi received", 9: "AP reset hold"}
        return names.get(state) or f"mp_state {state}"


def _words(value: Any, where: str) -> bytes:
    """Bytes out of a list of 32-bit words; a list of exactly 4096 is one of bytes."""
    if not isinstance(value, list):
        raise CorruptState(f"{where}: {type(value).__name__} where a list of 32-bit words is expected")
    if len(value) == 4096:
        return octets(value, where)
    try:
        return b"".join((v & 0xFFFFFFFF).to_bytes(4, "little") for v in value)
    except TypeError as error:
        raise CorruptState(f"{where}: a word that is no number") from error
