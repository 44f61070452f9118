"""KVM's vCPU structures for riscv64, and what its one-reg ids mean.

Source: linux, arch/riscv/include/uapi/asm/kvm.h (`struct kvm_riscv_core`, KVM_REG_RISCV*), arch/riscv/include/uapi/asm/ptrace.h.
"""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

from snapfs.formats.facts.riscv64_onereg import REGISTERS
from snapfs.formats.riscv64_flags import MODE
from snapfs.layout import Choice, Record, hex64
from snapfs.layout.scalars import Stored

__all__ = ["MP_STATE", "KvmRiscvCore", "Named", "named"]

MP_STATE: Final = Choice({0: "runnable", 5: "stopped", 10: "suspended"})
"""struct kvm_mp_state of riscv64: `stopped` is a hart that the SBI has never started or has stopped."""


class KvmRiscvCore(Record, size=264):
    """struct kvm_riscv_core: struct user_regs_struct and the mode."""

    pc: hex64
    ra: hex64
    sp: hex64
    gp: hex64
    tp: hex64
    t0: hex64
    t1: hex64
    t2: hex64
    s0: hex64
    s1: hex64
    a0: hex64
    a1: hex64
    a2: hex64
    a3: hex64
    a4: hex64
    a5: hex64
    a6: hex64
    a7: hex64
    s2: hex64
    s3: hex64
    s4: hex64
    s5: hex64
    s6: hex64
    s7: hex64
    s8: hex64
    s9: hex64
    s10: hex64
    s11: hex64
    t3: hex64
    t4: hex64
    t5: hex64
    t6: hex64
    mode: Annotated[int, Stored("Q"), MODE]


class Named(NamedTuple):
    """A register behind a one-reg id: its group, its name there, and its width in bits."""

    group: str
    name: str
    bits: int


# KVM_REG_RISCV | size << 52 | type << 24 | subtype << 16 | index
_RISCV: Final = 0x8
_VECTOR: Final = 9
_EXTENSIONS: Final = {(7, 1): "isa_ext_enable", (7, 2): "isa_ext_disable", (8, 1): "sbi_ext_enable", (8, 2): "sbi_ext_disable"}
#: struct __riscv_v_ext_state in 64-bit words; vlenb is there since Linux 6.8
_VECTOR_CONTROL: Final = ("vstart", "vl", "vtype", "vcsr", "datap", "vlenb")


def named(reg: int) -> Named:
    """The register behind a one-reg id; the group of an unknown one is `other` and its name the id."""
    bits = 8 << (reg >> 52 & 0xF)
    if known := REGISTERS.get(reg):
        return Named(*known, bits)
    kind, subtype, index = reg >> 24 & 0xFF, reg >> 16 & 0xFF, reg & 0xFFFF
    if reg >> 60 == _RISCV:
        if kind == _VECTOR and not subtype:
            if index < len(_VECTOR_CONTROL):
                return Named("vector", _VECTOR_CONTROL[index], bits)
            if index < len(_VECTOR_CONTROL) + 32:
                return Named("vector", f"v{index - len(_VECTOR_CONTROL)}", bits)
        if group := _EXTENSIONS.get((kind, subtype)):
            return Named(group, str(index), bits)
    return Named("other", f"0x{reg:016x}", bits)
