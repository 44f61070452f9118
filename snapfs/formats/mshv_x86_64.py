"""The Microsoft hypervisor's vCPU structures for x86_64.

Source: the mshv-bindings crate, src/x86_64/regs.rs; linux, include/hyperv/hvhdk.h (`hv_local_interrupt_controller_state`,
`hv_synthetic_timers_state`, `hv_message`); Hyper-V TLFS, chapters 7 (virtual processor state) and 11 (SynIC).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from snapfs.errors import CorruptState
from snapfs.formats.kvm_x86_64 import EXCEPTIONS
from snapfs.formats.x86_msr_words import form_of as msr_form
from snapfs.layout import Array, Bytes, Flags, Record, Spelled, Values, hex8, hex16, hex32, hex64, u64
from snapfs.layout.scalars import Stored

__all__ = [
    "STATES_SIZE",
    "DebugRegisters",
    "LocalApic",
    "MiscRegs",
    "SyntheticTimers",
    "VcpuEvents",
    "apic_page",
    "event_flags",
    "messages",
    "split",
]

_KINDS: Final = {
    0: "interrupt",
    2: "NMI",
    3: "exception",
    4: "software-interrupt",
    5: "privileged-software-exception",
    6: "software-exception",
}


def _pending(value: int) -> str:
    """HV_X64_PENDING_INTERRUPTION_REGISTER."""
    if not value & 1:
        return ""
    kind = value >> 1 & 7
    vector = value >> 16 & 0xFFFF
    words = ["PENDING", _KINDS.get(kind, f"kind={kind}"), EXCEPTIONS[vector] if kind == 3 and vector in EXCEPTIONS else f"vector={vector}"]
    return " ".join(words + ([f"error_code=0x{value >> 32:x}"] if value >> 4 & 1 else []))


# DR6 and DR7: Intel SDM volume 3, section 18.2
_DR6: Final = Flags(64, {0: "B0", 1: "B1", 2: "B2", 3: "B3", 11: "BLD", 13: "BD", 14: "BS", 15: "BT", 16: "RTM"})
_DR7: Final = Flags(
    64,
    {0: "L0", 1: "G0", 2: "L1", 3: "G1", 4: "L2", 5: "G2", 6: "L3", 7: "G3", 8: "LE", 9: "GE", 11: "RTM", 13: "GD"},
    tuple((16 + 4 * i + 2 * j, 2, f"{name}{i}") for i in range(4) for j, name in enumerate(("R/W", "LEN"))),
)


class DebugRegisters(Record, size=48):
    """The debug registers."""

    dr0: hex64
    dr1: hex64
    dr2: hex64
    dr3: hex64
    dr6: Annotated[int, Stored("Q"), _DR6]
    dr7: Annotated[int, Stored("Q"), _DR7]


class VcpuEvents(Record, size=56):
    """What is about to be delivered, and why the vCPU does not run."""

    pending_interruption: Annotated[int, Stored("Q"), Spelled(64, _pending)]
    interrupt_state: Annotated[int, Stored("Q"), Flags(64, {0: "INTERRUPT_SHADOW", 1: "NMI_MASKED"})]
    internal_activity_state: Annotated[int, Stored("Q"), Flags(64, {0: "STARTUP_SUSPEND", 1: "HALT_SUSPEND", 2: "IDLE_SUSPEND"})]
    pending_event0: Annotated[bytes, Bytes(16)]
    pending_event1: Annotated[bytes, Bytes(16)]


class MiscRegs(Record, size=16):
    """Registers of the hypervisor's interface: where the hypercall page is, and a vector."""

    hypercall: Annotated[int, Stored("Q"), msr_form(0x40000001)]
    int_vec: hex64


class LocalApic(Record, size=176):
    """struct hv_local_interrupt_controller_state: the registers of the local APIC one after the other."""

    apic_id: hex32
    apic_version: hex32
    apic_ldr: hex32
    apic_dfr: hex32
    apic_spurious: hex32
    apic_isr: Annotated[tuple[int, ...], Array(hex32, 8)]
    apic_tmr: Annotated[tuple[int, ...], Array(hex32, 8)]
    apic_irr: Annotated[tuple[int, ...], Array(hex32, 8)]
    apic_esr: hex32
    apic_icr_high: hex32
    apic_icr_low: hex32
    apic_lvt_timer: hex32
    apic_lvt_thermal: hex32
    apic_lvt_perfmon: hex32
    apic_lvt_lint0: hex32
    apic_lvt_lint1: hex32
    apic_lvt_error: hex32
    apic_lvt_cmci: hex32
    apic_error_status: hex32
    apic_initial_count: hex32
    apic_counter_value: hex32
    apic_divide_configuration: hex32
    apic_remote_read: hex32


# where each register stands in the page that a guest sees; the error status is not what the guest reads
_OFFSETS: Final = {
    "apic_id": 0x20, "apic_version": 0x30, "apic_ldr": 0xD0, "apic_dfr": 0xE0, "apic_spurious": 0xF0, "apic_isr": 0x100, "apic_tmr": 0x180,
    "apic_irr": 0x200, "apic_esr": 0x280, "apic_icr_high": 0x310, "apic_icr_low": 0x300, "apic_lvt_timer": 0x320, "apic_lvt_thermal": 0x330,
    "apic_lvt_perfmon": 0x340, "apic_lvt_lint0": 0x350, "apic_lvt_lint1": 0x360, "apic_lvt_error": 0x370, "apic_lvt_cmci": 0x2F0,
    "apic_initial_count": 0x380, "apic_counter_value": 0x390, "apic_divide_configuration": 0x3E0, "apic_remote_read": 0xC0,
}  # fmt: skip


def apic_page(data: bytes) -> bytes:
    """The local APIC as the page that a guest sees. Releases up to v38 saved such a page; later ones the hypervisor's own
    struct, which has the version where a page has nothing."""
    if len(data) < LocalApic.SIZE or not any(data[4:8]):
        return data
    state = LocalApic.decode(data)
    page = bytearray(0x400)
    for name, offset in _OFFSETS.items():
        value = getattr(state, name)
        for i, register in enumerate(value if isinstance(value, tuple) else (value,)):
            page[offset + 16 * i : offset + 16 * i + 4] = register.to_bytes(4, "little")
    return bytes(page)


class SyntheticTimer(Record, size=40):
    """struct hv_stimer_state: one synthetic timer."""

    flags: Annotated[int, Stored("I"), Flags(32, {0: "UNDELIVERED_MESSAGE_PENDING"})]
    reserved: hex32
    config: Annotated[int, Stored("Q"), msr_form(0x400000B0)]
    count: u64
    adjustment: u64
    undelivered_exp_time: u64


class SyntheticTimers(Record, size=200):
    """struct hv_synthetic_timers_state."""

    timers: Annotated[tuple[SyntheticTimer, ...], Array(SyntheticTimer, 4)]
    reserved: Annotated[tuple[int, ...], Array(hex64, 5)]


class Message(Record, size=256):
    """struct hv_message: one slot of the SynIC's message page."""

    message_type: hex32
    payload_size: hex8
    message_flags: Annotated[int, Stored("B"), Flags(8, {0: "MESSAGE_PENDING"})]
    reserved: hex16
    sender: hex64
    payload: Annotated[bytes, Bytes(240)]


def messages(page: bytes) -> Values:
    """The messages that wait in the message page (SIMP), by synthetic interrupt source; an empty slot has type 0."""
    slots = ((i, Message.decode(page[256 * i : 256 * (i + 1)])) for i in range(len(page) // 256))
    return Values((f"sint{i}", message, None) for i, message in slots if message.encode().strip(b"\0"))


def event_flags(page: bytes) -> Values:
    """The event flags that are set in the event flags page (SIEFP), by synthetic interrupt source."""
    found = Values()
    for i in range(len(page) // 256):
        bits = int.from_bytes(page[256 * i : 256 * (i + 1)], "little")
        if bits:
            found.put(f"sint{i}", [n for n in range(2048) if bits >> n & 1])
    return found


# the parts of AllVpStateComponents, one behind the other
_PARTS: Final = {"lapic": 1024, "xsave": 4096, "simp": 4096, "siefp": 4096, "synthetic_timers": 200}
STATES_SIZE: Final = sum(_PARTS.values())


def split(states: bytes, where: str) -> dict[str, bytes]:
    """The parts by name; CorruptState when there are not enough bytes. What a later release has behind them is `rest`."""
    if len(states) < STATES_SIZE:
        raise CorruptState(f"{where}: {len(states)} bytes where the vCPU's states take {STATES_SIZE}; file truncated?")
    return dict(_cut(states))


def _cut(states: bytes) -> Iterator[tuple[str, bytes]]:
    at = 0
    for name, size in _PARTS.items():
        yield name, states[at : at + size]
        at += size
    if at < len(states):
        yield "rest", states[at:]
