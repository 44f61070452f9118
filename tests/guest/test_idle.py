"""A vCPU that waits for an interrupt is recognised by its code where the hypervisor does not save it."""

from pathlib import Path
from typing import Any

import pytest
from builders import Machine, Ram, one_regs, write
from corpus import ARM, full
from vcpu_payloads import CORE, arm64

import snapfs
from snapfs.guest import idle
from snapfs.tree import root

BASE = 0x40000000
WFI, WFE, WFIT, NOP, RISCV_WFI = 0xD503207F, 0xD503205F, 0xD5031025, 0xD503201F, 0x10500073


def arm(path: Path, code: list[int], pc: int, *, level: int = 5) -> snapfs.Snapshot:
    """A vCPU with paging off and code at the start of RAM."""
    payload = arm64(38)
    keys: dict[str, Any] = payload["Kvm"]
    keys["core_regs"] = {**CORE, "regs": {**CORE["regs"], "pc": pc, "pstate": level}}
    for reg in keys["sys_regs"]:
        if reg["id"] == 0x603000000013C080:
            reg["addr"] = 0  # SCTLR_EL1
    text = b"".join(word.to_bytes(4, "little") for word in code)
    return snapfs.open(write(path, Machine("C", [payload], [Ram(BASE, text.ljust(4096, b"\0"))])))


def said(snap: snapfs.Snapshot) -> str:
    return (root(snap) / "vcpus/vcpus.txt").read_text().splitlines()[1]


@pytest.mark.parametrize("instruction", [WFI, WFIT])
@pytest.mark.parametrize("behind", [0, 4])
def test_at_or_just_behind_an_instruction_that_waits_a_kernel_is_idle(tmp_path: Path, instruction: int, behind: int) -> None:
    with arm(tmp_path, [NOP, instruction, NOP, NOP], BASE + 4 + behind) as snap:
        assert said(snap).endswith("idle")
        assert "doing         idle" in (root(snap) / "vcpus/0/summary.txt").read_text()
        assert "idle" in (root(snap) / "summary.txt").read_text()


@pytest.mark.parametrize(("instruction", "words"), [(WFE, "in the kernel, in a spin-wait loop"), (NOP, "in the kernel")])
def test_a_spin_lock_waits_otherwise(tmp_path: Path, instruction: int, words: str) -> None:
    with arm(tmp_path, [NOP, instruction, NOP], BASE + 8) as snap:
        assert said(snap).endswith(words)


def test_a_program_is_never_idle(tmp_path: Path) -> None:
    with arm(tmp_path, [WFI, NOP], BASE + 4, level=0) as snap:
        assert said(snap).endswith("in a program")


@pytest.mark.parametrize("pc", [0, 3, 0x1000, BASE, BASE + 4096, (1 << 64) - 1])
def test_code_that_is_not_in_the_snapshot_leaves_the_answer_open(tmp_path: Path, pc: int) -> None:
    with arm(tmp_path, [NOP], pc) as snap:
        assert said(snap).endswith("in the kernel")


def test_a_hart_that_waits_is_idle(tmp_path: Path) -> None:
    core = [*(BASE + 4).to_bytes(8, "little"), *bytes(248), *(1).to_bytes(8, "little")]
    payload = {"Kvm": {"mp_state": [0] * 4, "core_regs": core, "non_core_regs": one_regs({0x8030000003000008: 0})}}
    code = RISCV_WFI.to_bytes(4, "little").ljust(4096, b"\0")
    with snapfs.open(write(tmp_path, Machine("D", [payload], [Ram(BASE, code)]))) as snap:
        assert idle.waits(snap.memory, snap.vcpus[0])
        assert said(snap).endswith("idle")


@pytest.mark.parametrize("name", ARM)
def test_the_other_vcpu_of_the_real_machines_idles(name: str) -> None:
    # by the guest's own kallsyms its program counter is in cpu_do_idle
    with snapfs.open(full(name)) as snap:
        assert idle.doing(snap, snap.vcpus[0]) == "idle"
        assert idle.doing(snap, snap.vcpus[1]) == "in a program, in a jump to itself"
