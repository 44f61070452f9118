"""What the notes of a core say of a vCPU: NT_PRSTATUS for every architecture, QEMU's CPU state for x86_64.

Threads count from 1: debuggers take 0 for no thread at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from elftools.elf.enums import ENUM_CORE_NOTE_N_TYPE

from snapfs.errors import SnapfsError
from snapfs.formats.elf_core import AuxiliaryVector, Nhdr, PacMask, PrStatusArm64, PrStatusRiscv, PrStatusX86, QemuSegment, QemuX86, note
from snapfs.snapshot.vcpu import Vcpu
from snapfs.snapshot.vcpu.paging import Arm64Paging

__all__ = ["floating_point", "notes_of", "room", "signed_addresses"]

_QEMU: Final = 0
_KERNEL_GS_BASE: Final = 0xC0000102
_HEADS: Final = Nhdr.SIZE + 8
# user_i387_struct of linux, arch/x86/include/asm/user_64.h: what FXSAVE writes, which begins the XSAVE area as well
_FXSAVE: Final = 512
# user_fpsimd_state of linux, arch/arm64/include/uapi/asm/ptrace.h
_FPSIMD: Final = 528
# SCTLR_EL1.EnIA and EnIB: addresses of instructions are signed (Arm ARM, section D8.10, pointer authentication)
_SIGNS: Final = 1 << 31 | 1 << 30
# NT_ARM_PAC_MASK and the highest bit of a signature beside the top byte: linux, include/uapi/linux/elf.h and
# arch/arm64/include/asm/pointer_auth.h (`ptrauth_user_pac_mask`)
_PAC_MASK: Final = 0x406
_PAC_TOP: Final = 54
# linux, include/uapi/linux/auxvec.h and arch/arm64/include/uapi/asm/hwcap.h
_AT_NULL: Final = 0
_AT_HWCAP: Final = 16
_HWCAP_PACA: Final = 1 << 30

_GPRS: Final = ["rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rsp", "rbp", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"]
_USER_REGS: Final = ["r15", "r14", "r13", "r12", "rbp", "rbx", "r11", "r10", "r9", "r8", "rax", "rcx", "rdx", "rsi", "rdi"]
_RISCV: Final = [
    "pc",
    "ra",
    "sp",
    "gp",
    "tp",
    "t0",
    "t1",
    "t2",
    "s0",
    "s1",
    "a0",
    "a1",
    "a2",
    "a3",
    "a4",
    "a5",
    "a6",
    "a7",
    "s2",
    "s3",
    "s4",
    "s5",
    "s6",
    "s7",
    "s8",
    "s9",
    "s10",
    "s11",
    "t3",
    "t4",
    "t5",
    "t6",
]


def room(arch: str) -> int:
    """The most bytes that the notes of one vCPU take."""
    records = {"x86_64": (PrStatusX86, QemuX86), "aarch64": (PrStatusArm64,), "riscv64": (PrStatusRiscv,)}.get(arch, ())
    return sum(_HEADS + record.SIZE for record in records) + 3 * _HEADS + _FPSIMD + PacMask.SIZE + AuxiliaryVector.SIZE


def notes_of(vcpu: Vcpu) -> tuple[bytes, bytes]:
    """The NT_PRSTATUS note of a vCPU, and QEMU's where there is one; empty for a kind without general registers. Raises
    what reading the registers raises."""
    make = _KINDS.get(vcpu.arch)
    return make(vcpu) if make else (b"", b"")


def floating_point(vcpu: Any) -> bytes:
    """The NT_FPREGSET note, with which debuggers show x87, SSE and vector registers; empty where they were not saved."""
    try:
        if vcpu.arch == "x86_64":
            contents = bytes(vcpu.xsave.area[:_FXSAVE])
        elif vcpu.arch == "aarch64":
            contents = bytes(vcpu.fpsimd.encode()).ljust(_FPSIMD, b"\0")
        else:
            return b""
    except (SnapfsError, AttributeError):
        return b""
    return note(b"CORE", ENUM_CORE_NOTE_N_TYPE["NT_FPREGSET"], contents)


def signed_addresses(vcpu: Vcpu) -> bytes:
    """The notes that say which bits of an address are its signature, without which gdb ends a backtrace at the first return address
    that was signed; empty where nothing is signed. gdb 13 has no use for them in the kernel, gdb 16 has."""
    registers = vcpu.paging
    if not isinstance(registers, Arm64Paging) or not registers.sctlr & _SIGNS:
        return b""
    size = registers.tcr >> (16 if registers.el else 0) & 63
    mask = (1 << _PAC_TOP + 1) - 1 & -(1 << min(64 - size, _PAC_TOP))
    # gdb looks at the mask of a processor whose auxiliary vector has the capability
    auxiliary = AuxiliaryVector(entries=(_AT_HWCAP, _HWCAP_PACA, _AT_NULL, 0))
    return note(b"CORE", ENUM_CORE_NOTE_N_TYPE["NT_AUXV"], auxiliary.encode()) + note(
        b"LINUX", _PAC_MASK, PacMask(data=mask, instructions=mask).encode()
    )


def _status(record: Any, vcpu: Vcpu, registers: tuple[int, ...]) -> bytes:
    status = record(
        before_pid=bytes(32), pr_pid=vcpu.number + 1 & 0x7FFFFFFF, before_reg=bytes(76), pr_reg=registers, pr_fpvalid=0, padding=0
    )
    return note(b"CORE", ENUM_CORE_NOTE_N_TYPE["NT_PRSTATUS"], status.encode())


def _segment(segment: Any) -> QemuSegment:
    flags = segment.type << 8 | segment.s << 12 | segment.dpl << 13 | segment.present << 15
    flags |= segment.avl << 20 | segment.l << 21 | segment.db << 22 | segment.g << 23
    return QemuSegment(selector=segment.selector, limit=segment.limit, flags=flags & 0xFFFFFFFF, pad=0, base=segment.base)


def _table(table: Any) -> QemuSegment:
    return QemuSegment(selector=0, limit=table.limit, flags=0, pad=0, base=table.base)


def _msr(vcpu: Any, index: int) -> int:
    """An MSR; 0 where it was not saved."""
    try:
        found: int = vcpu.msrs.by_index.get(index, 0) if "msrs" in vcpu.source else 0
    except (SnapfsError, AttributeError):
        return 0
    return found


def _x86_64(vcpu: Any) -> tuple[bytes, bytes]:
    regs, sregs = vcpu.regs, vcpu.sregs
    general = (getattr(regs, name) for name in _USER_REGS)
    frame = (regs.rip, sregs.cs.selector, regs.rflags, regs.rsp, sregs.ss.selector, sregs.fs.base, sregs.gs.base)
    data = (getattr(sregs, name).selector for name in ("ds", "es", "fs", "gs"))
    status = _status(PrStatusX86, vcpu, (*general, 0, *frame, *data))  # 0: orig_rax, no system call is pending
    state = QemuX86(
        version=1,
        size=QemuX86.SIZE,
        gprs=tuple(getattr(regs, name) for name in _GPRS),
        rip=regs.rip,
        rflags=regs.rflags,
        segments=(
            *(_segment(getattr(sregs, name)) for name in ("cs", "ds", "es", "fs", "gs", "ss", "ldt", "tr")),
            *(_table(getattr(sregs, name)) for name in ("gdt", "idt")),
        ),
        cr=(sregs.cr0, 0, sregs.cr2, sregs.cr3, sregs.cr4),
        kernel_gs_base=_msr(vcpu, _KERNEL_GS_BASE),
    )
    return status, note(b"QEMU", _QEMU, state.encode())


def _aarch64(vcpu: Any) -> tuple[bytes, bytes]:
    core = vcpu.core()
    registers = tuple(getattr(core, f"x{n}") for n in range(31))
    return _status(PrStatusArm64, vcpu, (*registers, vcpu.sp or core.sp, core.pc, core.pstate)), b""


def _riscv64(vcpu: Any) -> tuple[bytes, bytes]:
    return _status(PrStatusRiscv, vcpu, tuple(getattr(vcpu.regs, name) for name in _RISCV)), b""


_KINDS: Final[dict[str, Callable[[Any], tuple[bytes, bytes]]]] = {"x86_64": _x86_64, "aarch64": _aarch64, "riscv64": _riscv64}
