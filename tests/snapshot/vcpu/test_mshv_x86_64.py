"""vCPUs of the Microsoft hypervisor on x86_64. No real snapshot was to be had: these are synthetic, written from the fields of
`VcpuMshvState` and of the hypervisor's structs (see the module under test for the sources)."""

import struct
from pathlib import Path
from typing import Any

import pytest
from builders import Machine, write

import snapfs
from snapfs.errors import CorruptState
from snapfs.snapshot.vcpu.mshv_x86_64 import MshvX86Vcpu
from snapfs.tree import root

GENERAL = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "rip", "rflags"]
REGS = {name: 0x1000 + i for i, name in enumerate(GENERAL)} | {"rflags": 0x246}
SEGMENT = {
    "base": 0, "limit": 0xFFFFFFFF, "selector": 0x10, "type_": 3, "present": 1, "dpl": 0, "db": 1, "s": 1, "l": 0, "g": 1, "avl": 0,
    "unusable": 0, "padding": 0,
}  # fmt: skip
SREGS: dict[str, Any] = {
    **dict.fromkeys(("ds", "es", "fs", "gs", "ss", "tr", "ldt"), SEGMENT),
    "cs": {**SEGMENT, "type_": 11, "l": 1, "db": 0},
    "gdt": {"base": 0xFFFF800000001000, "limit": 0x7F},
    "idt": {"base": 0xFFFF800000002000, "limit": 0xFFF},
    "cr0": 0x80050033, "cr2": 0, "cr3": 0x1AD002, "cr4": 0x370678, "cr8": 2, "efer": 0xD01, "apic_base": 0xFEE00900,
    "interrupt_bitmap": [0] * 4,
}  # fmt: skip
FPU = {
    "fpr": [[0] * 7 + [0x80, 0xFF, 0x3F] + [0] * 6] + [[0] * 16] * 7,
    "fcw": 0x37F, "fsw": 0, "ftwx": 1, "last_opcode": 0, "last_ip": 0, "last_dp": 0,
    "xmm": [[i << 4 | j for j in range(16)] for i in range(16)],
    "mxcsr": 0x1F80,
}  # fmt: skip
EVENTS = {
    "pending_interruption": 0,
    "interrupt_state": 0,
    "internal_activity_state": 2,
    "pending_event0": [0] * 16,
    "pending_event1": [0] * 16,
}


def xsave_area() -> bytes:
    """An area in the compacted form with SSE and AVX."""
    legacy = struct.pack("<HHBBHQQII", 0x37F, 0, 0, 0, 0, 0, 0, 0x1F80, 0xFFFF) + bytes(128)
    xmm = b"".join(bytes(i << 4 | j for j in range(16)) for i in range(16))
    header = struct.pack("<QQ48x", 0b110, 1 << 63 | 0b110)
    upper = b"".join(bytes([0xA0 + i]) * 16 for i in range(16))
    return (legacy + xmm).ljust(512, b"\0") + header + upper.ljust(4096 - 576, b"\0")


def apic_struct() -> bytes:
    """hv_local_interrupt_controller_state: five registers, ISR, TMR and IRR of eight each, then fifteen."""
    irr = [0, 1 << 17, 0, 0, 0, 0, 0, 0]
    tail = [0, 0, 0, 0x20031, 0x10000, 0x10000, 0x10000, 0x400, 0xFE, 0x10000, 0, 1000, 600, 0xB, 0]
    return struct.pack("<44I", 3 << 24, 0x50014, 0, 0xFFFFFFFF, 0x1FF, *[0] * 8, *[0] * 8, *irr, *tail)


def apic_page() -> bytes:
    """The same registers as the guest's page has them."""
    page = bytearray(1024)
    for offset, value in {
        0x20: 3 << 24,
        0x30: 0x50014,
        0xE0: 0xFFFFFFFF,
        0xF0: 0x1FF,
        0x210: 1 << 17,
        0x2F0: 0x10000,
        0x320: 0x20031,
    }.items():
        struct.pack_into("<I", page, offset, value)
    for offset, value in {
        0x330: 0x10000,
        0x340: 0x10000,
        0x350: 0x10000,
        0x360: 0x400,
        0x370: 0xFE,
        0x380: 1000,
        0x390: 600,
        0x3E0: 0xB,
    }.items():
        struct.pack_into("<I", page, offset, value)
    return bytes(page)


def synic() -> bytes:
    message = struct.pack("<IBBHQ", 0x80000010, 8, 1, 0, 0x55) + b"overflow".ljust(240, b"\0")
    simp = (bytes(512) + message).ljust(4096, b"\0")
    siefp = bytearray(4096)
    siefp[256 * 2] = 0b101
    timer = struct.pack("<IIQQQQ", 1, 0, 0x30011, 10_000, 0, 77)
    return simp + bytes(siefp) + (timer.ljust(160, b"\0") + bytes(40))


COMMON = {
    "vcpu_events": EVENTS, "regs": REGS, "sregs": SREGS, "fpu": FPU, "xcrs": {"xcr0": 7},
    "dbg": {"dr0": 0xFFFFFFFF81000000, "dr1": 0, "dr2": 0, "dr3": 0, "dr6": 0xFFFF0FF0, "dr7": 0x401},
    "misc": {"hypercall": 0x1000_3, "int_vec": 0},
}  # fmt: skip
MSRS = [{"index": 0xC0000082, "data": 0xFFFFFFFF81A00010}, {"index": 0x10, "data": 99}]
NEW: dict[str, Any] = {"Mshv": {"msrs": MSRS, **COMMON, "vp_states": list(apic_struct().ljust(1024, b"\0") + xsave_area() + synic())}}
SIGNED = [b - 256 if b > 127 else b for b in apic_page()]
MIDDLE = {"Mshv": {"msrs": MSRS, **COMMON, "lapic": SIGNED, "xsave": list(xsave_area())}}
OLD = {
    "msrs": [[{"nmsrs": 2, "pad": 0}], [{**m, "reserved": 0} for m in MSRS]],
    **COMMON,
    "fpu": {**FPU, "pad1": 0, "pad2": 0},
    "lapic": SIGNED,
    "xsave": [0] * 24 + list(xsave_area()),
}


def opened(path: Path, payload: Any, era: Any) -> snapfs.Snapshot:
    return snapfs.open(write(path, Machine(era, [payload])))


@pytest.fixture(params=[("D", NEW), ("C", MIDDLE), ("B", OLD), ("A", OLD)], ids=["v39 on", "v26 to v38", "v16 to v25", "to v15"])
def snap(request: pytest.FixtureRequest, tmp_path: Path) -> snapfs.Snapshot:
    era, payload = request.param
    return opened(tmp_path, payload, era)


def vcpu(snap: snapfs.Snapshot) -> MshvX86Vcpu:
    found = snap.vcpus[0]
    assert isinstance(found, MshvX86Vcpu)
    return found


def test_every_form_tells_the_same(snap: snapfs.Snapshot) -> None:
    found = vcpu(snap)
    assert (found.arch, found.mode, found.privilege, found.running, found.doing) == ("x86_64", "long", "0", "halted", "idle")
    assert (found.pc, found.sp, found.page_table_root) == (REGS["rip"], REGS["rsp"], 0x1AD002)
    assert found.msrs["LSTAR"] == 0xFFFFFFFF81A00010
    assert found.msrs["IA32_EFER"] == 0xD01
    assert found.xcrs == {"xcr0": 7}
    assert (found.lapic["mode"], found.lapic["apic_id"], found.lapic["pending"]) == ("xapic", 3, [49])
    assert (found.lapic["lvt_timer"], found.lapic["lvt_lint1"], found.lapic["timer_initial_count"]) == (0x20031, 0x400, 1000)
    assert found.xsave["ymm3"] == int.from_bytes(bytes(0x30 | j for j in range(16)) + b"\xa3" * 16, "little")
    assert found.fpu["xmm15"] == found.xsave["xmm15"]
    assert not found.rest


def test_nothing_of_it_fails_and_the_debug_registers_are_there(snap: snapfs.Snapshot) -> None:
    tree = root(snap) / "vcpus/0"
    assert isinstance(tree, snapfs.tree.Dir)
    assert "ERROR" not in str(tree.to_json())
    assert (tree / "dbg/dr0").read_text() == "0xffffffff81000000\n"
    assert (tree / "dbg/dr7.flags").read_text() == "L0\n"
    assert (tree / "misc/hypercall.flags").read_text() == "ENABLED LOCKED gpa=0x10000\n"
    assert (tree / "fpu.txt").read_text().startswith("st0         0x3fff8000000000000000 1.0\n")
    assert (root(snap) / "vcpus/vcpus.txt").read_text().splitlines()[1].split()[:3] == ["0", "long", "0"]


def test_the_synic_is_decoded(tmp_path: Path) -> None:
    tree = root(opened(tmp_path, NEW, "D")) / "vcpus/0"
    assert isinstance(tree, snapfs.tree.Dir)
    assert [*(tree / "simp").children] == ["sint2"]  # type: ignore[attr-defined]
    assert (tree / "simp/sint2/message_type").read_text() == "0x80000010\n"
    assert (tree / "siefp/sint2").read_text() == "0\n2\n"
    assert (tree / "synthetic_timers/timers/0/count").read_text() == "10000\n"
    assert (tree / "synthetic_timers/timers/0/config.flags").read_text() == "ENABLED vector=1 SINT=3\n"


@pytest.mark.parametrize("length", [0, 1024, 13511])
def test_states_that_are_cut_fail_alone(tmp_path: Path, length: int) -> None:
    payload = {"Mshv": {**NEW["Mshv"], "vp_states": NEW["Mshv"]["vp_states"][:length]}}
    found = vcpu(opened(tmp_path, payload, "D"))
    with pytest.raises(CorruptState, match="13512"):
        _ = found.lapic
    assert found.regs.rip == REGS["rip"]


def test_a_pending_exception_is_spelled(tmp_path: Path) -> None:
    events = {**EVENTS, "pending_interruption": 1 | 3 << 1 | 1 << 4 | 14 << 16 | 2 << 32}
    tree = root(opened(tmp_path, {"Mshv": {**NEW["Mshv"], "vcpu_events": events}}, "D"))
    assert (tree / "vcpus/0/events/pending_interruption.flags").read_text() == "PENDING exception #PF error_code=0x2\n"
