"""Named bits of the x86 control registers and segments.

Source: Intel SDM volume 3, sections 2.3 (EFLAGS), 2.5 (control registers), 2.6 (XCR0), 3.4.2 (selectors), tables 3-1 and 3-2
(segment types); AMD APM volume 2, section 3.1.7 (EFER).
"""

from __future__ import annotations

from typing import Final

from snapfs.layout import Choice, Flags, Hex

__all__ = ["CR0", "CR3", "CR3_WITHOUT_PCID", "CR4", "EFER", "RFLAGS", "SEGMENT_CODE_DATA", "SEGMENT_SYSTEM", "SELECTOR", "XCR0"]

RFLAGS: Final = Flags(
    64,
    {
        0: "CF",
        2: "PF",
        4: "AF",
        6: "ZF",
        7: "SF",
        8: "TF",
        9: "IF",
        10: "DF",
        11: "OF",
        14: "NT",
        16: "RF",
        17: "VM",
        18: "AC",
        19: "VIF",
        20: "VIP",
        21: "ID",
    },
    ((12, 2, "IOPL"),),
)
CR0: Final = Flags(64, {0: "PE", 1: "MP", 2: "EM", 3: "TS", 4: "ET", 5: "NE", 16: "WP", 18: "AM", 29: "NW", 30: "CD", 31: "PG"})
CR3: Final = Flags(64, {61: "LAM_U57", 62: "LAM_U48"}, ((0, 12, "PCID"),))
CR3_WITHOUT_PCID: Final = Flags(64, {3: "PWT", 4: "PCD", 61: "LAM_U57", 62: "LAM_U48"})
CR4: Final = Flags(
    64,
    {
        0: "VME", 1: "PVI", 2: "TSD", 3: "DE", 4: "PSE", 5: "PAE", 6: "MCE", 7: "PGE", 8: "PCE", 9: "OSFXSR", 10: "OSXMMEXCPT",
        11: "UMIP", 12: "LA57", 13: "VMXE", 14: "SMXE", 16: "FSGSBASE", 17: "PCIDE", 18: "OSXSAVE", 19: "KL", 20: "SMEP",
        21: "SMAP", 22: "PKE", 23: "CET", 24: "PKS", 25: "UINTR", 27: "LASS", 28: "LAM_SUP", 32: "FRED",
    },
)  # fmt: skip
EFER: Final = Flags(
    64,
    {
        0: "SCE",
        8: "LME",
        10: "LMA",
        11: "NXE",
        12: "SVME",
        13: "LMSLE",
        14: "FFXSR",
        15: "TCE",
        17: "MCOMMIT",
        18: "INTWB",
        20: "UAIE",
        21: "AIBRSE",
    },
)
XCR0: Final = Flags(
    64,
    {
        0: "x87", 1: "SSE", 2: "AVX", 3: "BNDREGS", 4: "BNDCSR", 5: "opmask", 6: "ZMM_Hi256", 7: "Hi16_ZMM", 9: "PKRU",
        11: "CET_U", 12: "CET_S", 17: "XTILECFG", 18: "XTILEDATA", 19: "APX", 62: "LWP",
    },
)  # fmt: skip


def _code_or_data(kind: int) -> str:
    accessed = ["accessed"] if kind & 1 else []
    if kind & 8:
        return " ".join(["code", "execute-read" if kind & 2 else "execute-only", *(["conforming"] if kind & 4 else []), *accessed])
    return " ".join(["data", "read-write" if kind & 2 else "read-only", *(["expand-down"] if kind & 4 else []), *accessed])


# the type field of a segment whose S bit is set, and of one whose S bit is clear
SEGMENT_CODE_DATA: Final = Choice({kind: _code_or_data(kind) for kind in range(16)}, Hex(8))
SEGMENT_SYSTEM: Final = Choice(
    {
        1: "16-bit TSS available", 2: "LDT", 3: "16-bit TSS busy", 4: "16-bit call gate", 5: "task gate", 6: "16-bit interrupt gate",
        7: "16-bit trap gate", 9: "TSS available", 11: "TSS busy", 12: "call gate", 14: "interrupt gate", 15: "trap gate",
    },
    Hex(8),
)  # fmt: skip
SELECTOR: Final = Flags(16, {2: "LDT"}, ((0, 2, "RPL"), (3, 13, "index")))
