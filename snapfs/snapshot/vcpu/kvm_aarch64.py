"""vCPUs of KVM on aarch64.

Source: Cloud Hypervisor, hypervisor/src/kvm/aarch64/mod.rs (`VcpuKvmState`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any

from snapfs.errors import CorruptState
from snapfs.formats import kvm_arm64 as kvm
from snapfs.formats.arm64_features import features
from snapfs.formats.arm64_flags import MPIDR, SYSTEM_REGISTER_FORMS, Unwritten, affinity
from snapfs.formats.kvm import KvmMpState
from snapfs.layout import Form, Hex, facet
from snapfs.layout.record import trailing
from snapfs.snapshot.vcpu.arm64 import Arm64Vcpu
from snapfs.snapshot.vcpu.onereg import Registers, one_regs
from snapfs.snapshot.vcpu.sve import Sve

__all__ = ["KvmArm64Vcpu"]


def _form(name: str, reg: int, value: int) -> Form:
    bits = kvm.bits_of(reg)
    if kvm.is_filler(value):
        return Unwritten(64)
    return SYSTEM_REGISTER_FORMS.get(name) or Hex(bits if bits <= 64 and value < 1 << bits else 64)


class KvmArm64Vcpu(Arm64Vcpu):
    """One vCPU of an aarch64 machine under KVM."""

    @staticmethod
    def matches(hypervisor: str, keys: Mapping[str, Any]) -> bool:
        """`core_regs` are there on riscv64 too, which has `non_core_regs` beside them and a shorter struct."""
        core = keys.get("core_regs")
        return (
            "sys_regs" in keys
            or (isinstance(core, dict) and "sp_el1" in core)
            or (isinstance(core, list) and len(core) >= kvm.KvmRegs.SIZE)
        )

    @facet(needs="core_regs", hidden=True)
    def kvm_regs(self) -> kvm.KvmRegs:
        """The kernel's struct with all of the core registers."""
        return kvm.KvmRegs.read(self.source["core_regs"], self.where("core_regs"))

    def core(self) -> kvm.CoreRegisters:
        return self.regs

    def system_register(self, name: str) -> int | None:
        return self.sysregs.value(name) if "sys_regs" in self.source else None

    @facet(needs="core_regs")
    def regs(self) -> kvm.CoreRegisters:
        """General-purpose registers."""
        return kvm.core_registers(self.kvm_regs)

    @facet(needs="sys_regs")
    def sysregs(self) -> Registers:
        """System registers by the manual's names, then KVM's own and the caches by the selector in CSSELR_EL1."""
        found = Registers()
        for reg in one_regs(self.source["sys_regs"], self.where("sys_regs")):
            if (selector := kvm.cache_selector(reg.id)) is not None:
                found.add("CCSIDR_EL1", reg.addr, _form("CCSIDR_EL1", reg.id, reg.addr), str(selector))
            else:
                name = kvm.register_name(reg.id)
                found.add(name, reg.addr, _form(name, reg.id, reg.addr))
        return found

    @facet(needs="core_regs")
    def fpsimd(self) -> kvm.FpSimd:
        """Vector registers, status and control. With SVE the low 128 bits of Z, since KVM then saves no V."""
        state = kvm.fpsimd(self.kvm_regs.fp_regs)
        if not self._has_sve() or not (low := self.sve.low_halves()):
            return state
        values = {name: low.get(f"z{name[1:]}", getattr(state, name)) for name in state.FIELDS if name[0] == "v"}
        return kvm.FpSimd(**values, fpsr=state.fpsr, fpcr=state.fpcr)

    def _has_sve(self) -> bool:
        return bool(self.source.get("extended_regs") or self.source.get("pre_finalize_regs"))

    @facet(when=_has_sve)
    def sve(self) -> Sve:
        """Scalable vectors, predicates and the vector lengths."""
        return Sve.read(self.source, self.where("extended_regs"), self.system_register("ZCR_EL1"))

    @facet(needs=("pre_finalize_regs", "extended_regs"), hidden=True)
    def sve_lists(self) -> None:
        """Both lists are empty for a vCPU without SVE, and then there is nothing to show."""

    @facet(needs="mp_state")
    def mp_state(self) -> Annotated[int, kvm.MP_STATE]:
        """Whether the vCPU runs."""
        return KvmMpState.read(self.source["mp_state"], self.where("mp_state")).mp_state

    @facet(when=lambda v: "mpidr" in v.source or "sys_regs" in v.source)
    def mpidr(self) -> Annotated[int, MPIDR]:
        """The affinity register; a key of its own up to v25."""
        value = self.source["mpidr"] if "mpidr" in self.source else self.system_register("MPIDR_EL1")
        if value is None:
            raise CorruptState(f"{self.where('sys_regs')}: MPIDR_EL1 is not among the saved registers")
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 1 << 64:
            raise CorruptState(f"{self.where('mpidr')}: {repr(value)[:40]} where a number of 64 bits is expected")
        return value

    @facet(needs="mpidr", hidden=True)
    def mpidr_key(self) -> None:
        """Shown as `mpidr`."""

    @facet(when=lambda v: "mpidr" in v.source or "sys_regs" in v.source)
    def affinity(self) -> str:
        """Where the vCPU is among the others, as `<Aff3>.<Aff2>.<Aff1>.<Aff0>`."""
        return affinity(self.mpidr)

    @facet(needs="sys_regs")
    def features(self) -> str:
        """What the processor offers, by the names of /proc/cpuinfo, on one line."""
        return " ".join(features({name: value for name, value in self.sysregs.items() if isinstance(value, int)}))

    @facet("remarks.txt", needs="core_regs")
    def remarks(self) -> str:
        """What a reader of these registers has to know, one sentence per line."""
        return "\n".join(self._remarks())

    def _remarks(self) -> Iterator[str]:
        yield "sp is SP_EL0; sp_el1 is the stack of EL1. Registers of EL2 and debug exceptions in flight are not saved."
        if self._has_sve():
            yield "The vCPU has SVE: fpsimd/v<n> are the low 128 bits of sve/z<n>, since core_regs then holds zeros for them."
        else:
            yield from self._lost_halves()
        if more := trailing(self.kvm_regs):
            yield f"core_regs has {len(more)} bytes behind the struct as it is known here: raw/core_regs has them."
        if "sys_regs" in self.source:
            yield (
                "CNTVCT_EL0 and CNTV_CVAL_EL0 stand under the registers that KVM keeps there: it uses the encoding of each for the other."
            )
            if filled := sum(isinstance(self.sysregs.form_of(name), Unwritten) for name in self.sysregs):
                yield f"{filled} system registers hold KVM's filler, so nothing ever wrote them: sysregs.txt marks them."

    def _lost_halves(self) -> Iterator[str]:
        state = kvm.fpsimd(self.kvm_regs.fp_regs)
        values = [getattr(state, name) for name in state.FIELDS if name[0] == "v"]
        if not any(values) or any(value >> 64 for value in values):
            return
        if "mpidr" in self.source:
            yield "fpsimd: the release that wrote this snapshot saved only the low 64 bits of v0 to v31; the upper halves are lost."
        elif isinstance(self.source["core_regs"], dict):
            yield "fpsimd: the upper halves of v0 to v31 are all zero; releases up to v26 did not save them."

    @property
    def running(self) -> str:
        if "mp_state" not in self.source:
            return ""
        return {0: "running", 5: "stopped", 10: "suspended"}.get(self.mp_state, f"mp_state {self.mp_state}")

    def further(self) -> Mapping[str, Callable[[], str | int | None]]:
        return {
            **super().further(),
            "affinity": lambda: self.affinity if "mpidr" in self.source or "sys_regs" in self.source else "",
            "cpu": lambda: self._spelled("MIDR_EL1"),
            "last exception": lambda: self._spelled("ESR_EL1"),
            "virtual timer": lambda: self._spelled("CNTV_CTL_EL0"),
        }

    def _spelled(self, name: str) -> str:
        value = self.system_register(name)
        form = self.sysregs.form_of(name) if value is not None else None
        return form.spell(value) if form else ""
