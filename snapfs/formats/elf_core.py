"""Structures of ELF core files: headers, notes, and what a note says of a CPU.

The numbers (types, machines, flags) are pyelftools'. Sources: the ELF specification (gabi, chapter 4 and 5); linux,
include/linux/elfcore.h (`elf_prstatus`) and the `elf_gregset_t` of each architecture; QEMU, target/i386/arch_dump.c
(`QEMUCPUState`).
"""

from __future__ import annotations

from typing import Annotated

from snapfs.layout import Array, Bytes, Record, hex32, hex64, i32, u16, u32, u64

__all__ = [
    "AuxiliaryVector",
    "Ehdr",
    "Nhdr",
    "PacMask",
    "Phdr",
    "PrStatusArm64",
    "PrStatusRiscv",
    "PrStatusX86",
    "QemuSegment",
    "QemuX86",
    "Shdr",
    "note",
]


class Ehdr(Record, size=64):
    """Elf64_Ehdr: the head of the file."""

    e_ident: Annotated[bytes, Bytes(16)]
    e_type: u16
    e_machine: u16
    e_version: u32
    e_entry: hex64
    e_phoff: u64
    e_shoff: u64
    e_flags: hex32
    e_ehsize: u16
    e_phentsize: u16
    e_phnum: u16
    e_shentsize: u16
    e_shnum: u16
    e_shstrndx: u16


class Phdr(Record, size=56):
    """Elf64_Phdr: a segment."""

    p_type: u32
    p_flags: hex32
    p_offset: u64
    p_vaddr: hex64
    p_paddr: hex64
    p_filesz: u64
    p_memsz: u64
    p_align: u64


class Shdr(Record, size=64):
    """Elf64_Shdr: a section; the first one holds the number of segments where the head has no room for it."""

    sh_name: u32
    sh_type: u32
    sh_flags: hex64
    sh_addr: hex64
    sh_offset: u64
    sh_size: u64
    sh_link: u32
    sh_info: u32
    sh_addralign: u64
    sh_entsize: u64


class Nhdr(Record, size=12):
    """Elf64_Nhdr: the head of a note; name and contents follow, each filled up to 4 bytes."""

    n_namesz: u32
    n_descsz: u32
    n_type: u32


def note(name: bytes, kind: int, contents: bytes) -> bytes:
    """A note."""
    head = Nhdr(n_namesz=len(name) + 1, n_descsz=len(contents), n_type=kind).encode()
    return head + _filled(name + b"\0") + _filled(contents)


def _filled(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


_Words = Annotated[tuple[int, ...], Array(hex64, 27)]


class PrStatusX86(Record, size=336):
    """struct elf_prstatus of x86_64; `pr_reg` in the order of user_regs_struct."""

    before_pid: Annotated[bytes, Bytes(32)]
    pr_pid: i32
    before_reg: Annotated[bytes, Bytes(76)]
    pr_reg: _Words
    pr_fpvalid: i32
    padding: u32


class PrStatusArm64(Record, size=392):
    """struct elf_prstatus of aarch64; `pr_reg` is user_pt_regs: x0 to x30, sp, pc, pstate."""

    before_pid: Annotated[bytes, Bytes(32)]
    pr_pid: i32
    before_reg: Annotated[bytes, Bytes(76)]
    pr_reg: Annotated[tuple[int, ...], Array(hex64, 34)]
    pr_fpvalid: i32
    padding: u32


class PrStatusRiscv(Record, size=376):
    """struct elf_prstatus of riscv64; `pr_reg` is user_regs_struct: pc, then x1 to x31."""

    before_pid: Annotated[bytes, Bytes(32)]
    pr_pid: i32
    before_reg: Annotated[bytes, Bytes(76)]
    pr_reg: Annotated[tuple[int, ...], Array(hex64, 32)]
    pr_fpvalid: i32
    padding: u32


class PacMask(Record, size=16):
    """struct user_pac_mask of aarch64: the bits of addresses that are a signature."""

    data: hex64
    instructions: hex64


class AuxiliaryVector(Record, size=32):
    """Two entries of what the kernel tells a program at its start: type and value."""

    entries: Annotated[tuple[int, ...], Array(hex64, 4)]


class QemuSegment(Record, size=24):
    """QEMUCPUSegment: a segment register; `flags` as in the upper word of a descriptor."""

    selector: hex32
    limit: hex32
    flags: hex32
    pad: u32
    base: hex64


class QemuX86(Record, size=440):
    """QEMUCPUState: what a debugger of x86_64 kernels wants to know beyond the general registers."""

    version: u32
    size: u32
    gprs: Annotated[tuple[int, ...], Array(hex64, 16)]
    rip: hex64
    rflags: hex64
    segments: Annotated[tuple[QemuSegment, ...], Array(QemuSegment, 10)]
    cr: Annotated[tuple[int, ...], Array(hex64, 5)]
    kernel_gs_base: hex64
