"""Structs and register ids of arm64 and riscv64 against the kernel's own headers."""

from pathlib import Path

import pytest
from kernel_headers import check, layout

from snapfs.formats import kvm, kvm_arm64, kvm_riscv64
from snapfs.formats.facts.arm64_onereg import SYSTEM_REGISTERS
from snapfs.formats.facts.riscv64_onereg import REGISTERS
from snapfs.formats.riscv64_flags import MODE


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "riscv64"])
def test_what_all_architectures_share(arch: str, tmp_path: Path) -> None:
    facts = layout(kvm.KvmMpState, "struct kvm_mp_state") + layout(kvm.OneReg, "struct kvm_one_reg")
    check(arch, ["linux/kvm.h"], facts, tmp_path)


def test_the_core_registers_of_arm64(tmp_path: Path) -> None:
    facts = [
        *layout(kvm_arm64.UserPtRegs, "struct user_pt_regs"),
        *layout(kvm_arm64.UserFpsimdState, "struct user_fpsimd_state", reserved="__reserved"),
        # the padding before the vector registers has no name in C
        *layout(kvm_arm64.KvmRegs, "struct kvm_regs", padding=""),
    ]
    check("aarch64", ["linux/kvm.h"], facts, tmp_path)


def test_register_ids_of_arm64(tmp_path: Path) -> None:
    macros = {
        "KVM_REG_ARM_TIMER_CTL": "CNTV_CTL_EL0",
        "KVM_REG_ARM_TIMER_CNT": "CNTVCT_EL0",
        "KVM_REG_ARM_TIMER_CVAL": "CNTV_CVAL_EL0",
        "KVM_REG_ARM_PTIMER_CTL": "CNTP_CTL_EL0",
        "KVM_REG_ARM_PTIMER_CNT": "CNTPCT_EL0",
        "KVM_REG_ARM_PTIMER_CVAL": "CNTP_CVAL_EL0",
        "KVM_REG_ARM_PSCI_VERSION": "KVM_REG_ARM_PSCI_VERSION",
        "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3": "KVM_REG_ARM_SMCCC_ARCH_WORKAROUND_3",
        "KVM_REG_ARM64_SVE_VLS": "KVM_REG_ARM64_SVE_VLS",
        "KVM_REG_ARM_STD_BMAP": "KVM_REG_ARM_STD_BMAP",
        "KVM_REG_ARM_STD_HYP_BMAP": "KVM_REG_ARM_STD_HYP_BMAP",
        "KVM_REG_ARM_VENDOR_HYP_BMAP": "KVM_REG_ARM_VENDOR_HYP_BMAP",
        "ARM64_SYS_REG(3, 0, 1, 0, 0)": "SCTLR_EL1",
        "ARM64_SYS_REG(3, 0, 2, 0, 2)": "TCR_EL1",
        "ARM64_SYS_REG(3, 3, 13, 0, 2)": "TPIDR_EL0",
        "ARM64_SYS_REG(3, 0, 0, 3, 3)": "S3_0_C0_C3_3",
    }
    # the ids among which these names are looked for: each has to be that of one id alone
    indices = {0x13: (*SYSTEM_REGISTERS, 3 << 14 | 3 << 3 | 3), 0x14: range(8), 0x16: range(8)}
    ids = {0x6030000000000000 | kind << 16 | index for kind, places in indices.items() for index in places} | {0x606000000015FFFF}
    names = {reg: kvm_arm64.register_name(reg) for reg in ids}
    facts = [f"{macro} == 0x{reg:x}ULL" for macro, name in macros.items() for reg, own in names.items() if own == name]
    assert len(facts) == len(macros)
    check("aarch64", ["linux/kvm.h"], facts, tmp_path)


def test_sve_register_ids_of_arm64(tmp_path: Path) -> None:
    facts = []
    for kind, numbers, size in ((0x000, 32, 8), (0x400, 16, 5), (0x600, 1, 5)):
        for number in range(numbers):
            for piece in (0, 31):
                reg = 0x6 << 60 | size << 52 | 0x15 << 16 | kind | number << 5 | piece
                name, found = kvm_arm64.sve_register(reg) or ("", -1)
                macro = (
                    f"KVM_REG_ARM64_SVE_FFR({found})" if name == "ffr" else f"KVM_REG_ARM64_SVE_{name[0].upper()}REG({name[1:]}, {found})"
                )
                facts.append(f"{macro} == 0x{reg:x}ULL")
    check("aarch64", ["linux/kvm.h"], facts, tmp_path)


def test_the_core_registers_of_riscv64(tmp_path: Path) -> None:
    facts = layout(
        kvm_riscv64.KvmRiscvCore, "struct kvm_riscv_core", **{n: f"regs.{n}" for n in kvm_riscv64.KvmRiscvCore.FIELDS if n != "mode"}
    )
    facts += [f"KVM_RISCV_MODE_{word} == {number}" for number, word in MODE.names.items()]
    check("riscv64", ["linux/kvm.h"], facts, tmp_path)


def test_register_ids_of_riscv64(tmp_path: Path) -> None:
    """Of those registers that Linux 6.1, the oldest kernel with headers for riscv64 in Debian, knows already."""
    known = {
        "csr": ("CSR", "CSR_REG({})", "sstatus sie stvec sscratch sepc scause stval sip satp scounteren"),
        "config": ("CONFIG", "CONFIG_REG({})", "isa zicbom_block_size"),
        "timer": ("TIMER", "TIMER_REG({})", "frequency time compare state"),
    }
    facts = []
    for group, (kind, index, names) in known.items():
        for name in names.split():
            reg = next(reg for reg, own in REGISTERS.items() if own == (group, name))
            facts.append(f"(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_{kind} | KVM_REG_RISCV_{index.format(name)}) == 0x{reg:x}ULL")
    for name in ["a", "c", "d", "f", "h", "i", "m", "svpbmt", "sstc", "svinval", "zihintpause", "zicbom"]:
        reg = next(reg for reg, own in REGISTERS.items() if own == ("isa_ext", name))
        facts.append(f"(KVM_REG_RISCV | KVM_REG_SIZE_U64 | KVM_REG_RISCV_ISA_EXT | KVM_RISCV_ISA_EXT_{name.upper()}) == 0x{reg:x}ULL")
    for bits, kind in ((32, "F"), (64, "D")):
        for n in (0, 31):
            reg = next(reg for reg, own in REGISTERS.items() if own == (f"fp_{kind.lower()}", f"f{n}"))
            macro = f"KVM_REG_RISCV | KVM_REG_SIZE_U{bits} | KVM_REG_RISCV_FP_{kind} | KVM_REG_RISCV_FP_{kind}_REG(f[{n}])"
            facts.append(f"({macro}) == 0x{reg:x}ULL")
    check("riscv64", ["linux/kvm.h"], facts, tmp_path)


def test_states_of_a_vcpu(tmp_path: Path) -> None:
    for form in (kvm_arm64.MP_STATE, kvm_riscv64.MP_STATE):
        check("x86_64", ["linux/kvm.h"], [f"KVM_MP_STATE_{word.upper()} == {number}" for number, word in form.names.items()], tmp_path)
