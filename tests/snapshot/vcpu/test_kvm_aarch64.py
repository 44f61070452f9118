"""Arm64 vCPUs against what the program that spun on vCPU 1 had loaded, and against the guest's own word."""

import re

import pytest
from corpus import ARM, trimmed, truth

import snapfs
from snapfs.snapshot.vcpu.paging import Arm64Paging
from snapfs.tree import root

pytestmark = pytest.mark.parametrize("name", ARM)


def el0_registers(name: str, cpu: int) -> dict[str, int]:
    return {m[1]: int(m[2], 16) for m in re.finditer(rf"el0reg cpu={cpu} (\S+) ([0-9a-f]+)", truth(name)["cpudump"])}


def field(value: int, low: int) -> int:
    return value >> low & 15


def test_the_spinning_program_has_the_general_registers_that_it_loaded(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        regs = snap.vcpus[1].regs
        assert [getattr(regs, f"x{n}") for n in range(31)] == [(n + 1) << 56 | 0x0011AAAA0000AB00 | n for n in range(31)]
        assert regs.pc == 0x400A04
        table = (root(snap) / "vcpus/1/regs.txt").read_text().splitlines()
    assert "x0       0x0111aaaa0000ab00" in table
    assert re.fullmatch(r"pstate +0x[0-9a-f]{16} M=EL0t .*Z", next(line for line in table if line.startswith("pstate")))


def test_the_spinning_program_has_the_vector_registers_that_it_loaded(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        fpsimd = snap.vcpus[1].fpsimd
        for n in range(32):
            loaded = bytes((n << 3 | (j & 7)) ^ (0x5A if j > 7 else 0) for j in range(16))
            assert getattr(fpsimd, f"v{n}") == int.from_bytes(loaded, "little")
        assert (root(snap) / "vcpus/1/fpsimd/v0").read_text() == "0x5d5c5f5e59585b5a0706050403020100\n"
        assert (fpsimd.fpcr, fpsimd.fpsr) == (1 << 24, 0x10)
        assert (root(snap) / "vcpus/1/fpsimd/fpcr.flags").read_text() == "FZ\n"


def test_the_spinning_program_runs_in_user_mode_and_the_other_vcpu_in_the_kernel(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        idle, spinning = snap.vcpus[0], snap.vcpus[1]
        assert (spinning.arch, spinning.mode, spinning.privilege, spinning.in_user_mode, spinning.pc) == (
            "aarch64",
            "AArch64",
            "EL0",
            True,
            0x400A04,
        )
        assert (idle.privilege, idle.in_user_mode) == ("EL1", False)
        assert (idle.running, spinning.running) == ("running", "running")
        assert spinning.sp == spinning.regs.sp
        assert idle.sp == idle.regs.sp_el1


def test_system_registers_are_those_that_the_guest_read(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        for cpu, vcpu in snap.vcpus.items():
            said = el0_registers(name, cpu)
            for register in ("MIDR_EL1", "REVIDR_EL1", "CTR_EL0", "ID_AA64ISAR0_EL1", "ID_AA64ISAR1_EL1", "ID_AA64ISAR2_EL1"):
                assert vcpu.sysregs[register] == said[register], register
            # of these the kernel shows a program only some fields
            for low in (16, 20):  # FP, AdvSIMD
                assert field(vcpu.sysregs["ID_AA64PFR0_EL1"], low) == field(said["ID_AA64PFR0_EL1"], low)
        assert snap.vcpus[1].sysregs["TPIDR_EL0"] == 0x7E1D0000CAFE0001


def test_the_virtual_counter_is_later_than_the_one_that_the_guest_read(name: str) -> None:
    # CNTVCT_EL0 counts, CNTV_CVAL_EL0 is the next deadline: were the two ids of KVM taken by their encodings, they would be swapped,
    # and the timer whose condition is met (ISTATUS) would have a deadline ahead of the counter
    with snapfs.open(trimmed(name)) as snap:
        for cpu, vcpu in snap.vcpus.items():
            registers = vcpu.sysregs
            assert registers["CNTVCT_EL0"] > el0_registers(name, cpu)["CNTVCT_EL0"]
            assert (registers["CNTV_CTL_EL0"] >> 2 & 1) == (registers["CNTV_CVAL_EL0"] <= registers["CNTVCT_EL0"])


def test_the_cpu_is_the_one_of_proc_cpuinfo(name: str) -> None:
    said = dict(re.findall(r"CPU (\w+)\s*: (\S+)", truth(name)["cpuinfo"]))
    with snapfs.open(trimmed(name)) as snap:
        words = (root(snap) / "vcpus/0/sysregs/MIDR_EL1.name").read_text()
    assert words == f"implementer={said['implementer']}(Arm) variant={said['variant']} part={said['part']} revision={said['revision']}\n"


def test_every_vcpu_has_its_own_affinity(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        assert [(root(snap) / f"vcpus/{n}/affinity").read_text() for n in snap.vcpus] == ["0.0.0.0\n", "0.0.0.1\n"]


def test_the_page_tables_are_those_of_a_kernel_with_4k_pages_and_48_bits(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        paging = snap.vcpus[1].paging
        tcr = (root(snap) / "vcpus/1/sysregs/TCR_EL1.flags").read_text().split()
    assert isinstance(paging, Arm64Paging)
    assert paging.el == 0
    assert paging.sctlr & 1
    assert {"T0SZ=16", "T1SZ=16", "TG0=4K", "TG1=4K"} <= set(tcr)


def test_registers_that_nothing_wrote_are_marked(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        table = (root(snap) / "vcpus/0/sysregs.txt").read_text()
    assert re.search(r"^CSSELR_EL1 +0x1de7ec7edbadc0de \(KVM's filler: never written\)$", table, re.MULTILINE)
    assert "CCSIDR_EL1.0 " in table
    assert "S3_0_C0_C3_3 " in table
    assert "KVM_REG_ARM_PSCI_VERSION" in table


def test_every_register_of_the_snapshot_has_a_file(name: str) -> None:
    with snapfs.open(trimmed(name)) as snap:
        vcpu = snap.vcpus[0]
        shown = sum(len(v) if isinstance(v, dict) else 1 for v in vcpu.sysregs.values())
        assert shown == len(vcpu.source["sys_regs"]) == 258


def test_features_are_those_of_proc_cpuinfo(name: str) -> None:
    (said,) = {line for line in truth(name)["cpuinfo"].splitlines() if line.startswith("Features")}
    with snapfs.open(trimmed(name)) as snap:
        found = (root(snap) / "vcpus/0/features").read_text().split()
    # `cpuid` is the kernel's own; SSBS it hides from programs on this processor for an erratum (its guest reads 0 from EL0)
    assert set(found) - {"ssbs"} == set(said.partition(":")[2].split()) - {"cpuid"}
