"""KVM's vCPU structures for x86_64.

Source: linux, arch/x86/include/uapi/asm/kvm.h and include/uapi/linux/kvm.h.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Self

from snapfs.formats.x86_flags import CR0, CR3, CR3_WITHOUT_PCID, CR4, EFER, RFLAGS, SEGMENT_CODE_DATA, SEGMENT_SYSTEM, SELECTOR
from snapfs.formats.x86_fpu import FCW, FSW, FTW, MXCSR
from snapfs.formats.x86_msr_words import form_of as msr_form
from snapfs.layout import DEC, Array, Bytes, Choice, Flags, Form, Record, Values, hex8, hex16, hex32, hex64, u8, u16, u32, u64
from snapfs.layout.record import octets
from snapfs.layout.scalars import Stored

__all__ = [
    "EXCEPTIONS",
    "MP_STATES",
    "KvmClockData",
    "KvmCpuidEntry2",
    "KvmDtable",
    "KvmFpu",
    "KvmMsrEntry",
    "KvmNestedState",
    "KvmRegs",
    "KvmSegment",
    "KvmSregs",
    "KvmVcpuEvents",
    "KvmXcrs",
    "nested",
]

# KVM_MP_STATE_*
MP_STATES: Final = {
    0: "runnable",
    1: "uninitialized",
    2: "init-received",
    3: "halted",
    4: "sipi-received",
    5: "stopped",
    6: "check-stop",
    7: "operating",
    8: "load",
    9: "ap-reset-hold",
    10: "suspended",
}
# Intel SDM volume 3, table 6-1
EXCEPTIONS: Final = {
    0: "#DE", 1: "#DB", 2: "NMI", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS", 11: "#NP", 12: "#SS", 13: "#GP",
    14: "#PF", 16: "#MF", 17: "#AC", 18: "#MC", 19: "#XM", 20: "#VE", 21: "#CP", 28: "#HV", 29: "#VC", 30: "#SX",
}  # fmt: skip


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
    selector: Annotated[int, Stored("H"), SELECTOR]
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

    def form_of(self, name: str) -> Form | None:
        """The type's bits mean one thing in a code or data segment, another in a system segment."""
        if name == "type" and "s" in self.__dict__:
            return SEGMENT_CODE_DATA if self.s else SEGMENT_SYSTEM
        return None


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
    apic_base: Annotated[int, Stored("Q"), msr_form(0x1B)]
    interrupt_bitmap: Annotated[tuple[int, ...], Array(hex64, 4)]

    def form_of(self, name: str) -> Form | None:
        """CR3's low bits are a process-context identifier, or cache control, as CR4.PCIDE says."""
        return CR3_WITHOUT_PCID if name == "cr3" and not self.__dict__.get("cr4", 0) >> 17 & 1 else None


class KvmException(Record, size=8):
    """The exception of kvm_vcpu_events; `nr` counts only with `injected` or `pending`."""

    injected: u8
    nr: Annotated[int, Stored("B"), Choice(EXCEPTIONS)]
    has_error_code: u8
    pending: u8
    error_code: hex32

    def form_of(self, name: str) -> Form | None:
        """A number that is left over from the past is no exception."""
        found = self.__dict__
        return DEC if name == "nr" and not (found.get("injected") or found.get("pending")) else None


class KvmInterrupt(Record, size=4):
    """The interrupt of kvm_vcpu_events; `nr` may be left over from the past and counts only with `injected`."""

    injected: u8
    nr: u8
    soft: u8
    shadow: Annotated[int, Stored("B"), Flags(8, {0: "MOV_SS", 1: "STI"})]


class KvmNmi(Record, size=4):
    """The NMI of kvm_vcpu_events."""

    injected: u8
    pending: u8
    masked: u8
    pad: u8


class KvmSmi(Record, size=4):
    """System management mode in kvm_vcpu_events."""

    smm: u8
    pending: u8
    smm_inside_nmi: u8
    latched_init: u8


class KvmTripleFault(Record, size=1):
    """The triple fault of kvm_vcpu_events, since Linux 6.0."""

    pending: u8


class KvmVcpuEvents(Record, size=64):
    """struct kvm_vcpu_events: what is about to be delivered to the vCPU."""

    exception: KvmException
    interrupt: KvmInterrupt
    nmi: KvmNmi
    sipi_vector: u32
    flags: Annotated[
        int,
        Stored("I"),
        Flags(
            32,
            {
                0: "VALID_NMI_PENDING",
                1: "VALID_SIPI_VECTOR",
                2: "VALID_SHADOW",
                3: "VALID_SMM",
                4: "VALID_PAYLOAD",
                5: "VALID_TRIPLE_FAULT",
            },
        ),
    ]
    smi: KvmSmi
    triple_fault: KvmTripleFault
    reserved: Annotated[bytes, Bytes(26)]
    exception_has_payload: u8
    exception_payload: hex64

    @classmethod
    def read(cls, value: Any, where: str = "") -> Self:
        """As every record; objects up to Cloud Hypervisor v37 have 27 reserved bytes, of which the first is the triple fault."""
        if isinstance(value, Mapping) and "triple_fault" not in value:
            reserved = value.get("reserved")
            if isinstance(reserved, list) and len(reserved) == 27:
                value = {**value, "triple_fault": {"pending": reserved[0]}, "reserved": reserved[1:]}
        return super().read(value, where)


class KvmFpu(Record, size=416):
    """struct kvm_fpu: x87 and SSE in the order of FXSAVE. KVM leaves `mxcsr` zero; the XSAVE area has it."""

    fpr: Annotated[tuple[bytes, ...], Array(Annotated[bytes, Bytes(16)], 8)]
    fcw: Annotated[int, Stored("H"), FCW]
    fsw: Annotated[int, Stored("H"), FSW]
    ftwx: Annotated[int, Stored("B"), FTW]
    pad1: u8
    last_opcode: hex16
    last_ip: hex64
    last_dp: hex64
    xmm: Annotated[tuple[bytes, ...], Array(Annotated[bytes, Bytes(16)], 16)]
    mxcsr: Annotated[int, Stored("I"), MXCSR]
    pad2: u32


class KvmXcr(Record, size=16):
    """struct kvm_xcr: one extended control register."""

    xcr: u32
    reserved: u32
    value: hex64


class KvmXcrs(Record, size=392):
    """struct kvm_xcrs: the first `nr_xcrs` entries count."""

    nr_xcrs: u32
    flags: hex32
    xcrs: Annotated[tuple[KvmXcr, ...], Array(KvmXcr, 16)]
    padding: Annotated[tuple[int, ...], Array(u64, 16)]


class KvmMsrEntry(Record, size=16):
    """struct kvm_msr_entry: one MSR."""

    index: hex32
    reserved: u32
    data: hex64


class KvmCpuidEntry2(Record, size=40):
    """struct kvm_cpuid_entry2: one leaf, `index` its sub-leaf where the first flag is set."""

    function: hex32
    index: u32
    flags: Annotated[int, Stored("I"), Flags(32, {0: "SIGNIFICANT_INDEX", 1: "STATEFUL_FUNC", 2: "STATE_READ_NEXT"})]
    eax: hex32
    ebx: hex32
    ecx: hex32
    edx: hex32
    padding: Annotated[tuple[int, ...], Array(u32, 3)]


class KvmClockData(Record, size=48):
    """struct kvm_clock_data. The last five fields were padding before Linux 5.16, and `pad` in the objects of old releases."""

    clock: u64
    flags: Annotated[int, Stored("I"), Flags(32, {1: "TSC_STABLE", 2: "REALTIME", 3: "HOST_TSC"})]
    pad0: u32
    realtime: u64
    host_tsc: u64
    pad: Annotated[tuple[int, ...], Array(u32, 4)]

    @classmethod
    def read(cls, value: Any, where: str = "") -> Self:
        """As every record; objects up to Cloud Hypervisor v37 have all behind the flags as nine words of `pad`."""
        if isinstance(value, Mapping) and isinstance(words := value.get("pad"), list) and len(words) == 9:
            old = _OldClockData.read(value, where)
            return cls.decode(old.encode())
        return super().read(value, where)


class _OldClockData(Record, size=48):
    """struct kvm_clock_data as headers before Linux 5.16 had it."""

    clock: u64
    flags: u32
    pad: Annotated[tuple[int, ...], Array(u32, 9)]


class KvmVmxNestedStateHdr(Record, size=120):
    """struct kvm_vmx_nested_state_hdr, as wide as the union that it is part of."""

    vmxon_pa: hex64
    vmcs12_pa: hex64
    smm_flags: Annotated[int, Stored("H"), Flags(16, {0: "GUEST_MODE", 1: "VMXON"})]
    pad: u16
    flags: Annotated[int, Stored("I"), Flags(32, {0: "PREEMPTION_TIMER_DEADLINE"})]
    preemption_timer_deadline: u64
    rest: Annotated[bytes, Bytes(88)]


class KvmSvmNestedStateHdr(Record, size=120):
    """struct kvm_svm_nested_state_hdr, as wide as the union that it is part of."""

    vmcb_pa: hex64
    rest: Annotated[bytes, Bytes(112)]


class KvmNestedState(Record, size=128):
    """struct kvm_nested_state without its data, which follows: VMCS12 and its shadow, or VMCB12."""

    flags: Annotated[int, Stored("H"), Flags(16, {0: "GUEST_MODE", 1: "RUN_PENDING", 2: "EVMCS", 3: "MTF_PENDING", 8: "GIF_SET"})]
    format: Annotated[int, Stored("H"), Choice({0: "VMX", 1: "SVM"})]
    size: u32
    hdr: Annotated[bytes, Bytes(120)]


_VMCS: Final = 4096


def nested(value: Any, where: str) -> Values:
    """The header of a nested state, and behind it as many bytes of the control structures as its `size` says are valid."""
    data = octets(value, where)
    state = KvmNestedState.decode(data)
    found = Values((name, getattr(state, name), field.form) for name, field in state.FIELDS.items() if name != "hdr")
    valid = data[KvmNestedState.SIZE : max(state.size, KvmNestedState.SIZE)]
    if state.format == 0:
        found.put("vmx", KvmVmxNestedStateHdr.decode(state.hdr))
        pieces = (("vmcs12", valid[:_VMCS]), ("shadow_vmcs12", valid[_VMCS:]))
    elif state.format == 1:
        found.put("svm", KvmSvmNestedStateHdr.decode(state.hdr))
        pieces = (("vmcb12", valid[:_VMCS]), ("rest", valid[_VMCS:]))
    else:
        pieces = (("hdr", state.hdr), ("data", valid))
    for name, piece in pieces:
        if piece:
            found.put(name, piece)
    return found
