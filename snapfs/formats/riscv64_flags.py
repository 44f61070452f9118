"""Named bits and fields of the RISC-V supervisor's registers.

Source: The RISC-V Instruction Set Manual, volume II (privileged architecture), chapter 12 (supervisor level), and volume I, sections
20.2 (fcsr) and 31.3 (vector CSRs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from snapfs.layout import Choice, Flags, Form, Hex

__all__ = ["CONFIG_FORMS", "CSR_FORMS", "FCSR", "MODE", "TIMER_STATE", "VECTOR_FORMS"]

MODE: Final = Choice({0: "U", 1: "S"})
"""The mode that KVM's core registers tell: whether the guest ran its supervisor."""

_DIRT: Final = {0: "", 1: "initial", 2: "clean", 3: "dirty"}
_CAUSES: Final = {
    0: "instruction-misaligned", 1: "instruction-access", 2: "illegal-instruction", 3: "breakpoint", 4: "load-misaligned",
    5: "load-access", 6: "store-misaligned", 7: "store-access", 8: "ecall-U", 9: "ecall-S", 12: "instruction-page-fault",
    13: "load-page-fault", 15: "store-page-fault", 18: "software-check", 19: "hardware-error",
}  # fmt: skip
_INTERRUPTS: Final = {1: "SSI", 5: "STI", 9: "SEI", 13: "LCOFI"}


class _Cause(Hex):
    def spell(self, value: Any) -> str:
        code = value & (1 << 63) - 1
        names = _INTERRUPTS if value >> 63 else _CAUSES
        return f"{'interrupt' if value >> 63 else 'exception'}={names.get(code, code)}"

    def names_bits(self) -> str | None:
        return "name"


class _Isa(Hex):
    """The letters of the base extensions, as misa has them."""

    def spell(self, value: Any) -> str:
        return "".join(chr(ord("a") + bit) for bit in range(26) if value >> bit & 1)

    def names_bits(self) -> str | None:
        return "flags"


_PENDING: Final = Flags(64, _INTERRUPTS)
CSR_FORMS: Final[Mapping[str, Form]] = {
    "sstatus": Flags(
        64,
        {1: "SIE", 5: "SPIE", 6: "UBE", 8: "SPP", 18: "SUM", 19: "MXR", 23: "SPELP", 24: "SDT", 63: "SD"},
        ((9, 2, "VS", _DIRT), (13, 2, "FS", _DIRT), (15, 2, "XS", _DIRT), (32, 2, "UXL", {0: "", 1: "32", 2: "64"})),
    ),
    "sie": _PENDING,
    "sip": _PENDING,
    "stvec": Flags(64, {}, ((0, 2, "MODE", {0: "direct", 1: "vectored"}),)),
    "scause": _Cause(64),
    "satp": Flags(64, {}, ((44, 16, "ASID"), (60, 4, "MODE", {0: "Bare", 8: "Sv39", 9: "Sv48", 10: "Sv57"}))),
    "scounteren": Flags(64, {0: "CY", 1: "TM", 2: "IR"}),
    "senvcfg": Flags(64, {0: "FIOM", 2: "LPE", 3: "SSE", 6: "CBCFE", 7: "CBZE"}, ((4, 2, "CBIE"), (32, 2, "PMM"))),
}
CONFIG_FORMS: Final[Mapping[str, Form]] = {"isa": _Isa(64)}
TIMER_STATE: Final = Choice({0: "off", 1: "on"})
FCSR: Final = Flags(
    32,
    {0: "NX", 1: "UF", 2: "OF", 3: "DZ", 4: "NV"},
    ((5, 3, "frm", {0: "", 1: "RTZ", 2: "RDN", 3: "RUP", 4: "RMM", 7: "DYN"}),),
)
VECTOR_FORMS: Final[Mapping[str, Form]] = {
    "vtype": Flags(
        64,
        {6: "vta", 7: "vma", 63: "vill"},
        (
            (0, 3, "vlmul", {0: "1", 1: "2", 2: "4", 3: "8", 5: "1/8", 6: "1/4", 7: "1/2"}),
            (3, 3, "vsew", {0: "8", 1: "16", 2: "32", 3: "64"}),
        ),
    ),
    "vcsr": Flags(64, {0: "vxsat"}, ((1, 2, "vxrm"),)),
}
