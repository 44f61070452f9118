"""Named bits of the x86 control registers.

Source: Intel SDM volume 3, sections 2.3 (EFLAGS), 2.5 (control registers), 2.6 (XCR0); AMD APM volume 2, section 3.1.7 (EFER).
"""

from __future__ import annotations

from typing import Final

from snapfs.layout import Flags

__all__ = ["APIC_BASE", "CR0", "CR3", "CR4", "EFER", "RFLAGS", "XCR0"]

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
APIC_BASE: Final = Flags(64, {8: "BSP", 10: "EXTD", 11: "EN"})
XCR0: Final = Flags(
    64,
    {
        0: "x87", 1: "SSE", 2: "AVX", 3: "BNDREGS", 4: "BNDCSR", 5: "opmask", 6: "ZMM_Hi256", 7: "Hi16_ZMM", 9: "PKRU",
        11: "CET_U", 12: "CET_S", 17: "XTILECFG", 18: "XTILEDATA", 19: "APX", 62: "LWP",
    },
)  # fmt: skip
