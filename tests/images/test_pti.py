"""A vCPU that was caught in a program, on the page table that shows hardly anything of the kernel."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import pytest
from builders import Machine, Ram, write
from elftools.elf.elffile import ELFFile
from guest.paging.tables import Ram as Tables
from guest.paging.test_pti import IDT, KERNEL, USER, pair

import snapfs
from snapfs.tree import Dir, root

GENERAL = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags"]
SECRET = 273 << 39 | 0xFFFF << 48


def vcpu(cr3: int) -> dict[str, Any]:
    segment = dict.fromkeys(("base", "limit", "selector", "type", "present", "dpl", "db", "s", "l", "g", "avl", "unusable", "padding"), 0)
    sregs = dict.fromkeys(("cs", "ds", "es", "fs", "gs", "ss", "tr", "ldt"), segment) | {
        "gdt": {"base": 0, "limit": 0, "padding": [0] * 3},
        "idt": {"base": IDT, "limit": 0xFFF, "padding": [0] * 3},
        "cr0": 0x80050033, "cr2": 0, "cr3": cr3, "cr4": 0x6F0, "cr8": 0, "efer": 0xD01, "apic_base": 0xFEE00900,
        "interrupt_bitmap": [0] * 4,
    }  # fmt: skip
    return {"Kvm": {"regs": dict.fromkeys(GENERAL, 0), "sregs": sregs, "lapic_state": {}}}


@pytest.fixture
def tree(tmp_path: Path) -> Dir:
    ram: Tables = pair()
    # what only the kernel maps: a page with a text, in the direct map
    for table, entry in ((0x50000, 0x51063), (0x51000, 0x52063), (0x52000, 0x60063)):
        ram.put(table, entry)
    ram.data[0x60000:0x60006] = b"secret"
    machine = Machine("D", [vcpu(USER), vcpu(KERNEL)], ram=(Ram(0, bytes(ram.data)),))
    return root(snapfs.open(write(tmp_path / "pti", machine)))


def test_the_other_half_stands_beside_the_vcpus_own(tree: Dir) -> None:
    own, other = tree / "memory/virtual/0", tree / "memory/virtual/1"
    assert [*own.children] == ["map.txt", "at", "v2p", "p2v", "pti-kernel"]  # type: ignore[attr-defined]
    assert [*other.children] == ["map.txt", "at", "v2p", "p2v", "pti-user"]  # type: ignore[attr-defined]
    assert (tree / f"memory/virtual/0/v2p/{SECRET}").read_text().startswith("not mapped")  # type: ignore[attr-defined]
    said = (tree / f"memory/virtual/0/pti-kernel/v2p/{SECRET}").read_text()  # type: ignore[attr-defined]
    assert said.splitlines()[0] == "0x0000000000060000 4K rwx--"
    assert (tree / f"memory/virtual/0/pti-kernel/at/{SECRET}+6").blob().pread(0, 6) == b"secret"  # type: ignore[attr-defined]
    assert (tree / f"memory/virtual/1/at/{SECRET}+6").blob().pread(0, 6) == b"secret"  # type: ignore[attr-defined]


@pytest.mark.parametrize("number", [0, 1])
def test_the_core_of_a_vcpu_in_a_program_has_the_kernel_as_well(tree: Dir, number: int, tmp_path: Path) -> None:
    blob = (tree / f"dump/gdb-{number}.core").blob()  # type: ignore[attr-defined]
    (tmp_path / "core").write_bytes(blob.pread(0, blob.size))
    with (tmp_path / "core").open("rb") as file:
        loads = {s["p_vaddr"]: s for s in ELFFile(file).iter_segments("PT_LOAD")}
        assert loads[SECRET].data()[:6] == b"secret"
        assert IDT in loads
    assert struct.unpack_from("<H", blob.pread(0, 64), 16) == (4,)
