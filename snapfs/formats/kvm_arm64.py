"""KVM's vCPU structures for arm64, and what its one-reg ids mean.

Source: linux, arch/arm64/include/uapi/asm/kvm.h (`struct kvm_regs`, KVM_REG_ARM*).
"""

from __future__ import annotations

from typing import Annotated, Final

from snapfs.formats.arm64_flags import FPCR, FPSR, PSTATE
from snapfs.formats.facts.arm64_onereg import SYSTEM_REGISTERS
from snapfs.layout import Array, Choice, Record, hex32, hex64, hex128
from snapfs.layout.scalars import Stored

__all__ = [
    "MP_STATE",
    "CoreRegisters",
    "FpSimd",
    "KvmRegs",
    "UserFpsimdState",
    "UserPtRegs",
    "bits_of",
    "cache_selector",
    "core_registers",
    "fpsimd",
    "is_filler",
    "register_name",
    "sve_register",
]

psr64 = Annotated[int, Stored("Q"), PSTATE]


class UserPtRegs(Record, size=272):
    """struct user_pt_regs: the general registers of the exception level that runs."""

    regs: Annotated[tuple[int, ...], Array(hex64, 31)]
    sp: hex64
    pc: hex64
    pstate: psr64


class UserFpsimdState(Record, size=528):
    """struct user_fpsimd_state. The object form names the reserved words `__reserved`."""

    vregs: Annotated[tuple[int, ...], Array(hex128, 32)]
    fpsr: Annotated[int, Stored("I"), FPSR]
    fpcr: Annotated[int, Stored("I"), FPCR]
    reserved: Annotated[tuple[int, ...], Array(hex32, 2)]


class KvmRegs(Record, size=864):
    """struct kvm_regs: what KVM calls the core registers. `padding` aligns the vector registers to 16 bytes."""

    regs: UserPtRegs
    sp_el1: hex64
    elr_el1: hex64
    spsr: Annotated[tuple[int, ...], Array(psr64, 5)]
    padding: hex64
    fp_regs: UserFpsimdState


class CoreRegisters(Record, size=328):
    """The general registers by their own names. `sp` is SP_EL0; the SPSRs of ABT to FIQ are those of AArch32."""

    x0: hex64
    x1: hex64
    x2: hex64
    x3: hex64
    x4: hex64
    x5: hex64
    x6: hex64
    x7: hex64
    x8: hex64
    x9: hex64
    x10: hex64
    x11: hex64
    x12: hex64
    x13: hex64
    x14: hex64
    x15: hex64
    x16: hex64
    x17: hex64
    x18: hex64
    x19: hex64
    x20: hex64
    x21: hex64
    x22: hex64
    x23: hex64
    x24: hex64
    x25: hex64
    x26: hex64
    x27: hex64
    x28: hex64
    x29: hex64
    x30: hex64
    sp: hex64
    pc: hex64
    pstate: psr64
    sp_el1: hex64
    elr_el1: hex64
    spsr_el1: psr64
    spsr_abt: psr64
    spsr_und: psr64
    spsr_irq: psr64
    spsr_fiq: psr64


class FpSimd(Record, size=520):
    """The vector registers as one number each, with the status and control words."""

    v0: hex128
    v1: hex128
    v2: hex128
    v3: hex128
    v4: hex128
    v5: hex128
    v6: hex128
    v7: hex128
    v8: hex128
    v9: hex128
    v10: hex128
    v11: hex128
    v12: hex128
    v13: hex128
    v14: hex128
    v15: hex128
    v16: hex128
    v17: hex128
    v18: hex128
    v19: hex128
    v20: hex128
    v21: hex128
    v22: hex128
    v23: hex128
    v24: hex128
    v25: hex128
    v26: hex128
    v27: hex128
    v28: hex128
    v29: hex128
    v30: hex128
    v31: hex128
    fpsr: Annotated[int, Stored("I"), FPSR]
    fpcr: Annotated[int, Stored("I"), FPCR]


MP_STATE: Final = Choice({0: "runnable", 5: "stopped", 10: "suspended"})
"""struct kvm_mp_state of arm64: `stopped` is a vCPU that PSCI has never started or has turned off."""


def core_registers(regs: KvmRegs) -> CoreRegisters:
    """The general registers out of the kernel's struct."""
    user = regs.regs
    named = {f"x{i}": value for i, value in enumerate(user.regs)}
    saved = {f"spsr_{mode}": value for mode, value in zip(("el1", "abt", "und", "irq", "fiq"), regs.spsr, strict=True)}
    return CoreRegisters(**named, sp=user.sp, pc=user.pc, pstate=user.pstate, sp_el1=regs.sp_el1, elr_el1=regs.elr_el1, **saved)


def fpsimd(state: UserFpsimdState) -> FpSimd:
    """The vector registers out of the kernel's struct."""
    return FpSimd(**{f"v{i}": value for i, value in enumerate(state.vregs)}, fpsr=state.fpsr, fpcr=state.fpcr)


# ---- one-reg ids: KVM_REG_ARM64 | size << 52 | class << 16 | index

_ARM64: Final = 0x6
_DEMUX, _SYSTEM, _FIRMWARE, _SVE, _FEATURES = 0x0011, 0x0013, 0x0014, 0x0015, 0x0016
_FIRMWARE_REGISTERS: Final = {
    (_FIRMWARE, 0): "KVM_REG_ARM_PSCI_VERSION",
    (_FIRMWARE, 1): "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_1",
    (_FIRMWARE, 2): "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_2",
    (_FIRMWARE, 3): "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3",
    (_FEATURES, 0): "KVM_REG_ARM_STD_BMAP",
    (_FEATURES, 1): "KVM_REG_ARM_STD_HYP_BMAP",
    (_FEATURES, 2): "KVM_REG_ARM_VENDOR_HYP_BMAP",
    (_FEATURES, 3): "KVM_REG_ARM_VENDOR_HYP_BMAP_2",
    (_SVE, 0xFFFF): "KVM_REG_ARM64_SVE_VLS",
}
# what reset_unknown and the reset of the PMU registers leave in registers that were never written
_FILLER: Final = 0x1DE7EC7EDBADC0DE
_FILLER_LOW: Final = (0xDBADC0DE, 0xC800C0DE)


def _parts(reg: int) -> tuple[int, int, int]:
    """Architecture, class and index of a one-reg id."""
    return reg >> 60, reg >> 16 & 0xFFFF, reg & 0xFFFF


def bits_of(reg: int) -> int:
    """The width of the register behind a one-reg id."""
    return 8 << (reg >> 52 & 0xF)


def register_name(reg: int) -> str:
    """The name of the register behind a one-reg id: the architecture manual's, `S<op0>_<op1>_C<n>_C<m>_<op2>` for an encoding
    that has none, the kernel's for its own registers, the id itself for anything else."""
    arch, kind, index = _parts(reg)
    if arch == _ARM64 and kind == _SYSTEM:
        op0, op1, n, m, op2 = index >> 14, index >> 11 & 7, index >> 7 & 15, index >> 3 & 15, index & 7
        return SYSTEM_REGISTERS.get(index) or f"S{op0}_{op1}_C{n}_C{m}_{op2}"
    if arch == _ARM64 and (kind, index) in _FIRMWARE_REGISTERS:
        return _FIRMWARE_REGISTERS[kind, index]
    return f"0x{reg:016x}"


def cache_selector(reg: int) -> int | None:
    """The value of CSSELR_EL1 behind a demultiplexed id, each of which holds one CCSIDR_EL1; None for other ids."""
    arch, kind, index = _parts(reg)
    return index & 0xFF if arch == _ARM64 and kind == _DEMUX and index < 0x100 else None


def sve_register(reg: int) -> tuple[str, int] | None:
    """Name and slice of the SVE register behind an id: `z0` to `z31`, `p0` to `p15`, `ffr`; None for other ids."""
    arch, kind, index = _parts(reg)
    if arch != _ARM64 or kind != _SVE:
        return None
    number, piece = index >> 5 & 0x1F, index & 0x1F
    if index < 0x0400:
        return f"z{number}", piece
    if index < 0x0600:
        return f"p{number}", piece
    return ("ffr", piece) if index < 0x0620 else None


def is_filler(value: int) -> bool:
    """Whether a system register holds what KVM puts where nothing was ever written."""
    return value == _FILLER or value & 0xFFFFFFFF in _FILLER_LOW
