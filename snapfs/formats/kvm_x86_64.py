"""KVM's vCPU structures for x86_64.

Source: linux, arch/x86/include/uapi/asm/kvm.h and include/uapi/linux/kvm.h.
"""

from __future__ import annotations

from typing import Annotated

from snapfs.formats.x86_flags import APIC_BASE, CR0, CR3, CR4, EFER, RFLAGS
from snapfs.layout import Array, Record, hex8, hex16, hex32, hex64, u8
from snapfs.layout.scalars import Stored

__all__ = ["KvmDtable", "KvmRegs", "KvmSegment", "KvmSregs"]


class KvmRegs(Record, size=144):
    """struct kvm_regs: the general-purpose registers."""

    rax: hex64
    rbx: hex64
    rcx: hex64
    rdx: hex64
    rsi: hex64
    rdi: hex64
    rsp: hex64
    rbp: hex64
    r8: hex64
    r9: hex64
    r10: hex64
    r11: hex64
    r12: hex64
    r13: hex64
    r14: hex64
    r15: hex64
    rip: hex64
    rflags: Annotated[int, Stored("Q"), RFLAGS]


class KvmSegment(Record, size=24):
    """struct kvm_segment: a segment register with its hidden part. `limit` is in bytes, `g` already applied."""

    base: hex64
    limit: hex32
    selector: hex16
    type: hex8
    present: u8
    dpl: u8
    db: u8
    s: u8
    l: u8  # noqa: E741 - the kernel's name
    g: u8
    avl: u8
    unusable: u8
    padding: u8


class KvmDtable(Record, size=16):
    """struct kvm_dtable: GDTR or IDTR."""

    base: hex64
    limit: hex16
    padding: Annotated[tuple[int, ...], Array(hex16, 3)]


class KvmSregs(Record, size=312):
    """struct kvm_sregs: segments, descriptor tables, control registers."""

    cs: KvmSegment
    ds: KvmSegment
    es: KvmSegment
    fs: KvmSegment
    gs: KvmSegment
    ss: KvmSegment
    tr: KvmSegment
    ldt: KvmSegment
    gdt: KvmDtable
    idt: KvmDtable
    cr0: Annotated[int, Stored("Q"), CR0]
    cr2: hex64
    cr3: Annotated[int, Stored("Q"), CR3]
    cr4: Annotated[int, Stored("Q"), CR4]
    cr8: hex64
    efer: Annotated[int, Stored("Q"), EFER]
    apic_base: Annotated[int, Stored("Q"), APIC_BASE]
    interrupt_bitmap: Annotated[tuple[int, ...], Array(hex64, 4)]
