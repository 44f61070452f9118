"""What a vCPU's payload looks like in every release: one set of values in each of the forms that KVM's structs have had.

From the declarations in hypervisor/src/kvm/{x86_64,aarch64,riscv64}/mod.rs and hypervisor/src/mshv/*/mod.rs of the releases, and the
structs of arch/{x86,arm64,riscv}/include/uapi/asm/kvm.h. `release` is the N of vN or of v0.N. Synthetic.
"""

from __future__ import annotations

import struct
from typing import Any

__all__ = ["CORE", "SYSTEM_REGISTERS", "X86", "arm64", "arm64_mshv", "riscv64", "x86", "x86_mshv"]

REGS = "rax rbx rcx rdx rsi rdi rsp rbp r8 r9 r10 r11 r12 r13 r14 r15 rip rflags".split()  # noqa: SIM905
SEGMENT = "base limit selector type_ present dpl db s l g avl unusable padding".split()  # noqa: SIM905
SEGMENTS = "cs ds es fs gs ss tr ldt".split()  # noqa: SIM905
CONTROL = "cr0 cr2 cr3 cr4 cr8 efer apic_base".split()  # noqa: SIM905

#: the registers of every synthetic x86_64 vCPU
X86: dict[str, int] = {
    **{name: (n + 1) << 56 | 0xABCDEF00 | n for n, name in enumerate(REGS)},
    "rip": 0xFFFFFFFF81234567,
    "rflags": 0x246,
    "cr0": 0x80050033, "cr2": 0x7F0000001000, "cr3": 0x1234000, "cr4": 0x6F0, "cr8": 0, "efer": 0xD01, "apic_base": 0xFEE00900,
}  # fmt: skip
_MSRS = {0xC0000082: 0xFFFFFFFF81A00000, 0x10: 0x123456789A, 0x174: 0x10}
_CPUID = [(0, 0, 0xD, 0x68747541, 0x444D4163, 0x69746E65), (1, 0, 0x60FB1, 0, 0x80000000, 0x178BFBFF)]


def _segment(name: str) -> dict[str, int]:
    code = name == "cs"
    values = {"base": 0, "limit": 0xFFFFFFFF, "selector": 0x10 if code else 0x18, "type_": 11 if code else 3, "present": 1, "s": 1, "g": 1}
    return {field: {**values, "l": int(code)}.get(field, 0) for field in SEGMENT}


def _sregs(release: int) -> Any:
    segments = {name: _segment(name) for name in SEGMENTS}
    tables = {name: {"base": 0xFFFFFE0000001000, "limit": 0x7F, "padding": [0, 0, 0]} for name in ("gdt", "idt")}
    control = {name: X86[name] for name in CONTROL}
    if release < 39:
        return {**segments, **tables, **control, "interrupt_bitmap": [0, 0, 0, 0]}
    packed = b"".join(struct.pack("<QIH10B", *s.values()) for s in segments.values())
    packed += b"".join(struct.pack("<QH6x", t["base"], t["limit"]) for t in tables.values())
    return list(packed + struct.pack("<7Q32x", *control.values()))


def _events(release: int) -> Any:
    found: dict[str, Any] = {
        "exception": {"injected": 0, "nr": 14, "has_error_code": 1, "pending": 0, "error_code": 0},
        "interrupt": {"injected": 1, "nr": 0x41, "soft": 0, "shadow": 0},
        "nmi": {"injected": 0, "pending": 0, "masked": 0, "pad": 0},
        "sipi_vector": 0,
        "flags": 13,
        "smi": {"smm": 0, "pending": 0, "smm_inside_nmi": 0, "latched_init": 0},
    }
    if release < 38:
        return {**found, "reserved": [0] * 27, "exception_has_payload": 0, "exception_payload": 0}
    if release < 39:
        return {**found, "triple_fault": {"pending": 0}, "reserved": [0] * 26, "exception_has_payload": 0, "exception_payload": 0}
    return list(struct.pack("<4BI4B4BII4B36x", 0, 14, 1, 0, 0, 1, 0x41, 0, 0, 0, 0, 0, 0, 0, 13, 0, 0, 0, 0))


def _fpu(release: int) -> dict[str, Any]:
    found: dict[str, Any] = {
        "fpr": [[i * 16 + j for j in range(10)] + [0] * 6 for i in range(8)],
        "fcw": 0x37F, "fsw": 0, "ftwx": 0xFF, "last_opcode": 0, "last_ip": 0, "last_dp": 0,
        "xmm": [[i << 4 | j for j in range(16)] for i in range(16)],
        "mxcsr": 0,
    }  # fmt: skip
    return found if release >= 26 else {**found, "pad1": 0, "pad2": 0}


def _xsave_area() -> bytes:
    area = bytearray(4096)
    struct.pack_into("<HHBxH16xII", area, 0, 0x37F, 0, 0xFF, 0, 0x1F80, 0xFFFF)
    for i in range(16):
        area[160 + 16 * i : 176 + 16 * i] = bytes(i << 4 | j for j in range(16))
    struct.pack_into("<Q", area, 512, 3)
    return bytes(area)


def _lapic() -> list[int]:
    page = bytearray(1024)
    page[0x20:0x24] = bytes([0, 0, 0, 0])
    page[0x30:0x34] = bytes([0x14, 0, 5, 0])
    page[0xF0:0xF4] = bytes([0xFF, 1, 0, 0])
    return [b - 256 if b > 127 else b for b in page]


def _msrs(release: int) -> Any:
    if release < 26:
        return [{"nmsrs": len(_MSRS)}, [{"index": i, "reserved": 0, "data": d} for i, d in _MSRS.items()]]
    return [{"index": i, "data": d} for i, d in _MSRS.items()]


def _cpuid(release: int) -> Any:
    names = ("function", "index", "eax", "ebx", "ecx", "edx")
    rows = [{**dict(zip(names, row, strict=True)), "flags": 0} for row in _CPUID]
    return [{"nent": len(rows)}, [{**row, "padding": [0, 0, 0]} for row in rows]] if release < 26 else rows


def _tagged(payload: Any, release: int, hypervisor: str) -> Any:
    return {hypervisor: payload} if release >= 26 else payload


def x86(release: int, *, point: int = 0) -> Any:
    """KVM on x86_64; `point` is the N of v37.N."""
    regs = {name: X86[name] for name in REGS}
    xcrs = {"nr_xcrs": 1, "flags": 0, "xcrs": [{"xcr": 0, "reserved": 0, "value": 3}] + [{"xcr": 0, "reserved": 0, "value": 0}] * 15}
    words = list(struct.unpack("<1024I", _xsave_area()))
    lapic = _lapic()
    found = {
        "msrs": _msrs(release),
        "vcpu_events": _events(release),
        "regs": regs if release < 39 else list(struct.pack("<18Q", *regs.values())),
        "sregs": _sregs(release),
        "fpu": _fpu(release),
        "lapic_state": lapic if release < 26 else {"regs": lapic},
        "xsave": words if release < 38 else {"region": words},
        "xcrs": {**xcrs, "padding": [0] * 16} if release < 39 else list(struct.pack("<IIIIQ368x", 1, 0, 0, 0, 3)),
        "mp_state": {"mp_state": 0} if release < 39 else [0, 0, 0, 0],
    }
    if release >= 11:
        found["cpuid"] = _cpuid(release)
    if release >= 35:
        found["tsc_khz"] = 2_400_000
    if release >= 49:
        found["nested_state"] = None
    if release >= 50:
        found["hyperv_synic"] = False
    del point
    return _tagged(found, release, "Kvm")


def x86_mshv(release: int) -> Any:
    """MSHV on x86_64 (v0.12 and later)."""
    segments = {name: _segment(name) for name in SEGMENTS}
    tables = {name: {"base": 0x1000, "limit": 0x7F} for name in ("gdt", "idt")}
    area = _xsave_area()
    lapic = _lapic()
    found: dict[str, Any] = {
        "msrs": _msrs(release),
        "vcpu_events": {
            "pending_interruption": 0, "interrupt_state": 0, "internal_activity_state": 0, "pending_event0": [0] * 16,
            "pending_event1": [0] * 16,
        },
        "regs": {name: X86[name] for name in REGS},
        "sregs": {**segments, **tables, **{name: X86[name] for name in CONTROL}, "interrupt_bitmap": [0] * 4},
        "fpu": _fpu(release),
        "xcrs": {"xcr0": 3},
        "dbg": {"dr0": 1, "dr1": 2, "dr2": 3, "dr3": 4, "dr6": 0xFFFF0FF0, "dr7": 0x400},
    }  # fmt: skip
    if release >= 20:
        found["misc"] = {"hypercall": 0, "int_vec": 0}
    if release < 39:
        return _tagged({**found, "lapic": lapic, "xsave": list(area)}, release, "Mshv")
    parts = bytes(v & 0xFF for v in lapic) + area + bytes(4096) + bytes(4096) + bytes(200)
    return _tagged({**found, "vp_states": list(parts)}, release, "Mshv")


#: the core registers of every synthetic aarch64 vCPU
CORE: dict[str, Any] = {
    "regs": {"regs": [n << 48 | 0xAA00 | n for n in range(31)], "sp": 0xFFFFE000, "pc": 0x400A04, "pstate": 0x40001000},
    "sp_el1": 0xFFFF800081234000,
    "elr_el1": 0x400A04,
    "spsr": [0x40001000, 0, 0, 0, 0],
    "__bindgen_padding_0": 0,
    "fp_regs": {"vregs": [n << 64 | 0x1111 for n in range(32)], "fpsr": 0x10, "fpcr": 1 << 24, "__reserved": [0, 0]},
}
#: and the system registers, by KVM's id
SYSTEM_REGISTERS: dict[int, int] = {
    0x603000000013C000: 0x414FD0C1,  # MIDR_EL1
    0x603000000013C005: 0x80000000,  # MPIDR_EL1
    0x603000000013C080: 0x30D0198D,  # SCTLR_EL1
    0x603000000013C100: 0x41F27001,  # TTBR0_EL1
    0x603000000013C101: 0x41C79001,  # TTBR1_EL1
    0x603000000013C102: 0x5001F5B5503510,  # TCR_EL1
    0x603000000013DF1A: 77,  # CNTVCT_EL0 under KVM's id
}


def arm64(release: int) -> Any:
    """KVM on aarch64 (v0.11 and later)."""
    fp = CORE["fp_regs"]
    if release < 19:
        vregs: list[Any] = [[v & (1 << 64) - 1, 0] for v in fp["vregs"]]
    elif release < 27:
        vregs = [v & (1 << 64) - 1 for v in fp["vregs"]]
    else:
        vregs = fp["vregs"]
    found: dict[str, Any] = {
        "mp_state": {"mp_state": 0},
        "core_regs": {**CORE, "fp_regs": {**fp, "vregs": vregs}},
        "sys_regs": [{"id": reg, "addr": value} for reg, value in SYSTEM_REGISTERS.items()],
    }
    if release < 26:
        found["mpidr"] = 0x80000000
    if release >= 39:
        regs = CORE["regs"]
        packed = struct.pack(
            "<34Q7Q8x", *regs["regs"], regs["sp"], regs["pc"], regs["pstate"], CORE["sp_el1"], CORE["elr_el1"], *CORE["spsr"]
        )
        packed += b"".join(v.to_bytes(16, "little") for v in fp["vregs"]) + struct.pack("<II8x", fp["fpsr"], fp["fpcr"])
        found["mp_state"] = [0, 0, 0, 0]
        found["core_regs"] = list(packed)
        found["sys_regs"] = [list(struct.pack("<QQ", reg, value)) for reg, value in SYSTEM_REGISTERS.items()]
    if release >= 53:
        found |= {"pre_finalize_regs": [], "extended_regs": []}
    return _tagged(found, release, "Kvm")


def arm64_mshv() -> Any:
    """MSHV on aarch64 (v45 and later)."""
    return {"Mshv": {"regs": {**CORE["regs"], "sp_el1": CORE["sp_el1"], "elr_el1": CORE["elr_el1"], "fpsr": 0x10, "fpcr": 1 << 24}}}


def riscv64() -> Any:
    """KVM on riscv64 (v43 and later)."""
    registers = {0x8030000001000000: 0x112D, 0x8030000003000008: 8 << 60 | 0x80200, 0x8030000004000000: 10_000_000}
    return {
        "Kvm": {
            "mp_state": [0, 0, 0, 0],
            "core_regs": list(struct.pack("<33Q", *(0x1000 + n for n in range(32)), 1)),
            "non_core_regs": [list(struct.pack("<QQ", reg, value)) for reg, value in registers.items()],
        }
    }
