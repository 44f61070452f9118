"""vCPUs of KVM on riscv64.

Source: Cloud Hypervisor, hypervisor/src/kvm/riscv64/mod.rs (`VcpuKvmState`), v43 and later. The interrupt controller (AIA) has no
state in a snapshot beyond the vCPU's own registers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any

from snapfs.errors import CorruptState
from snapfs.formats import riscv64_flags as flags
from snapfs.formats.kvm import KvmMpState
from snapfs.formats.kvm_riscv64 import MP_STATE, KvmRiscvCore, Named, named
from snapfs.layout import BOOL, DEC, Form, Hex, facet
from snapfs.snapshot.vcpu.onereg import Registers, one_regs
from snapfs.snapshot.vcpu.paging import RiscvPaging
from snapfs.snapshot.vcpu.vcpu import Vcpu

__all__ = ["KvmRiscvVcpu"]

_SIZES = ("zicbom_block_size", "zicboz_block_size", "frequency", "vlenb", "vl", "vstart")


def _form(register: Named, value: int) -> Form:
    group, name, bits = register
    wide = Hex(bits if bits <= 64 and value < 1 << bits else 64)
    if name == "fcsr":
        return flags.FCSR if value < 1 << flags.FCSR.bits else wide
    if group in ("isa_ext", "sbi_ext") and value < 2:
        return BOOL
    if group == "timer" and name == "state":
        return flags.TIMER_STATE
    if name in _SIZES:
        return DEC
    tables: Mapping[str, Mapping[str, Form]] = {"csr": flags.CSR_FORMS, "config": flags.CONFIG_FORMS, "vector": flags.VECTOR_FORMS}
    return tables.get(group, {}).get(name, wide)


def _has(*groups: str) -> Callable[[KvmRiscvVcpu], bool]:
    return lambda vcpu: any(group in vcpu.groups for group in groups)


class KvmRiscvVcpu(Vcpu):
    """One vCPU of a riscv64 machine under KVM."""

    ARCH = "riscv64"
    WORDS = ("pc", "sp", "satp", "privilege")

    @staticmethod
    def matches(hypervisor: str, keys: Mapping[str, Any]) -> bool:
        """`core_regs` are there on aarch64 too, which has `sys_regs` beside them and a longer struct."""
        core = keys.get("core_regs")
        return "non_core_regs" in keys or (isinstance(core, list) and len(core) >= KvmRiscvCore.SIZE)

    @facet(needs="core_regs")
    def regs(self) -> KvmRiscvCore:
        """The integer registers, the program counter and the mode."""
        core = self.source["core_regs"]
        if isinstance(core, dict) and isinstance(core.get("regs"), dict):
            core = {**core["regs"], **{k: v for k, v in core.items() if k != "regs"}}
        return KvmRiscvCore.read(core, self.where("core_regs"))

    @facet(needs="non_core_regs", hidden=True)
    def by_group(self) -> Mapping[str, Registers]:
        """All other registers by the interface of KVM that they belong to."""
        found: dict[str, Registers] = {}
        for reg in one_regs(self.source["non_core_regs"], self.where("non_core_regs")):
            register = named(reg.id)
            found.setdefault(register.group, Registers()).add(register.name, reg.addr, _form(register, reg.addr))
        return found

    @property
    def groups(self) -> frozenset[str]:
        """The interfaces of which there are registers; the main ones for a list that cannot be read, to show the error there."""
        if "non_core_regs" not in self.source:
            return frozenset()
        try:
            return frozenset(self.by_group)
        except CorruptState:
            return frozenset({"config", "csr", "fp_d", "aia", "timer"})

    def _group(self, *names: str) -> Registers:
        found = Registers()
        for name in names:
            for register, value in self.by_group.get(name, {}).items():
                form = self.by_group[name].form_of(register)
                found.add(register, value, form or Hex(64))
        return found

    @facet(when=_has("config"))
    def config(self) -> Registers:
        """What KVM was told of the processor: base extensions, block sizes, vendor."""
        return self._group("config")

    @facet(when=_has("csr", "smstateen"))
    def csrs(self) -> Registers:
        """The supervisor's control and status registers."""
        return self._group("csr", "smstateen")

    @facet(when=_has("fp_d", "fp_f"))
    def fp(self) -> Registers:
        """The floating-point registers: 64 bits each where the D extension is there."""
        return self._group("fp_d" if "fp_d" in self.by_group else "fp_f")

    @facet(when=lambda v: {"fp_d", "fp_f"} <= v.groups)
    def fp_f(self) -> Registers:
        """The same memory as KVM shows it to its interface for the F extension alone; means nothing beside `fp`."""
        return self._group("fp_f")

    @facet(when=_has("vector"))
    def vector(self) -> Registers:
        """The vector extension's registers; of v<n> no more than 64 bits are saved."""
        return self._group("vector")

    @facet(when=_has("aia"))
    def aia(self) -> Registers:
        """The hart's part of the advanced interrupt architecture."""
        return self._group("aia")

    @facet(when=_has("timer"))
    def timer(self) -> Registers:
        """The guest's time and the next event."""
        return self._group("timer")

    @facet(when=_has("isa_ext"))
    def extensions(self) -> Registers:
        """The ISA extensions that the guest may use."""
        return self._group("isa_ext")

    @facet(when=_has("sbi_ext", "sbi_sta"))
    def sbi(self) -> Registers:
        """The SBI's extensions that the guest may call, and the state of steal-time accounting."""
        return self._group("sbi_ext", "sbi_sta")

    @facet(when=_has("other", "isa_ext_enable", "isa_ext_disable", "sbi_ext_enable", "sbi_ext_disable"))
    def other(self) -> Registers:
        """Registers whose ids have no name here."""
        return self._group("other", "isa_ext_enable", "isa_ext_disable", "sbi_ext_enable", "sbi_ext_disable")

    @facet(needs="mp_state")
    def mp_state(self) -> Annotated[int, MP_STATE]:
        """Whether the vCPU runs."""
        return KvmMpState.read(self.source["mp_state"], self.where("mp_state")).mp_state

    # ---- what every kind answers

    @property
    def mode(self) -> str:
        return "RV64"

    @property
    def privilege(self) -> str:
        return flags.MODE.spell(self.regs.mode) or f"mode {self.regs.mode}"

    @property
    def in_user_mode(self) -> bool | None:
        return self.regs.mode == 0

    @property
    def running(self) -> str:
        if "mp_state" not in self.source:
            return ""
        return {0: "running", 5: "stopped", 10: "suspended"}.get(self.mp_state, f"mp_state {self.mp_state}")

    @property
    def pc(self) -> int | None:
        return self.regs.pc

    @property
    def sp(self) -> int | None:
        return self.regs.sp

    @property
    def page_table_root(self) -> int | None:
        return self.csrs.value("satp") if "csr" in self.groups else None

    @property
    def paging(self) -> RiscvPaging | None:
        satp = self.page_table_root
        return None if satp is None else RiscvPaging(satp, user=self.regs.mode == 0)

    @property
    def doing(self) -> str:
        if self.running not in ("running", ""):
            return ""
        return "in a program" if self.in_user_mode else "in the kernel"

    def further(self) -> Mapping[str, Callable[[], str | int | None]]:
        return {
            "sstatus": lambda: self._spelled("csrs", "sstatus"),
            "scause": lambda: self._spelled("csrs", "scause"),
            "satp mode": lambda: self._spelled("csrs", "satp"),
        }

    def _spelled(self, group: str, name: str) -> str:
        registers: Registers = getattr(self, group)
        value, form = registers.value(name), registers.form_of(name)
        return form.spell(value) if form and value is not None else ""
