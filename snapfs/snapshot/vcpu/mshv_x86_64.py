"""vCPUs of the Microsoft hypervisor on x86_64.

Source: Cloud Hypervisor, hypervisor/src/mshv/x86_64/mod.rs (`VcpuMshvState`). There is no CPUID in them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snapfs.errors import SnapfsError
from snapfs.formats import mshv_x86_64 as mshv
from snapfs.formats.kvm_x86_64 import KvmFpu
from snapfs.formats.x86_flags import XCR0
from snapfs.formats.x86_lapic import Lapic
from snapfs.formats.x86_xsave import Xsave
from snapfs.layout import Values, facet
from snapfs.layout.record import Record, octets
from snapfs.layout.scalars import hex64
from snapfs.snapshot.vcpu.x86 import X86Vcpu, fpu_values

__all__ = ["MshvX86Vcpu"]

# before the area itself, where the crate kept it so: flags, states, size
_XSAVE_PREFIX = 24


class _Xcrs(Record, size=8):
    xcr0: hex64


class MshvX86Vcpu(X86Vcpu):
    """One vCPU of an x86_64 machine under the Microsoft hypervisor."""

    @staticmethod
    def matches(hypervisor: str, keys: Mapping[str, Any]) -> bool:
        """`dbg` has been there from the first release on, `vp_states` is so only here."""
        return "vp_states" in keys or ("sregs" in keys and (hypervisor == "Mshv" or "dbg" in keys))

    @facet(needs="vp_states", hidden=True)
    def states(self) -> dict[str, bytes]:
        """The parts of the one array that v39 and later save: local APIC, XSAVE area, SynIC pages and timers."""
        return mshv.split(octets(self.source["vp_states"], self.where("vp_states")), self.where("vp_states"))

    def _part(self, key: str) -> bytes:
        """The bytes of a part: a key of its own up to v38."""
        return octets(self.source[key], self.where(key)) if key in self.source else self.states[key]

    @facet(needs="fpu")
    def fpu(self) -> Values:
        """x87 and SSE registers."""
        return fpu_values(KvmFpu.read(self.source["fpu"], self.where("fpu")))

    @facet(when=lambda v: "xsave" in v.source or "vp_states" in v.source)
    def xsave(self) -> Xsave:
        """The XSAVE area by register."""
        area = self._part("xsave")
        # 4096 bytes of area, and in the first releases what the hypervisor said of them before it
        return Xsave(area[_XSAVE_PREFIX:] if len(area) == 4096 + _XSAVE_PREFIX else area, None)

    @facet(when=lambda v: "lapic" in v.source or "vp_states" in v.source)
    def lapic(self) -> Lapic:
        """The local APIC."""
        saved = self.source.get("lapic")
        page = octets(saved["regs"], self.where("lapic/regs")) if isinstance(saved, dict) and "regs" in saved else self._part("lapic")
        try:
            apic_base = self.sregs.apic_base
        except SnapfsError:
            apic_base = None
        return Lapic(mshv.apic_page(page), apic_base)

    @facet(needs=("xsave", "lapic"), hidden=True)
    def old_parts(self) -> None:
        """Keys of their own up to v38."""

    @facet(needs="vcpu_events")
    def events(self) -> mshv.VcpuEvents:
        """Interruptions about to be delivered, and whether the vCPU halts."""
        return mshv.VcpuEvents.read(self.source["vcpu_events"], self.where("vcpu_events"))

    @facet(needs="xcrs")
    def xcrs(self) -> Values:
        """XCR0, which says which components the guest has enabled."""
        return Values([("xcr0", _Xcrs.read(self.source["xcrs"], self.where("xcrs")).xcr0, XCR0)])

    @facet(needs="dbg")
    def dbg(self) -> mshv.DebugRegisters:
        """Debug registers."""
        return mshv.DebugRegisters.read(self.source["dbg"], self.where("dbg"))

    @facet(needs="misc")
    def misc(self) -> mshv.MiscRegs:
        """The hypercall page."""
        return mshv.MiscRegs.read(self.source["misc"], self.where("misc"))

    @facet(needs="vp_states")
    def simp(self) -> Values:
        """Messages that wait in the SynIC's message page."""
        return mshv.messages(self.states["simp"])

    @facet(needs="vp_states")
    def siefp(self) -> Values:
        """Event flags that are set in the SynIC's event page."""
        return mshv.event_flags(self.states["siefp"])

    @facet(needs="vp_states")
    def synthetic_timers(self) -> mshv.SyntheticTimers:
        """The SynIC's timers."""
        return mshv.SyntheticTimers.decode(self.states["synthetic_timers"])

    # ---- what every kind answers

    @property
    def lapic_state(self) -> Lapic | None:
        return self.lapic if {"lapic", "vp_states"} & self.source.keys() else None

    @property
    def running(self) -> str:
        if "vcpu_events" not in self.source:
            return ""
        activity = self.events.internal_activity_state
        if activity & 1:
            return "not started"
        return "halted" if activity & 6 else "running"
