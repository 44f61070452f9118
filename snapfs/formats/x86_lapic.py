"""The local APIC's register page, as KVM's `kvm_lapic_state` and MSHV's LAPIC state carry it.

Source: Intel SDM volume 3, chapter 11 (table 11-1); linux, arch/x86/include/asm/apicdef.h.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from snapfs.errors import CorruptState
from snapfs.layout import DEC, TEXT, Flags, Form, Hex, Spelled, Values

__all__ = ["DELIVERY_MODES", "Lapic"]

SIZE: Final = 0x400
DELIVERY_MODES: Final = {0: "Fixed", 1: "LowestPriority", 2: "SMI", 3: "reserved(3)", 4: "NMI", 5: "INIT", 6: "StartUp", 7: "ExtINT"}
_TIMER_MODES: Final = {0: "one-shot", 1: "periodic", 2: "TSC-deadline", 3: "reserved(3)"}
_SHORTHANDS: Final = {0: "", 1: "to-self", 2: "to-all", 3: "to-all-but-self"}


def _lvt(value: int) -> list[str]:
    words = [f"vector={value & 0xFF}", DELIVERY_MODES[value >> 8 & 7]]
    return words + [
        word for bit, word in ((12, "pending"), (13, "active-low"), (14, "remote-IRR"), (15, "level"), (16, "masked")) if value >> bit & 1
    ]


def _local(value: int) -> str:
    return " ".join(_lvt(value))


def _timer(value: int) -> str:
    return " ".join(
        [
            f"vector={value & 0xFF}",
            *(["pending"] if value >> 12 & 1 else []),
            *(["masked"] if value >> 16 & 1 else []),
            _TIMER_MODES[value >> 17 & 3],
        ]
    )


def _spurious(value: int) -> str:
    words = [f"vector={value & 0xFF}", "enabled" if value >> 8 & 1 else "disabled"]
    return " ".join(words + [word for bit, word in ((9, "focus-disabled"), (12, "EOI-broadcast-suppressed")) if value >> bit & 1])


def _command(value: int) -> str:
    words = [f"vector={value & 0xFF}", DELIVERY_MODES[value >> 8 & 7], "logical" if value >> 11 & 1 else "physical"]
    words += [word for bit, word in ((12, "pending"), (14, "assert"), (15, "level")) if value >> bit & 1]
    return " ".join([*words, *filter(None, [_SHORTHANDS[value >> 18 & 3]])])


def _divide(value: int) -> str:
    shift = ((value & 3) | (value >> 1 & 4)) + 1 & 7
    return f"by={1 << shift}"


_ERRORS: Final = Flags(
    32,
    {0: "send-checksum", 1: "receive-checksum", 2: "send-accept", 3: "receive-accept", 4: "redirectable-IPI", 5: "send-illegal-vector",
     6: "received-illegal-vector", 7: "illegal-register"},
)  # fmt: skip
_PLAIN: Final = Hex(32)
_LVT: Final = Spelled(32, _local)
_VERSION: Final = Flags(32, {24: "EOI-broadcast-suppression", 31: "extended-space"}, ((0, 8, "version"), (16, 8, "max_lvt")))

# offset of the register -> name and form; ISR, TMR and IRR are eight registers each
_REGISTERS: Final[dict[int, tuple[str, Form]]] = {
    0x020: ("id", _PLAIN),
    0x030: ("version", _VERSION),
    0x080: ("tpr", _PLAIN),
    0x090: ("apr", _PLAIN),
    0x0A0: ("ppr", _PLAIN),
    0x0B0: ("eoi", _PLAIN),
    0x0C0: ("rrd", _PLAIN),
    0x0D0: ("ldr", _PLAIN),
    0x0E0: ("dfr", _PLAIN),
    0x0F0: ("svr", Spelled(32, _spurious)),
    **{0x100 + 16 * i: (f"isr{i}", _PLAIN) for i in range(8)},
    **{0x180 + 16 * i: (f"tmr{i}", _PLAIN) for i in range(8)},
    **{0x200 + 16 * i: (f"irr{i}", _PLAIN) for i in range(8)},
    0x280: ("esr", _ERRORS),
    0x2F0: ("lvt_cmci", _LVT),
    0x300: ("icr_low", Spelled(32, _command)),
    0x310: ("icr_high", _PLAIN),
    0x320: ("lvt_timer", Spelled(32, _timer)),
    0x330: ("lvt_thermal", _LVT),
    0x340: ("lvt_perfctr", _LVT),
    0x350: ("lvt_lint0", _LVT),
    0x360: ("lvt_lint1", _LVT),
    0x370: ("lvt_error", _LVT),
    0x380: ("timer_initial_count", DEC),
    0x390: ("timer_current_count", DEC),
    0x3E0: ("timer_divide_config", Spelled(32, _divide, None)),
    0x3F0: ("self_ipi", _PLAIN),
}


class Lapic(Values):
    """The registers by name, behind what they say: mode, id, and the vectors pending, in service and level-triggered."""

    def __init__(self, page: bytes, apic_base: int | None) -> None:
        """`apic_base` is IA32_APIC_BASE, which says in which mode the page is to be read; None when it is not known."""
        if len(page) < SIZE:
            raise CorruptState(f"{len(page)} bytes where a local APIC's page has {SIZE}; file truncated?")
        super().__init__()
        self._page = page
        if apic_base is not None:
            self.put("mode", _mode(apic_base), TEXT)
        self.put("apic_id", self._apic_id(apic_base), DEC)
        for name, first in (("pending", 0x200), ("in_service", 0x100), ("level_triggered", 0x180)):
            self.put(name, list(self._vectors(first)), DEC)
        for offset, (name, form) in _REGISTERS.items():
            self.put(name, self.register(offset), form)
        # what no manual names is shown all the same, where it holds anything
        for offset in range(0, SIZE, 16):
            if offset not in _REGISTERS and self.register(offset):
                self.put(f"0x{offset:03x}", self.register(offset), _PLAIN)

    def register(self, offset: int) -> int:
        """The 32-bit register at an offset."""
        return int.from_bytes(self._page[offset : offset + 4], "little")

    def _vectors(self, first: int) -> Iterable[int]:
        bits = sum(self.register(first + 16 * i) << 32 * i for i in range(8))
        return (n for n in range(256) if bits >> n & 1)

    def _apic_id(self, apic_base: int | None) -> int:
        """The id. In x2APIC mode KVM keeps the full 32 bits only where the VMM asked for that, else the xAPIC form (id << 24);
        an id of 2^24 and more that is a multiple of 2^24 is taken for the latter."""
        value = self.register(0x20)
        x2apic = apic_base is not None and _mode(apic_base) == "x2apic"
        return value if x2apic and value & 0xFFFFFF else value >> 24


def _mode(apic_base: int) -> str:
    if not apic_base >> 11 & 1:
        return "disabled"
    return "x2apic" if apic_base >> 10 & 1 else "xapic"
