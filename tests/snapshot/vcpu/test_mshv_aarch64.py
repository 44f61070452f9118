"""aarch64 vCPUs of the Microsoft Hypervisor: synthetic, from the declaration of `StandardRegisters` in mshv-bindings."""

from pathlib import Path
from typing import Any

import pytest
from builders import Machine, Node, write

import snapfs
from snapfs.errors import CorruptState
from snapfs.tree import root

REGS = {
    "regs": [n << 32 for n in range(31)],
    "sp": 0x7000,
    "pc": 0xFFFF800080010000,
    "pstate": 0x600003C5,
    "sp_el1": 0xFFFF800081000000,
    "elr_el1": 0x400000,
    "fpsr": 0x10,
    "fpcr": 1 << 24,
}


def snapshot(path: Path, **changes: Any) -> snapfs.Snapshot:
    gic = {"gic-v3-its": Node({"MshvGicV2M": {}})}
    return snapfs.open(write(path, Machine("D", [{"Mshv": {"regs": {**REGS, **changes}}}], devices=gic)))


def test_registers_are_shown_as_those_of_kvm(tmp_path: Path) -> None:
    with snapshot(tmp_path) as snap:
        tree = root(snap)
        assert (tree / "vcpus/0/regs/x30").read_text() == "0x0000001e00000000\n"
        assert (tree / "vcpus/0/regs/pstate.flags").read_text() == "M=EL1h F I A D C Z\n"
        assert (tree / "vcpus/0/fpcr.flags").read_text() == "FZ\n"
        assert "spsr_el1" not in (tree / "vcpus/0/regs").children  # type: ignore[attr-defined]
        assert (tree / "gic/kind").read_text() == "MshvGicV2M\n"


def test_what_every_vcpu_answers(tmp_path: Path) -> None:
    with snapshot(tmp_path) as snap:
        vcpu = snap.vcpus[0]
        assert (vcpu.arch, vcpu.mode, vcpu.privilege, vcpu.in_user_mode) == ("aarch64", "AArch64", "EL1", False)
        assert (vcpu.pc, vcpu.sp) == (REGS["pc"], REGS["sp_el1"])
        assert vcpu.paging is None


@pytest.mark.parametrize(("key", "value"), [("regs", [0] * 30), ("sp_el1", -1), ("fpsr", 1 << 32), ("fpcr", "1")])
def test_values_that_no_register_holds_are_errors(tmp_path: Path, key: str, value: Any) -> None:
    with snapshot(tmp_path, **{key: value}) as snap:
        vcpu: Any = snap.vcpus[0]
        with pytest.raises(CorruptState, match=key):
            _ = getattr(vcpu, key if key.startswith("fp") else "regs")
